import type { Reach } from "./find.js";
import type { LeaseNo, WorkerNo } from "../ids.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import { isEligible } from "../state/workers.js";

/**
 * Who is to be asked next, in one round of placement.
 *
 * Workers with room take turns, one task a turn, so that no one is packed while others idle.
 * First each is offered only what lies on its own host, then what is in its rack, then anything:
 * a task goes far only when no one near has room. Only what nobody has room for now is taken to
 * wait at a busy worker: before that it would pass by an idle one.
 *
 * @param tryPlace decides and applies one placement; the lease that was granted, or 0
 * @param most stop after so many grants
 * @returns the leases that were granted, in order
 */
export function placementRound(
  state: State,
  tryPlace: (worker: WorkerNo, reach: Reach, ahead: boolean) => LeaseNo,
  most: number,
): readonly LeaseNo[] {
  const { placement } = state;
  const granted: LeaseNo[] = [];
  if (placement.active.length === 0) return granted;
  const offered = candidates(state);
  for (const ahead of [false, true]) {
    let turn = ahead ? offered.filter((no) => prefetches(state.worker(no))) : offered;
    for (const reach of [0, 1, 2] as const) {
      // Those that got one move up in place: this runs once for each grant.
      const asked = [...turn];
      let count = asked.length;
      while (count > 0 && granted.length < most && placement.active.length > 0) {
        let again = 0;
        for (let i = 0; i < count; i++) {
          if (granted.length >= most || placement.active.length === 0) break;
          const worker = asked[i] as WorkerNo;
          const lease = tryPlace(worker, reach, ahead);
          if (lease === 0) continue;
          granted.push(lease);
          asked[again++] = worker;
        }
        count = again;
      }
      if (granted.length >= most) return granted;
      turn = turn.filter((worker) => isEligible(state.worker(worker)));
    }
  }
  for (const no of offered) {
    const worker = state.worker(no);
    if (isEligible(worker)) worker.missedAt = placement.version;
  }
  return granted;
}

/** Has it room for a task that waits until it fits? */
function prefetches(worker: Worker): boolean {
  return worker.ahead.length < worker.spec.prefetchTasks && isEligible(worker);
}

/** Workers with room that something new may have come for; those without room leave the offers. */
function candidates(state: State): WorkerNo[] {
  const { offers, version } = state.placement;
  const asked: WorkerNo[] = [];
  for (const no of offers) {
    const worker = state.worker(no);
    if (!isEligible(worker)) offers.delete(no);
    else if (worker.missedAt !== version) asked.push(no);
  }
  return asked;
}
