import type { Stamp } from "../context.js";
import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import type { Charge } from "../outcome.js";
import { noteLoss } from "../state/losing.js";
import { endDelivery, moveTask, putInLine, recordDelivery } from "../state/moves.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** The attempt failed; the task waits for its next one. */
export function applyAttemptFailed(
  state: State,
  event: EventOf<"attempt_failed">,
  stamp: Stamp,
): void {
  const lease = endDelivery(state, event, "retry", stamp);
  recordDelivery(state, lease, "failed", event, stamp);
  chargeTask(state, event.task, event.charge);
  state.worker(event.worker).failed += 1;
  state.stageOf(event.task).retries += 1;
  if (event.retryAt > stamp.now) {
    moveTask(state, event.task, TaskState.scheduled);
    state.tasks.runAt.set(event.task, event.retryAt);
    state.scheduled.push(event.retryAt, event.task);
  } else {
    putInLine(state, event.task);
  }
}

/** Takes an ended delivery out of the budget that pays for it. */
export function chargeTask(state: State, task: number, charge: Charge): void {
  const { tasks } = state;
  switch (charge) {
    case "attempt":
      tasks.failures.add(task, 1);
      return;
    case "lost":
      tasks.lost.add(task, 1);
      noteLoss(state, task);
      return;
    case "oom":
      tasks.oom.add(task, 1);
      return;
    case "none":
    case "drain":
      return;
    case "breaker":
      assert(false, "no breaker charges yet");
  }
}
