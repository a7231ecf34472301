import type { Shape } from "./bags.js";
import { atHost, atRack, noPreference } from "./bags.js";
import { askFor, askShort, couldTake, hasRoomFor } from "./candidates.js";
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
 * Those who were asked and got nothing are not asked again before there is news for them. As long as only some
 * were asked, nothing is taken to wait: one who was not may have room for it now.
 *
 * @param tryPlace decides and applies one placement; the lease that was granted, or 0
 * @param most stop after so many grants
 * @param isLate stop after a grant, whatever their number
 * @returns the leases that were granted, in order
 */
export function placementRound(
  state: State,
  tryPlace: TryPlace,
  most: number,
  isLate: () => boolean = () => false,
): readonly LeaseNo[] {
  const { placement } = state;
  const granted: LeaseNo[] = [];
  // Not before the first grant: a round that is begun anew each time must come further than the last.
  const isEnough = () => granted.length >= most || (granted.length > 0 && isLate());
  // Where only some were asked for a shape, all that there are come next.
  for (const askAll of [false, true]) {
    if (placement.active.length === 0) placement.news.clear();
    const { asked, areAll } = candidates(state, most - granted.length, askAll);
    if (asked.size > 0) {
      askInTurns(state, [...asked], { tryPlace, isEnough, granted, mayGoAhead: areAll });
    }
    if (isEnough()) return granted;
    // Those who were not asked to take anything ahead are asked once more, beside all others.
    if (areAll) placement.offers.clear();
    for (const shape of placement.news) {
      if (areAll || shape.pending === 0) placement.news.delete(shape);
    }
    if (areAll) break;
  }
  settle(state);
  return granted;
}

/**
 * What still waits at the end of a round fits nobody: whoever may have room for it then has gained it since.
 * But one whose window of bytes is too short for the task that is next has room, and another task may go in.
 * Shapes of which nothing waits leave.
 */
function settle(state: State): void {
  const { placement } = state;
  for (let i = placement.active.length - 1; i >= 0; i--) {
    const shape = placement.active[i] as Shape;
    if (placement.head(shape) === undefined) {
      placement.retire(shape);
      shape.short.clear();
      continue;
    }
    const keep = (no: WorkerNo) => {
      if (couldTake(state.worker(no), shape, placement)) shape.short.add(no);
    };
    placement.room.since(shape.roomSeen, keep);
    shape.candidates.forEach(keep);
    shape.candidates.clear();
    shape.roomSeen = placement.room.moment;
  }
}

/** What a pass of asking goes by. */
interface Pass {
  readonly tryPlace: TryPlace;
  readonly isEnough: () => boolean;
  /** What was granted so far; more is added. */
  readonly granted: LeaseNo[];
  /** May be taken to wait at a busy worker what nobody has room for? */
  readonly mayGoAhead: boolean;
}

function askInTurns(
  state: State,
  offered: readonly WorkerNo[],
  { tryPlace, isEnough, granted, mayGoAhead }: Pass,
): void {
  const { placement } = state;
  const isOver = () => placement.active.length === 0 || isEnough();
  for (const ahead of mayGoAhead ? [false, true] : [false]) {
    let turn = offered.filter((no) => {
      const worker = state.worker(no);
      return ahead ? prefetches(worker) : couldRun(worker, placement);
    });
    for (const reach of [0, 1, 2] as const) {
      for (let goesOn = true; goesOn;) {
        const isWorthIt = reach < 2 && turn.length > askedAnyway;
        const near = isWorthIt ? nearHeads(placement, turn.length / 2) : undefined;
        const asked =
          near === undefined
            ? [...turn]
            : turn.filter((no) => isNear(state.worker(no), near, reach));
        const before = granted.length;
        takeTurns(asked, isOver, (worker) => {
          const lease = tryPlace(worker, reach, ahead);
          if (lease !== 0) granted.push(lease);
          return lease !== 0;
        });
        // What has come to the head of its line since may be near to others.
        goesOn = near !== undefined && granted.length > before && !isOver();
      }
      if (isEnough()) return;
      turn = turn.filter((worker) => isEligible(state.worker(worker)));
    }
  }
}

/** So many workers are asked without a look at where the tasks would like to run. */
const askedAnyway = 64;

/** Asks each in turn, again and again, those that got something the last time, until nobody does. */
function takeTurns(
  asked: WorkerNo[],
  isOver: () => boolean,
  ask: (worker: WorkerNo) => boolean,
): void {
  // Those that got one move up in place: this runs once for each grant.
  let count = asked.length;
  while (count > 0 && !isOver()) {
    let again = 0;
    for (let i = 0; i < count && !isOver(); i++) {
      const worker = asked[i] as WorkerNo;
      if (ask(worker)) asked[again++] = worker;
    }
    count = again;
  }
}

function isNear({ host, rack }: Worker, near: ReadonlySet<number>, reach: Reach): boolean {
  return near.has(atHost(host)) || (reach === 1 && near.has(atRack(rack)));
}

/**
 * Where the tasks at the heads of the lines would like to run.
 *
 * @param most with more places most workers are near something, and are asked without a look
 * @returns undefined: anywhere, or at too many places
 */
function nearHeads(placement: Placement, most: number): ReadonlySet<number> | undefined {
  const near = new Set<number>();
  for (const shape of placement.active) {
    const bag = placement.head(shape);
    if (bag === undefined) continue;
    for (const places of [placement.bags.again, placement.bags.fresh]) {
      if (places.get(bag.no, noPreference) !== undefined) return undefined;
      for (const place of places.placesOf(bag.no)) {
        near.add(place);
        if (near.size > most) return undefined;
      }
    }
  }
  return near;
}

/**
 * Has it room to run something that waits? A look costs far less than to ask: of a full fleet all have room for
 * something ahead, and none to run it.
 */
function couldRun(worker: Worker, placement: Placement): boolean {
  // Then it has room for no shape: no look at each of them, in a fleet of which all have something ahead.
  if (worker.ahead.length > 0) return false;
  return placement.active.some(
    (shape) => hasRoomFor(worker, shape) && placement.isFeasible(shape, worker.workerClass),
  );
}

/** Has it room for a task that waits until it fits? */
function prefetches(worker: Worker): boolean {
  return worker.ahead.length < worker.spec.prefetchTasks && isEligible(worker);
}

/**
 * Workers that gained room, and those that have room for more of something.
 *
 * @param enough so many grants end the round
 */
function candidates(
  state: State,
  enough: number,
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
  for (const shape of placement.active) askShort(shape, placement, workerOf, asked);
  // A round that will be cut short anyway: what comes beside is looked at in one that goes to its end.
  if (asked.size >= enough && !askAll) return { asked, areAll: placement.news.size === 0 };
  for (const shape of placement.news) {
    if (shape.pending === 0) placement.news.delete(shape);
    else if (!askFor(shape, placement, workerOf, asked, askAll)) areAll = false;
  }
  return { asked, areAll };
}
