import type { StageNo, WorkerNo } from "../ids.js";
import type { TaskKind } from "../spec.js";
import type { Demand } from "./resources.js";
import { type NumberHeap } from "./heap.js";
import {
  dropChunk,
  F64Column,
  RefColumn,
  RetiredRows,
  U32Column,
  U8Column,
} from "../state/columns.js";

/**
 * What decides whether a worker can run a task at all: namespace, type, demand, constraints.
 * There are few shapes however many tasks there are, and each keeps its bags in line.
 */
export interface Shape {
  readonly no: number;
  readonly namespace: string;
  readonly type: string;
  readonly demand: Demand;
  readonly constraints: readonly { readonly label: string; readonly value: string }[];
  /** Bags with something pending, oldest job first; may hold bags that have run empty since. */
  readonly line: NumberHeap;
  /** Is it among the placement's active shapes? */
  active: boolean;
  /** By worker class: 0 unknown, 1 can, 2 cannot. */
  readonly feasible: number[];
  /** Tasks in the state waiting, in all its bags. */
  pending: number;
  /** Workers that had room for it when they were last looked at; of others see `roomSeen`. */
  readonly candidates: Set<WorkerNo>;
  /** Those whose window of bytes was too short for the task that was next, in the order of their turns. */
  readonly short: Set<WorkerNo>;
  /** The moment of `Placement.room` up to which it has heard who gained room. */
  roomSeen: number;
}

/** What a bag is from its first moment on. */
export interface BagFacts {
  readonly stage: StageNo;
  readonly kind: TaskKind;
  readonly shape: Shape;
  readonly order: number;
}

/** All bags, as columns: of small jobs there is one for each. */
export class BagTable {
  /** How many bags there are; numbers are [0, count). */
  count = 0;

  readonly stage = new U32Column();
  readonly kind = new RefColumn<TaskKind>();
  readonly shape = new RefColumn<Shape>();
  readonly order = new F64Column();
  readonly pending = new U32Column();
  readonly open = new U8Column();
  readonly inLine = new U8Column();
  readonly drained = new U8Column();
  /** Lists of tasks never granted; and of those that were, which are asked first. */
  readonly fresh = new Places();
  readonly again = new Places();
  readonly contexts = new RecentContexts();

