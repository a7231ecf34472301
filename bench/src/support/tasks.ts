import type { TaskDefinition } from "@capstan/sdk";
import { payloadBytes } from "./echo-service.js";

/** The type of every task of the benches. Its handler does nothing. */
export const taskType = "noop";

/** Bytes to cut payloads from: making them is no part of what is measured. */
const material = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 2_654_435_761) >>> 24));

/** A task with a payload that is not its neighbour's. */
export function noopTask(index: number): TaskDefinition {
  const at = (index * 7) % (material.length - payloadBytes);
  return { payload: material.subarray(at, at + payloadBytes) };
}

/** So many of them, made as they are read. */
export function* noopTasks(count: number): Generator<TaskDefinition> {
  for (let index = 0; index < count; index++) yield noopTask(index);
}
