import type { EventOf } from "../events.js";
import { forgetJob, forgetTasks } from "../state/retirement.js";
import type { State } from "../state/state.js";

/** One step of a large job that leaves. */
export function applyTasksRetired(state: State, event: EventOf<"tasks_retired">): void {
  forgetTasks(state, event.stage, event.fromIndex, event.toIndex);
  if (event.next === undefined) forgetJob(state, event.job);
  else state.jobs.leaving.set(event.job, event.next);
}
