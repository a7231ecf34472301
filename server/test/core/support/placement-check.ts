import assert from "node:assert/strict";
import type { State, WorkerSpec } from "../../../src/core/index.js";
import { bodyBytesMax } from "./random-specs.js";

type Worker = State["workers"][number];
type Bag = ReturnType<State["placement"]["bag"]>;

/** Why a ready task stayed beside a worker, each time that the two were looked at. */
export interface Idleness {
  /** No session, lost, draining, or no credit. */
  unavailable: number;
  infeasible: number;
  /** It is full, and has as much ahead as it wants. */
  full: number;
  /** Its window of bytes is near its end. */
  bytes: number;
}

/**
 * What placement promises as long as it has no patience (docs/adr/0005): locality orders a round and
 * holds nothing back, so that once a round has gone to its end, no ready task remains beside a worker
 * that could take it, to run it or to have it ahead. Read from tasks, leases and what workers said,
 * never from the lists and ledgers that placement goes by.
 *
 * Two things may keep a worker with room from a task. What it has ahead comes first: nothing
 * overtakes it. And when its window of bytes is short by a task, the next task may be one that does
 * not go in; not when it holds nothing, for then it gets any.
 */
export function checkNobodyIdles(state: State, seen: Idleness): void {
  const ready = readyBags(state);
  if (ready.length === 0) return;
  for (const worker of state.workers) {
    const room = roomOf(state, worker);
    for (const bag of ready) {
      if (!isAvailable(worker)) seen.unavailable += 1;
      else if (!canEverRun(worker, bag)) seen.infeasible += 1;
      else if (worker.leases.size > 0 && room.bytes < bodyBytesMax) seen.bytes += 1;
      else {
        const { ahead } = room;
        const fits = ahead === 0 && isWithin(bag, room.left);
        const what = `with tasks of bag ${bag.no} ready, worker ${worker.no}`;
        assert(!fits, `${what} has room and holds ${worker.leases.size} leases`);
        assert(ahead >= worker.spec.prefetchTasks, `${what} has but ${ahead} ahead`);
        seen.full += 1;
      }
    }
  }
}

/** What is taken to wait at a busy worker passes by nobody who could run it now. */
export function checkNobodyIsPassedBy(state: State, lease: number): void {
  const granted = state.leases.get(lease);
  assert(granted !== undefined);
  const bag = state.placement.bag(state.tasks.bag.get(granted.task));
  for (const worker of state.workers) {
    if (worker.no === granted.worker || !isAvailable(worker) || !canEverRun(worker, bag)) continue;
    const { left, bytes, ahead } = roomOf(state, worker);
    if (worker.leases.size > 0 && bytes < bodyBytesMax) continue;
    const idles = ahead === 0 && isWithin(bag, left);
    assert(!idles, `lease ${lease} waits at worker ${granted.worker}, and ${worker.no} has room`);
  }
}

/**
 * What is ahead moves up when it fits, oldest first: the first of it does not fit into what is left.
 * Where a lease is stopping, its answer is what moves it up.
 */
export function checkMovedUp(state: State): number {
  let looks = 0;
  for (const worker of state.workers) {
    const [first] = worker.ahead;
    if (first === undefined) continue;
    if ([...worker.leases].some((no) => state.leases.get(no)?.stopping)) continue;
    const lease = state.leases.get(first);
    assert(lease !== undefined);
    const bag = state.placement.bag(state.tasks.bag.get(lease.task));
    const fits = isWithin(bag, roomOf(state, worker).left);
    assert(!fits, `lease ${first} is ahead at worker ${worker.no}, and it fits`);
    looks += 1;
  }
  return looks;
}

/** One bag for each kind of task that is in line: what holds for one of its tasks holds for all. */
function readyBags(state: State): readonly Bag[] {
  const { tasks, placement } = state;
  const bags = new Set<number>();
  for (let task = 0; task < tasks.count; task++) {
    // Waiting: neither blocked, nor put off, nor leased.
    if (tasks.state.get(task) !== 1) continue;
    const stage = state.stageOf(task);
    if (stage.opened && state.job(stage.job).state === "running") bags.add(tasks.bag.get(task));
  }
  return [...bags].map((no) => placement.bag(no));
}

function isAvailable({ session, lost, draining, leases, creditTasks }: Worker): boolean {
  return session !== 0 && !lost && !draining && leases.size < creditTasks;
}

function canEverRun(worker: Worker, { kind, shape }: Bag): boolean {
  const spec: WorkerSpec = worker.spec;
  const has = new Map(worker.capacity.map(({ name, milli }) => [name, milli]));
  return (
    spec.namespaces.includes(shape.namespace) &&
    spec.types.includes(kind.type) &&
    kind.constraints.every(({ label, value }) =>
      spec.labels.some((entry) => entry.name === label && entry.value === value),
    ) &&
    kind.demand.every(({ name, milli }) => milli <= (has.get(name) ?? 0))
  );
}

function isWithin({ kind }: Bag, left: ReadonlyMap<string, number>): boolean {
  return kind.demand.every(({ name, milli }) => milli === 0 || milli <= (left.get(name) ?? 0));
}

function roomOf(state: State, worker: Worker) {
  const left = new Map(worker.capacity.map(({ name, milli }) => [name, milli]));
  let bytes = worker.creditBytes;
  let ahead = 0;
  for (const no of worker.leases) {
    const lease = state.leases.get(no);
    assert(lease !== undefined);
    bytes -= lease.bytes;
    if (lease.ahead) {
      ahead += 1;
      continue;
    }
    for (const [i, kind] of lease.demand.kinds.entries()) {
      const name = state.placement.resources.name(kind);
      left.set(name, (left.get(name) ?? 0) - (lease.demand.milli[i] ?? 0));
    }
  }
  return { left, bytes, ahead };
}
