import type { EventOf } from "../../core/index.js";
import type { ByteSink } from "./byte-sink.js";
import { Fields } from "./fields.js";
import { readTaskRows, type TaskRows } from "./task-rows.js";

type TasksAdded = EventOf<"tasks_added">;

/** Fields of `TasksAddedV1`. */
const Field = {
  job: 1,
  stage: 2,
  firstTask: 3,
  firstIndex: 4,
  firstBlob: 5,
  tasks: 6,
} as const;

/** What the event has beside the rows of its tasks: five numbers with their tags, and their length. */
export const tasksAddedBytesMax = 5 * (1 + 8) + 1 + 5;

/** @param rows none yet, and none after: room that is used again */
export function writeTasksAdded(sink: ByteSink, event: TasksAdded, rows: TaskRows): void {
  sink.number(Field.job, event.job);
  sink.number(Field.stage, event.stage);
  sink.number(Field.firstTask, event.firstTask);
  sink.number(Field.firstIndex, event.firstIndex);
  sink.number(Field.firstBlob, event.firstBlob);
  rows.addAll(event.tasks);
  sink.field(Field.tasks, rows.take());
}

/** Reads the message in bytes [start, end). */
export function readTasksAdded(bytes: Uint8Array, start: number, end: number): TasksAdded {
  const fields = new Fields(bytes, start, end, Field.tasks);
  return {
    type: "tasks_added",
    version: 1,
    job: fields.number(Field.job),
    stage: fields.number(Field.stage),
    firstTask: fields.number(Field.firstTask),
    firstIndex: fields.number(Field.firstIndex),
    firstBlob: fields.number(Field.firstBlob),
    tasks: readTaskRows(bytes, fields.start(Field.tasks), fields.end(Field.tasks)),
  };
}
