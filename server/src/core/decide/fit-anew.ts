import type { Context } from "../context.js";
import type { Notice } from "../decision.js";
import type { CoreEvent } from "../events.js";
import type { LeaseNo } from "../ids.js";
import { charge, fits, fitsEmpty, knownDemand, knownVector } from "../placement/resources.js";
import type { Resource } from "../spec.js";
import type { Lease } from "../state/leases.js";
import { tokenOf } from "../state/leases.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import { mayDie } from "./end-many.js";
import { requeue } from "./requeue.js";

/** What a worker keeps, when what it has to offer becomes another. */
export interface NewFit {
  readonly capacity: readonly Resource[];
  /** Leases that end with the same command: they take nothing any more. */
  readonly gone: readonly Lease[];
  /** Demands of leases that it holds beside those on its ledger. */
  readonly adopted: readonly (readonly Resource[])[];
  /** Has its worker started it? */
  readonly isStarted: (lease: Lease) => boolean;
}

/**
 * Fits the leases of a worker to another capacity. What has not started and could not start any
 * more, even if the worker were empty, goes to others: held there it would wait for ever. What was
 * ahead and fits now moves up, oldest first, stopping at the first that does not fit.
 */
export function fitAnew(
  state: State,
  worker: Worker,
  { capacity, gone, adopted, isStarted }: NewFit,
  context: Context,
): { readonly events: readonly CoreEvent[]; readonly notices: readonly Notice[] } {
  const { resources } = state.placement;
  const total = knownVector(capacity, resources);
  const used = [...worker.used];
  const left = new Set<LeaseNo>(worker.leases);
  for (const lease of gone) {
    left.delete(lease.no);
    if (!lease.ahead) charge(used, lease.demand, -1);
  }
  for (const demand of adopted) charge(used, knownDemand(demand, resources), 1);
  const events: CoreEvent[] = [];
  const notices: Notice[] = [];
  for (const no of worker.leases) {
    const lease = state.leases.get(no);
    if (lease === undefined || !left.has(no) || lease.stopping || isStarted(lease)) continue;
    if (fitsEmpty(lease.demand, total)) continue;
    left.delete(no);
    // It stops, and keeps its room until the worker has answered for it.
    if (lease.ahead) charge(used, lease.demand, 1);
    const dies = mayDie(gone.length + events.length);
    const how = { reason: "recalled", charge: "none", stopping: true, mayDie: dies } as const;
    events.push(requeue(state, lease, how, context).event);
    const token = tokenOf(lease);
    notices.push({ kind: "recall", worker: worker.no, token, reason: "does_not_fit" });
  }
  const promoted: LeaseNo[] = [];
  for (const no of worker.ahead) {
    if (!left.has(no)) continue;
    const lease = state.leases.get(no);
    if (lease === undefined || !fits(lease.demand, total, used)) break;
    charge(used, lease.demand, 1);
    promoted.push(no);
  }
  if (promoted.length > 0) {
    events.push({ type: "leases_promoted", version: 1, worker: worker.no, promoted });
  }
  return { events, notices };
}
