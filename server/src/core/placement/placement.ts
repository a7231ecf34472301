import type { StageNo, TaskNo, WorkerNo } from "../ids.js";
import type { TaskKind, WorkerSpec } from "../spec.js";
import type { TaskTable } from "../state/tasks.js";
import { TaskState } from "../state/tasks.js";
import type { Bag, Shape, WorkerClass } from "./bags.js";
import { anywhere, atHost, atRack, BagTable, noPreference } from "./bags.js";
import { NumberHeap } from "./heap.js";
import { PendingLists } from "./pending-lists.js";
import type { HostPool } from "../state/host-pool.js";
import { RecentRoom } from "./recent-room.js";
import { Rackless } from "./rackless.js";
import { fitsEmpty, Interner, toDemand } from "./resources.js";

/**
 * Everything placement looks at: bags of like tasks, shapes in line, classes of like workers,
 * lists by host and rack. Derived from the durable state and rebuilt with it; a decision may
 * compact it in place, but nothing here is ever the truth about a task.
 */
export class Placement {
  readonly resources = new Interner();
  readonly hosts = new Interner();
  readonly racks = new Interner();
  /** Rack of each host, by number; -1: no worker has named it yet. */
  readonly rackOfHost: number[] = [];

  readonly bags = new BagTable();
  readonly shapes: Shape[] = [];
  readonly active: Shape[] = [];
  readonly classes: WorkerClass[] = [];
  readonly lists = new PendingLists();

  /** Shapes of which more waits than when workers were last asked. */
  readonly news = new Set<Shape>();
  /** Workers that may have gained room since they were last asked, in the order in which they are. */
  readonly offers = new Set<WorkerNo>();
  /** The same for each shape to look up, however long ago it last did. */
  readonly room = new RecentRoom();
  /** Workers by host and by rack. */
  readonly atHost = new Map<number, Set<WorkerNo>>();
  readonly atRack = new Map<number, Set<WorkerNo>>();

  readonly #shapeByKey = new Map<string, Shape>();
  #lastShape: { readonly kind: TaskKind; readonly shape: Shape } | undefined;
  readonly #classByKey = new Map<string, number>();
  readonly #tasks: TaskTable;
  readonly #hostPool: HostPool;
  readonly #rackless = new Rackless();

  constructor(tasks: TaskTable, hostPool: HostPool) {
    this.#tasks = tasks;
    this.#hostPool = hostPool;
  }

