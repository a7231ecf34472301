import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import { endDelivery, moveTask, recordDelivery } from "../state/moves.js";
import type { State } from "../state/state.js";
import { extraOf } from "../state/state.js";
import { TaskState } from "../state/tasks.js";
import { chargeTask } from "./attempt-failed.js";

/** The failure is final: the task is a dead letter. */
export function applyTaskFailed(state: State, event: EventOf<"task_failed">, stamp: Stamp): void {
  const lease = endDelivery(state, event, "dead_lettered", stamp);
  recordDelivery(state, lease, "failed", event, stamp);
  chargeTask(state, event.task, event.charge);
  state.worker(event.worker).failed += 1;
  extraOf(state, event.task).deadLetterId = event.deadLetterId;
  moveTask(state, event.task, TaskState.failed);
  const job = state.jobOf(event.task);
  // Once the job is failing, the failure that made it so stands.
  if (job.state === "running" || job.failedTask === undefined) job.failedTask = event.task;
}
