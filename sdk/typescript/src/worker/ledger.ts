import type { Resource } from "@capstan/proto/capstan/v1/common.js";

/** What a task holds of its worker, as places in the ledger's columns. Compared by identity. */
export interface Demand {
  /** As the contract carries it. */
  readonly resources: readonly Resource[];
  /** Columns and amounts, in thousandths. */
  readonly amounts: readonly { readonly column: number; readonly milli: number }[];
  /** Of those: `slots`, in units, for what is measured. */
  readonly slots: number;
}

/** The name of the resource that counts tasks, and what a task without a demand needs of it. */
const slots = "slots";
const oneSlot: readonly Resource[] = [{ name: slots, milli: 1_000n }];

/**
 * The worker's own ledger: what it has, less what runs. A demand leaves it when its handler has really
 * ended, not when it was told to, so that what runs never exceeds the capacity.
 */
export class Ledger {
  readonly #columns = new Map<string, number>();
  readonly #demands = new Map<string, Demand>();
  readonly #capacity: number[] = [];
  readonly #used: number[] = [];

  constructor(capacity: readonly Resource[]) {
    for (const { name, milli } of capacity.length === 0 ? oneSlot : capacity) {
      this.#capacity[this.#column(name)] = Number(milli);
    }
  }

  /** The demand of some resources: the same object for the same ones. None means one slot. */
  demand(resources: readonly Resource[]): Demand {
    const wanted = resources.length === 0 ? oneSlot : resources;
    const key = wanted.map(({ name, milli }) => `${name}=${milli}`).join(",");
    const known = this.#demands.get(key);
    if (known !== undefined) return known;
    const demand: Demand = {
      resources: wanted,
      amounts: wanted.map(({ name, milli }) => ({
        column: this.#column(name),
        milli: Number(milli),
      })),
      slots: Number(wanted.find(({ name }) => name === slots)?.milli ?? 0n) / 1_000,
    };
    this.#demands.set(key, demand);
    return demand;
  }

  /** Whether it fits beside what runs. */
  fits(demand: Demand): boolean {
    for (const { column, milli } of demand.amounts) {
      if ((this.#used[column] ?? 0) + milli > (this.#capacity[column] ?? 0)) return false;
    }
    return true;
  }

  /** Whether it would fit if nothing ran. */
  couldFit(demand: Demand): boolean {
    return demand.amounts.every(({ column, milli }) => milli <= (this.#capacity[column] ?? 0));
  }

  /** Something begins to hold it. */
  take(demand: Demand): void {
    for (const { column, milli } of demand.amounts) {
      this.#used[column] = (this.#used[column] ?? 0) + milli;
    }
  }

  /** What held it has ended. */
  release(demand: Demand): void {
    for (const { column, milli } of demand.amounts) {
      this.#used[column] = (this.#used[column] ?? 0) - milli;
    }
  }

  #column(name: string): number {
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    const column = this.#columns.size;
    this.#columns.set(name, column);
    this.#capacity[column] = 0;
    this.#used[column] = 0;
    return column;
  }
}
