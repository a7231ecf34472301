import type { Constraint, TaskKind } from "../spec.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import { connectionOf } from "./workers.js";

/** An amount that no worker has, and the most that one has, in milli-units. */
export interface Lack {
  readonly name: string;
  readonly milli: number;
  readonly mostMilli: number;
}

/** Workers that serve a type and take nothing new, by why. */
export interface GoneWorkers {
  readonly lost: number;
  /** They finish what they have. */
  readonly draining: number;
  /** They finished what they had, and went. */
  readonly left: number;
  /** How long ago a lost one was last heard; undefined: none was since the process started. */
  readonly silentMs: number | undefined;
}

/** What stands in the way of tasks of one kind, as far as the workers that are known go. */
export type Obstacle =
  | { readonly kind: "none" }
  /** No worker that takes anything new serves the type in the namespace. */
  | { readonly kind: "no_worker"; readonly gone: GoneWorkers }
  /** No worker that serves it carries all the labels. Missing: those that none carries. */
  | { readonly kind: "constraints"; readonly missing: readonly Constraint[] }
  /** No worker that serves it and carries the labels has enough. Lacking: what none has alone. */
  | { readonly kind: "infeasible"; readonly lacking: readonly Lack[] };

const none: Obstacle = { kind: "none" };

/**
 * Whether any known worker could ever, when empty, run tasks of a kind: one that is neither lost nor
 * leaving. Ends at the first that could.
 *
 * @param now journal time, for how long lost workers have been silent
 */
export function obstacleTo(state: State, namespace: string, kind: TaskKind, now: number): Obstacle {
  for (const worker of state.workers) {
    if (isGoing(worker) || !serves(state, worker, namespace, kind.type)) continue;
    if (canEverRun(state, worker, kind)) return none;
  }
  // Every submit asks, and most have their answer by now: what follows may take its time.
  const known = state.workers.filter((worker) => serves(state, worker, namespace, kind.type));
  const serving = known.filter((worker) => !isGoing(worker));
  if (serving.length === 0) return { kind: "no_worker", gone: countGone(known, now) };
  return lackOf(state, serving, kind);
}

function isGoing({ lost, draining }: Worker): boolean {
  return lost || draining;
}

/** What it is that workers do not have, none of which could run tasks of the kind. */
function lackOf(state: State, serving: readonly Worker[], kind: TaskKind): Obstacle {
  const bearing = serving.filter((worker) => carriesAll(state, worker, kind));
  if (bearing.length === 0) {
    const isMissing = (label: Constraint) =>
      serving.every((worker) => !carries(state, worker, label));
    const missing = kind.constraints.filter(isMissing);
    return { kind: "constraints", missing };
  }
  const lacking = kind.demand.flatMap(({ name, milli }) => {
    const mostMilli = bearing.reduce(
      (most, worker) => Math.max(most, amountOf(state, worker, name)),
      0,
    );
    return milli > mostMilli ? [{ name, milli, mostMilli }] : [];
  });
  return { kind: "infeasible", lacking };
}

/** Why a task waits that is ready to run. */
export type PendingReason = "no_worker" | "constraints" | "infeasible" | "excluded" | "no_room";

/** Why pending tasks wait, found out once for all tasks of a bag: for a single answer, not to be kept. */
export class PendingReasons {
  readonly #state: State;
  readonly #now: number;
  readonly #ofBag = new Map<number, PendingReason>();

  constructor(state: State, now: number) {
    this.#state = state;
    this.#now = now;
  }

  of(namespace: string, bag: number): PendingReason {
    const known = this.#ofBag.get(bag);
    if (known !== undefined) return known;
    const found = this.#find(namespace, this.#state.placement.bag(bag).kind);
    this.#ofBag.set(bag, found);
    return found;
  }

  #find(namespace: string, kind: TaskKind): PendingReason {
    const state = this.#state;
    let isDraining = false;
    for (const worker of state.workers) {
      if (worker.session === 0 || worker.lost) continue;
      if (!serves(state, worker, namespace, kind.type) || !canEverRun(state, worker, kind))
        continue;
      // Whoever could take it and has not, has no room: placement asks them all.
      if (!worker.draining) return "no_room";
      isDraining = true;
    }
    if (isDraining) return "excluded";
    const obstacle = obstacleTo(state, namespace, kind, this.#now);
    // Those that could are disconnected.
    return obstacle.kind === "none" ? "no_worker" : obstacle.kind;
  }
}

function serves(state: State, worker: Worker, namespace: string, type: string): boolean {
  const { namespaces, types } = state.placement.classes[worker.workerClass] ?? {};
  return namespaces?.has(namespace) === true && types?.has(type) === true;
}

function canEverRun(state: State, worker: Worker, kind: TaskKind): boolean {
  return (
    carriesAll(state, worker, kind) &&
    kind.demand.every(({ name, milli }) => milli <= amountOf(state, worker, name))
  );
}

function carriesAll(state: State, worker: Worker, { constraints }: TaskKind): boolean {
  return constraints.every((constraint) => carries(state, worker, constraint));
}

function carries(state: State, worker: Worker, { label, value }: Constraint): boolean {
  return state.placement.classes[worker.workerClass]?.labels.get(label) === value;
}

function amountOf(state: State, worker: Worker, name: string): number {
  const kind = state.placement.resources.find(name);
  return kind === undefined ? 0 : (worker.total[kind] ?? 0);
}

function countGone(workers: readonly Worker[], now: number): GoneWorkers {
  const gone = { lost: 0, draining: 0, left: 0 };
  let heardAt = -1;
  for (const worker of workers) {
    if (connectionOf(worker) === "left") {
      gone.left += 1;
    } else if (worker.lost) {
      gone.lost += 1;
      heardAt = Math.max(heardAt, worker.heardAt);
    } else {
      gone.draining += 1;
    }
  }
  return { ...gone, silentMs: heardAt < 0 ? undefined : Math.max(0, now - heardAt) };
}
