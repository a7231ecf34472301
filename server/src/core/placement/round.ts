import type { Shape } from "./bags.js";
import { askFor, couldTake } from "./candidates.js";
import type { Reach } from "./find.js";
import type { LeaseNo, WorkerNo } from "../ids.js";
import type { Placement } from "./placement.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import { isEligible } from "../state/workers.js";

type TryPlace = (worker: WorkerNo, reach: Reach, ahead: boolean) => LeaseNo;

/**
 * Grants what can be granted.
 *
 * Workers with room take turns, one task a turn, so that no one is packed while others idle.
 * First each is offered only what lies on its own host, then what is in its rack, then anything:
 * a task goes far only when no one near has room. Only what nobody has room for now is taken to
 * wait at a busy worker: before that it would pass by an idle one.
 *
 * Asked are the workers that gained room, and for each shape of which more waits those that have room for it.
 * Those who were asked and got nothing are not asked again before there is news for them.
 *
 * @param tryPlace decides and applies one placement; the lease that was granted, or 0
 * @param most stop after so many grants
 * @returns the leases that were granted, in order
 */
export function placementRound(state: State, tryPlace: TryPlace, most: number): readonly LeaseNo[] {
  const { placement } = state;
  const granted: LeaseNo[] = [];
  // Where only some were asked for a shape, all that there are come next.
  for (const askAll of [false, true]) {
    if (placement.active.length === 0) placement.news.clear();
    const { asked, areAll } = candidates(state, askAll);
    if (asked.size > 0) askInTurns(state, [...asked], tryPlace, most, granted);
    if (granted.length >= most) return granted;
    placement.offers.clear();
    for (const shape of placement.news) {
      if (areAll || shape.pending === 0) placement.news.delete(shape);
    }
    if (placement.news.size === 0) break;
  }
  settle(placement);
  return granted;
}

/**
 * What still waits at the end of a round fits nobody: whoever may have room for it then has gained it since.
 * Shapes of which nothing does leave.
 */
function settle(placement: Placement): void {
  for (let i = placement.active.length - 1; i >= 0; i--) {
    const shape = placement.active[i] as Shape;
    if (placement.head(shape) === undefined) {
      placement.retire(shape);
      continue;
    }
    shape.candidates.clear();
    shape.roomSeen = placement.room.moment;
  }
}

function askInTurns(
  state: State,
  offered: readonly WorkerNo[],
  tryPlace: TryPlace,
  most: number,
  granted: LeaseNo[],
): void {
  const { placement } = state;
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
      if (granted.length >= most) return;
      turn = turn.filter((worker) => isEligible(state.worker(worker)));
    }
  }
}

/** Has it room for a task that waits until it fits? */
function prefetches(worker: Worker): boolean {
  return worker.ahead.length < worker.spec.prefetchTasks && isEligible(worker);
}

/** Workers that gained room, and those that have room for more of something. */
function candidates(
  state: State,
  askAll: boolean,
): { readonly asked: Set<WorkerNo>; readonly areAll: boolean } {
  const { placement } = state;
  const asked = new Set<WorkerNo>();
  let areAll = true;
  const workerOf = (no: WorkerNo) => state.worker(no);
  for (const no of placement.offers) {
    const worker = workerOf(no);
    // A look at what is left costs far less than to ask, three times over: most of a busy fleet has too little.
    if (placement.active.some((shape) => couldTake(worker, shape, placement))) asked.add(no);
  }
  for (const shape of placement.news) {
    if (shape.pending === 0) placement.news.delete(shape);
    else if (!askFor(shape, placement, workerOf, asked, askAll)) areAll = false;
  }
  return { asked, areAll };
}
