import type { DrainWorker, UpdateWorker } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept, reject } from "../decision.js";
import type { Resource } from "../spec.js";
import type { Lease } from "../state/leases.js";
import { tokenOf } from "../state/leases.js";
import type { State } from "../state/state.js";
import { leasesOf, mayDie } from "./end-many.js";
import { requeue } from "./requeue.js";

/**
 * A worker has more or less to offer than before. What it has not started and could not start any
 * more, even empty, goes to others: held there it would wait for ever.
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
  const outgrown = leasesOf(state, worker).filter(
    (lease) => !lease.stopping && lease.startedAt < 0 && !canHold(state, capacity, lease),
  );
  const events = outgrown.map((lease, i) => {
    const how = { reason: "recalled", charge: "none", stopping: true, mayDie: mayDie(i) } as const;
    return requeue(state, lease, how, context).event;
  });
  const notices = outgrown.map((lease) => {
    const token = tokenOf(lease);
    return { kind: "recall", worker: worker.no, token, reason: "does_not_fit" } as const;
  });
  return accept(
    undefined,
    [{ type: "worker_updated", version: 1, worker: worker.no, capacity }, ...events],
    { notices },
  );
}

/** Does the lease's demand fit into the capacity, empty? */
function canHold(state: State, capacity: readonly Resource[], { demand }: Lease): boolean {
  const { resources } = state.placement;
  return demand.kinds.every((kind, i) => {
    const name = resources.name(kind);
    const has = capacity.reduce((sum, entry) => (entry.name === name ? sum + entry.milli : sum), 0);
    return (demand.milli[i] ?? 0) <= has;
  });
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
