import type { DrainWorker, UpdateWorker } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept, reject } from "../decision.js";
import type { Lease } from "../state/leases.js";
import type { State } from "../state/state.js";
import { fitAnew } from "./fit-anew.js";

/**
 * A worker has more or less to offer than before: what it could not start any more goes to others,
 * what fits now moves up.
 */
export function decideUpdateWorker(
  state: State,
  command: UpdateWorker,
  context: Context,
): DecisionOn<UpdateWorker> {
  const worker = state.worker(command.worker);
  if (worker.session !== command.session) return superseded();
  const { capacity } = command;
  if (JSON.stringify(worker.capacity) === JSON.stringify(capacity)) return accept(undefined);
  const isStarted = (lease: Lease) => lease.startedAt >= 0;
  const fit = { capacity, gone: [], adopted: [], isStarted };
  const { events, notices } = fitAnew(state, worker, fit, context);
  return accept(
    undefined,
    [{ type: "worker_updated", version: 1, worker: worker.no, capacity }, ...events],
    { notices },
  );
}

/** A worker was told to stop: it finishes what it has and takes nothing new. */
export function decideDrainWorker(state: State, command: DrainWorker): DecisionOn<DrainWorker> {
  const worker = state.worker(command.worker);
  if (worker.session !== command.session) return superseded();
  if (worker.draining) return accept(undefined);
  return accept(undefined, [{ type: "worker_draining", version: 1, worker: worker.no }]);
}

function superseded() {
  return reject("session_superseded", "a newer session of this worker id has taken over");
}
