import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";
import { place } from "./worker-registered.js";

/** The worker has more or less than it had. Leases that it holds stay as they are. */
export function applyWorkerUpdated(state: State, event: EventOf<"worker_updated">): void {
  const worker = state.worker(event.worker);
  worker.capacity = event.capacity;
  place(state, worker);
}
