import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import { endDelivery, moveTask, recordDelivery } from "../state/moves.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";
import { chargeTask } from "./attempt-failed.js";

/** The delivery ended while its job was failing: instead of another try, the task is cancelled. */
export function applyDeliveryCancelled(
  state: State,
  event: EventOf<"delivery_cancelled">,
  stamp: Stamp,
): void {
  const lease = endDelivery(state, event, "cancelled", stamp);
  const { charge, failure } = event;
  recordDelivery(state, lease, "cancelled", { charge, failure }, stamp);
  chargeTask(state, event.task, charge);
  moveTask(state, event.task, TaskState.cancelled);
}
