import type { DrainWorker, UpdateWorker } from "../commands.js";
import type { DecisionOn } from "../decision.js";
import { accept, reject } from "../decision.js";
import type { State } from "../state/state.js";

/** A worker has more or less to offer than before. */
export function decideUpdateWorker(state: State, command: UpdateWorker): DecisionOn<UpdateWorker> {
  const worker = state.worker(command.worker);
  if (worker.session !== command.session) return superseded();
  const { capacity } = command;
  if (JSON.stringify(worker.capacity) === JSON.stringify(capacity)) return accept(undefined);
  return accept(undefined, [{ type: "worker_updated", version: 1, worker: worker.no, capacity }]);
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
