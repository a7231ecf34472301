import type { EventOf } from "../events.js";
import { promote } from "../state/moves.js";
import type { State } from "../state/state.js";

/** The worker has more room than it had: these may start now. */
export function applyLeasesPromoted(state: State, event: EventOf<"leases_promoted">): void {
  promote(state, event.promoted);
}
