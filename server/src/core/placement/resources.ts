import type { Resource } from "../spec.js";

/**
 * A demand as the ledger reads it: parallel arrays of resource numbers and milli-units, without
 * zeros, so that a check of fit touches only what the task asks for.
 */
export interface Demand {
  readonly kinds: readonly number[];
  readonly milli: readonly number[];
}

/** Numbers for names (of resources, hosts, racks), dense from 0, in the order first met. */
export class Interner {
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const fresh = this.#names.length;
    this.#names.push(name);
    this.#numbers.set(name, fresh);
    return fresh;
  }

  /** The number of a name that may never have been met; undefined: it was not. */
  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  name(number: number): string {
    return this.#names[number] ?? "";
  }

  get size(): number {
    return this.#names.length;
  }
}

export function toDemand(resources: readonly Resource[], names: Interner): Demand {
  const kinds: number[] = [];
  const milli: number[] = [];
  for (const resource of resources) {
    if (resource.milli === 0) continue;
    kinds.push(names.number(resource.name));
    milli.push(resource.milli);
  }
  return { kinds, milli };
}

/** By resource number, how much there is; kinds that are not named are 0. */
export function toVector(resources: readonly Resource[], names: Interner): number[] {
  const vector: number[] = [];
  for (const resource of resources) {
    const kind = names.number(resource.name);
    while (vector.length <= kind) vector.push(0);
    vector[kind] = (vector[kind] ?? 0) + resource.milli;
  }
  return vector;
}

/** As {@link toDemand}, where only reading is allowed: of a kind never met nobody has demanded anything. */
export function knownDemand(resources: readonly Resource[], names: Interner): Demand {
  return toDemand(
    resources.filter(({ name }) => names.find(name) !== undefined),
    names,
  );
}

/** As {@link toVector}, where only reading is allowed. */
export function knownVector(resources: readonly Resource[], names: Interner): number[] {
  return toVector(
    resources.filter(({ name }) => names.find(name) !== undefined),
    names,
  );
}

/** Does the demand fit into what is left of `total` after `used`? */
export function fits(demand: Demand, total: readonly number[], used: readonly number[]): boolean {
  const { kinds, milli } = demand;
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i] as number;
    if ((milli[i] as number) > (total[kind] ?? 0) - (used[kind] ?? 0)) return false;
  }
  return true;
}

const nothing: readonly number[] = [];

/** Does the demand fit into the whole of it, empty? */
export function fitsEmpty(demand: Demand, total: readonly number[]): boolean {
  return fits(demand, total, nothing);
}

/** Adds a demand to a vector, or takes it away (`sign` -1). */
export function charge(used: number[], demand: Demand, sign: 1 | -1): void {
  const { kinds, milli } = demand;
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i] as number;
    while (used.length <= kind) used.push(0);
    used[kind] = (used[kind] as number) + sign * (milli[i] as number);
  }
}
