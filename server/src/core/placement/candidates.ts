import type { WorkerNo } from "../ids.js";
import type { Worker } from "../state/workers.js";
import { isEligible } from "../state/workers.js";
import { hostOf, rackOf, type Shape } from "./bags.js";
import type { Placement } from "./placement.js";
import { fits } from "./resources.js";

/** How many workers are asked at first for each task that waits, and besides. */
const askedPerTask = 4;
const askedBesides = 16;
/** How many of a shape's bags are looked at for where their tasks would like to run. */
const bagsLookedAt = 64;
/** How many of those whose window of bytes is short. */
const shortAsked = 4;
/** How many workers of each rack. */
const askedOfRack = 16;

/**
 * Workers that something of the shape may be for, now that more of it waits.
 *
 * The shape keeps those that had room for it when they were last looked at, and learns of those that gained some
 * since: a full fleet is not asked again for each job that comes. Where many more have room than tasks wait, a few
 * are asked at first, those near the data among them, and the others take their turn with the next tasks.
 *
 * @returns whether those are all that there are
 */
export function askFor(
  shape: Shape,
  placement: Placement,
  worker: (no: WorkerNo) => Worker,
  asked: Set<WorkerNo>,
  askAll: boolean,
): boolean {
  const { candidates } = shape;
  placement.room.since(shape.roomSeen, (no) => {
    if (couldTake(worker(no), shape, placement)) candidates.add(no);
  });
  shape.roomSeen = placement.room.moment;
  const most = askAll ? Infinity : askedPerTask * shape.pending + askedBesides;
  const ask = (no: WorkerNo): boolean => {
    if (!candidates.has(no)) return false;
    if (couldTake(worker(no), shape, placement)) {
      asked.add(no);
      return true;
    }
    // It is heard of again when that changes.
    candidates.delete(no);
    return false;
  };
  if (candidates.size <= most) {
    for (const no of candidates) ask(no);
    return true;
  }
  for (const place of placesOf(shape, placement)) {
    const host = hostOf(place);
    for (const no of host === undefined ? none : (placement.atHost.get(host) ?? none)) ask(no);
    const rack = rackOf(place);
    let ofRack = 0;
    for (const no of rack === undefined ? none : (placement.atRack.get(rack) ?? none)) {
      if (ask(no)) ofRack += 1;
      if (ofRack >= askedOfRack) break;
    }
  }
  let others = 0;
  for (const no of candidates) {
    if (others >= most) return false;
    if (!ask(no)) continue;
    others += 1;
    // To the end of the line, as many as there are tasks: others are first the next time.
    if (others > shape.pending) continue;
    candidates.delete(no);
    candidates.add(no);
  }
  return true;
}

/**
 * Workers with room whose window of bytes was too short for what was next. What is next changes with each grant,
 * for each by where its data lies: a few are asked in each round, in turn, which costs the same however many
 * there are.
 */
export function askShort(
  shape: Shape,
  placement: Placement,
  worker: (no: WorkerNo) => Worker,
  asked: Set<WorkerNo>,
): void {
  let left = shortAsked;
  for (const no of shape.short) {
    if (left-- === 0) return;
    // Refused once more it comes back, behind the others.
    shape.short.delete(no);
    shape.candidates.add(no);
    if (couldTake(worker(no), shape, placement)) asked.add(no);
  }
}

const none: Iterable<WorkerNo> = [];

/** Could the worker, as it is now, be given a task of the shape: to run it, or to have it ahead? */
export function couldTake(worker: Worker, shape: Shape, placement: Placement): boolean {
  if (!isEligible(worker) || !placement.isFeasible(shape, worker.workerClass)) return false;
  return worker.ahead.length < worker.spec.prefetchTasks || hasRoomFor(worker, shape);
}

/** Has it room to run a task of the shape now? What it has ahead comes first. */
export function hasRoomFor({ ahead, total, used }: Worker, { demand }: Shape): boolean {
  return ahead.length === 0 && fits(demand, total, used);
}

/** Where tasks of the shape would like to run, those of the bags that are first in line. */
function placesOf(shape: Shape, { bags }: Placement): Set<number> {
  const places = new Set<number>();
  for (const bag of shape.line.firstValues(bagsLookedAt)) {
    for (const lists of [bags.again, bags.fresh]) {
      for (const place of lists.placesOf(bag)) places.add(place);
    }
  }
  return places;
}
