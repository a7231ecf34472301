import type { StageNo } from "../ids.js";
import type { TaskKind } from "../spec.js";
import type { Demand } from "./resources.js";
import { type NumberHeap } from "./heap.js";

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
}

/** The tasks of one stage that are alike in everything. */
export interface Bag {
  readonly no: number;
  readonly stage: StageNo;
  readonly kind: TaskKind;
  readonly shape: Shape;
  /** Where it stands in line: by job, then by stage. */
  readonly order: number;
  /** Tasks in the state waiting. */
  pending: number;
  /** Its stage is open and its job runs. */
  open: boolean;
  inLine: boolean;
  /** It ran empty while in line: what comes next is news to workers that found nothing. */
  drained: boolean;
  /** Tasks never granted; and those that were, which are asked first. */
  readonly fresh: Places;
  readonly again: Places;
  /** What assignments of its tasks share, kept here by the query that makes it. */
  context: unknown;
}

/** Places of a list: anywhere (for tasks that would rather be elsewhere), or no preference. */
export const anywhere = 0;
export const noPreference = 1;

/**
 * Lists of tasks, by the place at which they would like to run. Most have no preference, and there may
 * be as many bags as jobs: their list is a number.
 */
export class Places {
  #plain = -1;
  #others: Map<number, number> | undefined;

  /** The list of a place; undefined: nothing was ever put there since it was cleared. */
  get(place: number): number | undefined {
    if (place !== noPreference) return this.#others?.get(place);
    return this.#plain === -1 ? undefined : this.#plain;
  }

  set(place: number, list: number): void {
    if (place === noPreference) this.#plain = list;
    else (this.#others ??= new Map()).set(place, list);
  }

  /** Has it lists of tasks that would rather be somewhere? */
  get arePicky(): boolean {
    return this.#others !== undefined;
  }

  /** Forgets all lists. @param drop is told each */
  clear(drop: (list: number) => void): void {
    if (this.#plain !== -1) drop(this.#plain);
    this.#plain = -1;
    for (const list of this.#others?.values() ?? none) drop(list);
    this.#others = undefined;
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