  readonly gone = new RetiredRows();
  readonly #columns = [
    ...[this.stage, this.kind, this.shape, this.order, this.pending],
    ...[this.open, this.inLine, this.drained, this.fresh, this.again],
  ];
  #last = new Bag(this, 0);

  /** A view of a bag: what is read and written through it is the bag's, however many views there are. */
  at(no: number): Bag {
    if (this.#last.no !== no) this.#last = new Bag(this, no);
    return this.#last;
  }

  add(facts: BagFacts): Bag {
    const no = this.count++;
    this.stage.set(no, facts.stage);
    this.kind.set(no, facts.kind);
    this.shape.set(no, facts.shape);
    this.order.set(no, facts.order);
    return this.at(no);
  }

  /** Nothing of the bag is left; its lists are cleared already. */
  forget(no: number): void {
    this.at(no).open = false;
    this.kind.set(no, undefined);
    this.shape.set(no, undefined);
    const chunk = this.gone.add(no);
    if (chunk >= 0) dropChunk(this.#columns, chunk);
  }

  *[Symbol.iterator](): Generator<Bag> {
    for (let no = 0; no < this.count; no++) if (!this.gone.has(no)) yield new Bag(this, no);
  }
}

/** The tasks of one stage that are alike in everything: a row of the table. */
export class Bag {
  readonly no: number;
  readonly #table: BagTable;

  constructor(table: BagTable, no: number) {
    this.#table = table;
    this.no = no;
  }

  get stage(): StageNo {
    return this.#table.stage.get(this.no);
  }

  get kind(): TaskKind {
    return this.#table.kind.get(this.no) as TaskKind;
  }

  get shape(): Shape {
    return this.#table.shape.get(this.no) as Shape;
  }

  /** Where it stands in line: by job, then by stage. */
  get order(): number {
    return this.#table.order.get(this.no);
  }

  /** Tasks in the state waiting. */
  get pending(): number {
    return this.#table.pending.get(this.no);
  }

  set pending(count: number) {
    this.shape.pending += count - this.pending;
    this.#table.pending.set(this.no, count);
  }

  /** Its stage is open and its job runs. */
  get open(): boolean {
    return this.#table.open.get(this.no) === 1;
  }

  set open(open: boolean) {
    this.#table.open.set(this.no, open ? 1 : 0);
  }

  get inLine(): boolean {
    return this.#table.inLine.get(this.no) === 1;
  }

  set inLine(inLine: boolean) {
    this.#table.inLine.set(this.no, inLine ? 1 : 0);
  }

  /** It ran empty while in line: what comes next is news to workers that found nothing. */
  get drained(): boolean {
    return this.#table.drained.get(this.no) === 1;
  }

  set drained(drained: boolean) {
    this.#table.drained.set(this.no, drained ? 1 : 0);
  }

  /** What assignments of its tasks share, kept for a while by the query that makes it; undefined: to be made. */
  get context(): unknown {
    return this.#table.contexts.get(this.no);
  }

  set context(context: unknown) {
    this.#table.contexts.set(this.no, context);
  }
}

/** Bags of which something is granted at about the same time. More are right too, and make theirs more often. */
const contextSlots = 256;

/** The contexts that were made last, in slots by the number of their bag. */
class RecentContexts {
  readonly #bags = new Float64Array(contextSlots).fill(-1);
  readonly #contexts = new Array<unknown>(contextSlots).fill(undefined);

  get(bag: number): unknown {
    const slot = bag % contextSlots;
    return this.#bags[slot] === bag ? this.#contexts[slot] : undefined;
  }

  set(bag: number, context: unknown): void {
    this.#bags[bag % contextSlots] = bag;
    this.#contexts[bag % contextSlots] = context;
  }
}

/** Places of a list: anywhere (for tasks that would rather be elsewhere), or no preference. */
export const anywhere = 0;
export const noPreference = 1;

/**
 * Lists of tasks, by bag and by the place at which they would like to run. Most have no preference, and there
 * may be as many bags as jobs: their list is a number.
 */
export class Places {
  /** One more than the list's number; 0: there is none. */
  readonly #plain = new U32Column();
  readonly #others = new Map<number, Map<number, number>>();

  /** The list of a place; undefined: nothing was ever put there since it was cleared. */
  get(bag: number, place: number): number | undefined {
    if (place !== noPreference) return this.#others.get(bag)?.get(place);
    const plain = this.#plain.get(bag);
    return plain === 0 ? undefined : plain - 1;
  }

  set(bag: number, place: number, list: number): void {
    if (place === noPreference) {
      this.#plain.set(bag, list + 1);
      return;
    }
    const others = this.#others.get(bag);
    if (others === undefined) this.#others.set(bag, new Map([[place, list]]));
    else others.set(place, list);
  }

  /** Places of the bag's tasks that would rather be somewhere. */
  placesOf(bag: number): Iterable<number> {
    return this.#others.get(bag)?.keys() ?? none;
  }

  /** Has the bag lists of tasks that would rather be somewhere? */
  arePicky(bag: number): boolean {
    return this.#others.size > 0 && this.#others.has(bag);
  }

  /** As of columns. */
  drop(slot: number): void {
    this.#plain.drop(slot);
  }

  /** Forgets all lists of a bag. @param drop is told each */
  clear(bag: number, drop: (list: number) => void): void {
    const plain = this.#plain.get(bag);
    if (plain !== 0) {
      drop(plain - 1);
      this.#plain.set(bag, 0);
    }
    if (!this.arePicky(bag)) return;
    for (const list of this.#others.get(bag)?.values() ?? none) drop(list);
    this.#others.delete(bag);
  }
}

const none: readonly number[] = [];

/** Workers that are alike in what they may run: same namespaces, types, labels, capacity. */
export interface WorkerClass {
  readonly no: number;
  readonly namespaces: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly total: readonly number[];
}

export function atHost(host: number): number {
  return 2 + 2 * host;
}
export function atRack(rack: number): number {
  return 3 + 2 * rack;
}

/** The host of a place; undefined: it is none. */
export function hostOf(place: number): number | undefined {
  return place >= 2 && place % 2 === 0 ? (place - 2) / 2 : undefined;
}

/** The rack of a place; undefined: it is none. */
export function rackOf(place: number): number | undefined {
  return place >= 3 && place % 2 === 1 ? (place - 3) / 2 : undefined;
}