  addBag(stage: StageNo, namespace: string, kind: TaskKind, order: number): Bag {
    return this.bags.add({ stage, kind, shape: this.#shape(namespace, kind), order });
  }

  /** Makes what is derived of a bag whose stage and kind are there. */
  reviveBag(no: number, namespace: string, order: number): Bag {
    const { kind, shape } = this.bags;
    shape.set(no, this.#shape(namespace, kind.get(no) as TaskKind));
    this.bags.order.set(no, order);
    return this.bag(no);
  }

  bag(no: number): Bag {
    return this.bags.at(no);
  }

  /** The class of a worker, by everything that decides what it may ever run. */
  classOf(spec: WorkerSpec, total: readonly number[]): number {
    const key = JSON.stringify([
      [...spec.namespaces].sort(),
      [...spec.types].sort(),
      spec.labels.map((label) => [label.name, label.value]).sort(),
      total,
    ]);
    const known = this.#classByKey.get(key);
    if (known !== undefined) return known;
    const no = this.classes.length;
    this.classes.push({
      no,
      namespaces: new Set(spec.namespaces),
      types: new Set(spec.types),
      labels: new Map(spec.labels.map((label) => [label.name, label.value])),
      total: [...total],
    });
    this.#classByKey.set(key, no);
    return no;
  }

  /** A worker may have gained room: it is asked in the next round. */
  offer(no: WorkerNo): void {
    this.offers.add(no);
    this.room.touch(no);
  }

  /** A worker stands at a host and in a rack, where it was at others before or nowhere. */
  standAt(
    no: WorkerNo,
    from: { host: number; rack: number },
    to: { host: number; rack: number },
  ): void {
    this.atHost.get(from.host)?.delete(no);
    this.atRack.get(from.rack)?.delete(no);
    addTo(this.atHost, to.host, no);
    addTo(this.atRack, to.rack, no);
    this.setRack(to.host, to.rack);
  }

  /** Could any worker of the class, empty, run tasks of the shape? */
  isFeasible(shape: Shape, workerClass: number): boolean {
    const memo = shape.feasible[workerClass] ?? 0;
    if (memo !== 0) return memo === 1;
    const feasible = canRun(shape, this.classes[workerClass] as WorkerClass);
    while (shape.feasible.length <= workerClass) shape.feasible.push(0);
    shape.feasible[workerClass] = feasible ? 1 : 2;
    return feasible;
  }

  /** Puts the bag in line if it has anything to give. */
  refresh(bag: Bag): void {
    if (!bag.open || bag.pending === 0 || (bag.inLine && !bag.drained)) return;
    bag.drained = false;
    this.news.add(bag.shape);
    if (bag.inLine) return;
    bag.inLine = true;
    bag.shape.line.push(bag.order, bag.no);
    if (!bag.shape.active) {
      bag.shape.active = true;
      this.active.push(bag.shape);
    }
  }

  /** The last pending task of the bag is gone: granted, cancelled, or put off. */
  ranEmpty(bag: Bag): void {
    bag.drained = true;
    // One in line is cleared when it is met there; one out of line never is.
    if (!bag.inLine) this.#clear(bag);
  }

  /** The bag's stage is gone. Where it still stands in line it is met as one that has nothing. */
  forget(no: number): void {
    this.#clear(this.bag(no));
    this.bags.forget(no);
  }

  /** The bag of the shape that is next in line; undefined when nothing of it is pending. */
  head(shape: Shape): Bag | undefined {
    for (;;) {
      const no = shape.line.firstValue;
      if (no === undefined) return undefined;
      const bag = this.bag(no);
      if (bag.open && bag.pending > 0) return bag;
      shape.line.pop();
      bag.inLine = false;
      if (bag.pending === 0) this.#clear(bag);
    }
  }

  /** Takes shapes out of the active ones that have nothing left. */
  retire(shape: Shape): void {
    shape.active = false;
    const at = this.active.indexOf(shape);
    if (at >= 0) {
      this.active[at] = this.active[this.active.length - 1] as Shape;
      this.active.pop();
    }
  }

  /**
   * Puts waiting tasks into the lists of their bag, at all the places where they would like to
   * run. Within a place the largest input comes first.
   */
  thread(tasks: readonly TaskNo[]): void {
    const sorted = this.#bySize(tasks);
    this.lists.beginThread();
    for (const task of sorted) this.#threadOne(task);
  }

  /** Makes the lists of bags anew: where their tasks would like to run has changed. */
  rethread(bags: readonly number[], waitingOf: (bag: number) => readonly TaskNo[]): void {
    for (const no of bags) {
      this.#clear(this.bag(no));
      this.thread(waitingOf(no));
    }
  }

  /** A host's rack became known (or changed): its tasks can be found from the rack too. */
  setRack(host: number, rack: number): void {
    if (this.rackOfHost[host] === rack) return;
    while (this.rackOfHost.length <= host) this.rackOfHost.push(-1);
    this.rackOfHost[host] = rack;
    const live = this.#rackless.take(host, this.isLive);
    if (live.length === 0) return;
    this.lists.beginThread();
    live.sort((a, b) => this.#size(b.task) - this.#size(a.task) || a.task - b.task);
    for (const { task, delivery } of live) this.#insert(task, delivery, atRack(rack));
  }

  /** Tasks that wait for the rack of a host to become known, entries of those that moved on included. */
  get racklessEntries(): number {
    return this.#rackless.entries;
  }

  /** Is an entry of the lists still good: is the task in line, and not granted since? */
  readonly isLive = (task: TaskNo, delivery: number): boolean =>
    this.#tasks.state.get(task) === TaskState.waiting &&
    this.#tasks.delivery.get(task) === delivery;

  #threadOne(task: TaskNo): void {
    const delivery = this.#tasks.delivery.get(task);
    const count = this.#tasks.hostsCount.get(task);
    if (count === 0) {
      this.#insert(task, delivery, noPreference);
      return;
    }
    this.#insert(task, delivery, anywhere);
    const at = this.#tasks.hostsAt.get(task);
    const racks: number[] = [];
    for (let i = 0; i < count; i++) {
      const host = this.#hostPool.get(at + i);
      this.#insert(task, delivery, atHost(host));
      const rack = this.rackOfHost[host] ?? -1;
      if (rack === -1) this.#rackless.add(host, { task, delivery }, this.isLive);
      else if (!racks.includes(rack)) racks.push(rack);
    }
    for (const rack of racks) this.#insert(task, delivery, atRack(rack));
  }

  #insert(task: TaskNo, delivery: number, place: number): void {
    const bag = this.#tasks.bag.get(task);
    const places = delivery === 0 ? this.bags.fresh : this.bags.again;
    let list = places.get(bag, place);
    if (list === undefined) {
      list = this.lists.newList();
      places.set(bag, place, list);
    }
    this.lists.insert(list, task, delivery, this.#size(task), this.#size);
  }

  readonly #drop = (list: number): void => {
    this.lists.drop(list);
  };

  readonly #size = (task: TaskNo): number => this.#tasks.inputBytes.get(task);

  #bySize(tasks: readonly TaskNo[]): readonly TaskNo[] {
    for (let i = 1; i < tasks.length; i++) {
      if (this.#size(tasks[i - 1] as TaskNo) < this.#size(tasks[i] as TaskNo)) {
        return [...tasks].sort((a, b) => this.#size(b) - this.#size(a) || a - b);
      }
    }
    return tasks;
  }

  /** A bag that has run empty gives its lists back; entries in them are all dead. */
  #clear(bag: Bag): void {
    this.bags.fresh.clear(bag.no, this.#drop);
    this.bags.again.clear(bag.no, this.#drop);
  }

  #shape(namespace: string, kind: TaskKind): Shape {
    // Jobs that are alike come in a row and share their kinds.
    const last = this.#lastShape;
    if (last?.kind === kind && last.shape.namespace === namespace) return last.shape;
    const shape = this.#shapeByContent(namespace, kind);
    this.#lastShape = { kind, shape };
    return shape;
  }

  #shapeByContent(namespace: string, kind: TaskKind): Shape {
    const key = JSON.stringify([namespace, kind.type, kind.demand, kind.constraints]);
    const known = this.#shapeByKey.get(key);
    if (known !== undefined) return known;
    const shape: Shape = {
      no: this.shapes.length,
      namespace,
      type: kind.type,
      demand: toDemand(kind.demand, this.resources),
      constraints: kind.constraints,
      line: new NumberHeap(),
      active: false,
      feasible: [],
      pending: 0,
      candidates: new Set(),
      short: new Set(),
      roomSeen: 0,
    };
    this.shapes.push(shape);
    this.#shapeByKey.set(key, shape);
    return shape;
  }
}

function addTo(workers: Map<number, Set<WorkerNo>>, place: number, no: WorkerNo): void {
  const known = workers.get(place);
  if (known === undefined) workers.set(place, new Set([no]));
  else known.add(no);
}

function canRun(shape: Shape, workerClass: WorkerClass): boolean {
  return (
    workerClass.namespaces.has(shape.namespace) &&
    workerClass.types.has(shape.type) &&
    shape.constraints.every(({ label, value }) => workerClass.labels.get(label) === value) &&
    fitsEmpty(shape.demand, workerClass.total)
  );
}
