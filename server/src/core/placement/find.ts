import type { Level } from "../events.js";
import type { TaskNo } from "../ids.js";
import type { Bag, Places, Shape } from "./bags.js";
import { anywhere, atHost, atRack, noPreference } from "./bags.js";
import type { Placement } from "./placement.js";
import { fits } from "./resources.js";
import type { Worker } from "../state/workers.js";

/** The task that a worker should have next. */
export interface Match {
  readonly task: TaskNo;
  readonly bag: Bag;
  readonly level: Level;
  /** It does not fit now and would wait at the worker until it does. */
  readonly ahead: boolean;
}

/** How far from its data a task may be taken: 0 only its host, 1 its rack too, 2 anywhere. */
export type Reach = 0 | 1 | 2;

/**
 * The best task for a worker with room.
 *
 * Shapes that the worker can run and that fit are compared by their oldest bag; within the bag
 * the nearest task is taken, among equally near ones that with the largest input. Tasks that
 * were granted before are asked first, so that what is going to fail fails early. With `ahead`, a
 * task that does not fit now may be taken to wait at the worker. The work
 * follows the number of shapes with something pending, never the number of tasks.
 */
export function findTask(
  placement: Placement,
  worker: Worker,
  reach: Reach,
  ahead: boolean,
): Match | undefined {
  const waitsInLine = worker.ahead.length > 0;
  const mayPrefetch = ahead && worker.ahead.length < worker.spec.prefetchTasks;
  if (waitsInLine && !mayPrefetch) return undefined;
  if (reach === 2 && !waitsInLine) {
    const bag = oldestFitting(placement, worker);
    const match = bag && nearest(placement, bag, worker, reach, false);
    if (match !== undefined) return match;
  }
  let best: Match | undefined;
  let later: Match | undefined;
  for (let i = placement.active.length - 1; i >= 0; i--) {
    const shape = placement.active[i] as Shape;
    const bag = placement.head(shape);
    if (bag === undefined) {
      placement.retire(shape);
      continue;
    }
    if (!placement.isFeasible(shape, worker.workerClass)) continue;
    const fit = !waitsInLine && fits(shape.demand, worker.total, worker.used);
    if (fit) {
      if (best !== undefined && !isBefore(bag, best.bag)) continue;
      best = nearest(placement, bag, worker, reach, false) ?? best;
    } else if (mayPrefetch) {
      if (later !== undefined && !isBefore(bag, later.bag)) continue;
      later = nearest(placement, bag, worker, reach, true) ?? later;
    }
  }
  return best ?? later;
}

/**
 * The bag that comes first of all that fit. Anywhere is near enough for a task of it: where nothing is out of
 * reach, the lists of no other bag need to be looked at.
 */
function oldestFitting(placement: Placement, worker: Worker): Bag | undefined {
  let oldest: Bag | undefined;
  for (const shape of placement.active) {
    if (!fits(shape.demand, worker.total, worker.used)) continue;
    if (!placement.isFeasible(shape, worker.workerClass)) continue;
    const bag = placement.head(shape);
    if (bag !== undefined && (oldest === undefined || isBefore(bag, oldest))) oldest = bag;
  }
  return oldest;
}

function isBefore(a: Bag, b: Bag): boolean {
  return a.order !== b.order ? a.order < b.order : a.no < b.no;
}

function nearest(
  placement: Placement,
  bag: Bag,
  worker: Worker,
  reach: Reach,
  ahead: boolean,
): Match | undefined {
  return (
    nearestIn(placement, placement.bags.again, bag, worker, reach, ahead) ??
    nearestIn(placement, placement.bags.fresh, bag, worker, reach, ahead)
  );
}

function nearestIn(
  placement: Placement,
  places: Places,
  bag: Bag,
  worker: Worker,
  reach: Reach,
  ahead: boolean,
): Match | undefined {
  const arePicky = places.arePicky(bag.no);
  let task = arePicky ? firstAt(placement, places, bag, atHost(worker.host)) : undefined;
  if (task !== undefined) return { task, bag, level: 0, ahead };
  task = firstAt(placement, places, bag, noPreference);
  if (task !== undefined) return { task, bag, level: 3, ahead };
  if (!arePicky) return undefined;
  if (reach >= 1) task = firstAt(placement, places, bag, atRack(worker.rack));
  if (task !== undefined) return { task, bag, level: 1, ahead };
  if (reach >= 2) task = firstAt(placement, places, bag, anywhere);
  return task === undefined ? undefined : { task, bag, level: 2, ahead };
}

function firstAt(
  placement: Placement,
  places: Places,
  bag: Bag,
  place: number,
): TaskNo | undefined {
  const list = places.get(bag.no, place);
  return list === undefined ? undefined : placement.lists.first(list, placement.isLive);
}
