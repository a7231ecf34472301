import type { JournalMs } from "../ids.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";

/**
 * Sees to it that the worker's leases are looked at no later than at `at`. One entry for each
 * worker, not for each lease: entries that were overtaken are skipped when their time comes.
 */
export function arm(state: State, worker: Worker, at: JournalMs): void {
  if (at >= worker.checkAt) return;
  worker.checkAt = at;
  state.checks.push(at, worker.no);
}
