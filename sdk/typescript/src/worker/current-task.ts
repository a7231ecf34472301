import { AsyncLocalStorage } from "node:async_hooks";
import type { TaskContext } from "./task.js";

/** Where the context of the running handler is kept. */
export const taskStorage = new AsyncLocalStorage<TaskContext>();

/** The context of the task that the caller works for, at any depth of its calls; undefined outside a handler. */
export function currentTask(): TaskContext | undefined {
  return taskStorage.getStore();
}
