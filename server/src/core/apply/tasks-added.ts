import type { Stamp } from "../context.js";
import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";
import { addTasks } from "./add-tasks.js";

/** More tasks of an upload. */
export function applyTasksAdded(state: State, event: EventOf<"tasks_added">, stamp: Stamp): void {
  const stage = state.stage(event.stage);
  assert(event.firstTask === state.tasks.count, () => `tasks from ${event.firstTask} out of turn`);
  assert(event.firstIndex === stage.taskCount, () => `tasks at ${event.firstIndex} out of turn`);
  addTasks(state, stage, event.tasks, event.firstBlob, stamp);
  const job = state.job(event.job);
  job.uploadLapsesAt = stamp.now + job.spec.uploadTtlMs;
  job.revision += 1;
}
