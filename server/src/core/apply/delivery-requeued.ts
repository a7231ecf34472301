import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import { endDelivery, putInLine, recordDelivery } from "../state/moves.js";
import type { State } from "../state/state.js";
import { chargeTask } from "./attempt-failed.js";

/** Nobody failed: the task is in line again, in the same attempt. */
export function applyDeliveryRequeued(
  state: State,
  event: EventOf<"delivery_requeued">,
  stamp: Stamp,
): void {
  const returned =
    event.reason === "recalled" || event.reason === "drained" || event.reason === "over_delivered";
  const lease = endDelivery(state, event, returned ? "requeued" : undefined, stamp);
  const { charge } = event;
  recordDelivery(state, lease, event.reason, { charge, failure: undefined }, stamp);
  chargeTask(state, event.task, charge);
  putInLine(state, event.task);
}
