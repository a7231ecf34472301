import type { Context } from "../context.js";
import type { CoreEvent, LeaseFreed, RequeueReason } from "../events.js";
import type { LeaseNo } from "../ids.js";
import type { Charge } from "../outcome.js";
import type { Lease } from "../state/leases.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import { requeue } from "./requeue.js";
import { freed, promotedAfterAll } from "./shared.js";

/**
 * Dead letters that one command makes at the most: its events must fit into one journal entry. A
 * task beyond that gets one more delivery than its budget has.
 */
const deathsMax = 1_024;

/**
 * Ends several leases of one worker at once: live ones go back in line, stopping ones are freed.
 * Who moves up is said by the last event, when all the room is known.
 *
 * @param promoted who moves up; by default whoever fits into what the worker has
 */
export function endMany(
  state: State,
  worker: Worker,
  leases: readonly Lease[],
  how: { readonly reason: RequeueReason; readonly charge: Charge },
  context: Context,
  promoted: readonly LeaseNo[] = promotedAfterAll(state, worker, leases),
): CoreEvent[] {
  return leases.map((lease, i) => {
    const moveUp = { promoted: i === leases.length - 1 ? promoted : [] };
    if (lease.stopping) return { ...freed(state, lease), ...moveUp } satisfies LeaseFreed;
    const { event } = requeue(
      state,
      lease,
      { ...how, stopping: false, mayDie: mayDie(i) },
      context,
    );
    return { ...event, ...moveUp } as CoreEvent;
  });
}

/** Is there room in the entry for a dead letter of the lease at this place? */
export function mayDie(position: number): boolean {
  return position < deathsMax;
}

/** The worker's leases, oldest first. */
export function leasesOf(state: State, worker: Worker): Lease[] {
  return [...worker.leases].flatMap((no) => state.leases.get(no) ?? []);
}
