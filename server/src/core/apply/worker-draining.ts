import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";

/** The worker finishes what it has and takes nothing new. */
export function applyWorkerDraining(state: State, event: EventOf<"worker_draining">): void {
  state.worker(event.worker).draining = true;
}
