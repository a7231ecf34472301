import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import { freeLease, leaseOf, promote } from "../state/moves.js";
import type { State } from "../state/state.js";

/** A stopping lease was answered for: its room is free. */
export function applyLeaseFreed(state: State, event: EventOf<"lease_freed">): void {
  const lease = leaseOf(state, event.lease, event.type);
  assert(lease.stopping, () => `lease ${lease.no} is freed while it lives`);
  freeLease(state, lease);
  promote(state, event.promoted);
}
