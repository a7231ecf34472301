import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";

/** Nothing was heard of the worker for a whole term. Its leases were ended before. */
export function applyWorkerLost(state: State, event: EventOf<"worker_lost">): void {
  state.worker(event.worker).lost = true;
}
