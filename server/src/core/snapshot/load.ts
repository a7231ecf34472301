import { newWorker } from "../apply/worker-registered.js";
import { assert } from "../errors.js";
import type { JobSpec, TaskKind } from "../spec.js";
import type { RefColumn } from "../state/columns.js";
import { chunkSize } from "../state/columns.js";
import type { PartitionHosts } from "../state/stages.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import type { StatePart } from "./parts.js";
import { rebuild } from "./rebuild.js";
import {
  extraFrom,
  type ExtraRow,
  leaseFrom,
  type LeaseRow,
  type PartitionRow,
  partitionsFrom,
  type WorkerRow,
} from "./rows.js";
import { type Field, type Table, tablesOf } from "./tables.js";

/**
 * Fills a state that has never heard of anything with the parts of a dump, in their order, and then makes all
 * that is derived. A part that is not known is refused: it would be forgotten in the next snapshot.
 */
export class StateLoader {
  readonly #state: State;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #specs: JobSpec[] = [];
  readonly #kinds: TaskKind[] = [];
  readonly #kindRefs: { readonly slot: number; readonly values: Uint32Array }[] = [];
  readonly #gone: { readonly table: Table; readonly slot: number }[] = [];

  constructor(state: State) {
    this.#state = state;
    this.#tables = new Map(tablesOf(state).map((table) => [table.name, table]));
  }

  /** @throws BugError for what no field is known for */
  take(part: StatePart): void {
    switch (part.kind) {
      case "specs":
        for (const spec of part.specs) this.#specs.push(spec);
        return;
      case "kinds":
        for (const kind of part.kinds) this.#kinds.push(kind);
        return;
      case "numbers": {
        const { field } = this.#field(part.name, "numbers");
        return field.column.restore(part.slot, part.values);
      }
      case "texts": {
        const { field } = this.#field(part.name, "refs");
        return fill(field.column as RefColumn<string>, part.slot, part.values);
      }
      case "refs":
        return this.#takeRefs(part.name, part.slot, part.values);
      case "gone": {
        const { table, field } = this.#field(part.name, "gone");
        field.rows.restore(part.slot, part.rows);
        if (part.rows.length === 0) this.#gone.push({ table, slot: part.slot });
        return;
      }
      case "rows":
        return this.#takeRows(part.name, part.rows);
    }
  }

  /** All parts were taken: from here on the state is whole. */
  finish(): void {
    const state = this.#state;
    this.#linkStages();
    for (const { slot, values } of this.#kindRefs) this.#linkKinds(slot, values);
    rebuild(state);
    // Last: what is written to a chunk that was given up is lost, and one that is not there would be made.
    for (const { table, slot } of this.#gone) {
      for (const value of Object.values(table.row)) dropFrom(value, slot);
    }
  }

  #takeRefs(name: string, slot: number, values: Uint32Array): void {
    if (name === "bags.kind") {
      this.#kindRefs.push({ slot, values });
      return;
    }
    assert(
      name === "jobs.spec",
      () => `a snapshot has references ${name}, which are not known here`,
    );
    fill(
      this.#state.jobs.spec,
      slot,
      Array.from(values, (no) => (no === 0 ? null : (this.#specs[no - 1] as JobSpec))),
    );
  }

  #linkStages(): void {
    const { jobs, stages } = this.#state;
    for (const stage of stages) {
      const spec = jobs.spec.get(stage.job)?.stages[stage.position];
      assert(spec !== undefined, () => `stage ${stage.no} without its job's spec`);
      stages.spec.set(stage.no, spec);
    }
  }

  #linkKinds(slot: number, values: Uint32Array): void {
    const { stages, placement } = this.#state;
    for (const [i, ref] of values.entries()) {
      if (ref === 0) continue;
      const no = slot * chunkSize + i;
      const own = stages.spec.get(placement.bags.stage.get(no))?.task;
      const kind = ref === 1 ? own : this.#kinds[ref - 2];
      assert(kind !== undefined, () => `bag ${no} without its kind`);
      placement.bags.kind.set(no, kind);
    }
  }

  #takeRows(name: string, rows: readonly unknown[]): void {
    const table = this.#tables.get(name.slice(0, Math.max(0, name.indexOf("."))));
    if (table !== undefined) return this.#takeTableRows(name, rows);
    const take = readers[name];
    assert(take !== undefined, () => `a snapshot has ${name}, which is not known here`);
    take(this.#state, rows);
  }

  #takeTableRows(name: string, rows: readonly unknown[]): void {
    const { table, field } = this.#field(name);
    if (field.kind === "count") {
      table.row[name.slice(table.name.length + 1)] = rows[0];
      return;
    }
    assert(field.kind === "map", () => `a snapshot has rows of ${name}, which is no map here`);
    for (const [no, value] of rows as readonly (readonly [number, unknown])[]) {
      if (name === "stages.partitionHosts") {
        // A stage with many partitions has several rows.
        const before = (field.map as Map<number, PartitionHosts>).get(no) ?? [];
        field.map.set(no, new Map([...before, ...partitionsFrom(value as PartitionRow)]));
      } else {
        field.map.set(no, value);
      }
    }
  }

  #field(name: string): { readonly table: Table; readonly field: Field };
  #field<K extends Field["kind"]>(
    name: string,
    kind: K,
  ): { readonly table: Table; readonly field: Extract<Field, { readonly kind: K }> };
  #field(name: string, kind?: Field["kind"]) {
    const dot = name.indexOf(".");
    const table = this.#tables.get(name.slice(0, dot));
    const field = table?.fields.get(name.slice(dot + 1));
    assert(
      table !== undefined && field !== undefined && (kind === undefined || field.kind === kind),
      () => `a snapshot has ${name}, which is not known here`,
    );
    return { table, field };
  }
}

function fill<T>(column: RefColumn<T>, slot: number, values: readonly (T | null)[]): void {
  for (const [i, value] of values.entries()) {
    if (value !== null) column.set(slot * chunkSize + i, value);
  }
}

function dropFrom(value: unknown, slot: number): void {
  if (Array.isArray(value)) for (const one of value) dropFrom(one, slot);
  else if (hasDrop(value)) value.drop(slot);
}

function hasDrop(value: unknown): value is { drop(slot: number): void } {
  return typeof value === "object" && value !== null && "drop" in value;
}

type Reader = (state: State, rows: readonly unknown[]) => void;

/** Rows beside the tables, by the names under which they are written. */
const readers: Readonly<Record<string, Reader | undefined>> = {
  leases: (state, rows) => {
    for (const row of rows as readonly LeaseRow[]) state.leases.set(row.no, leaseFrom(row));
  },
  nextLease: (state, rows) => {
    state.nextLease = rows[0] as number;
  },
  workers: (state, rows) => {
    for (const row of rows as readonly WorkerRow[]) state.workers.push(workerFrom(row));
  },
  extras: (state, rows) => {
    for (const [task, row] of rows as readonly (readonly [number, ExtraRow])[]) {
      state.extras.set(task, extraFrom(row));
    }
  },
  outputPartitions: (state, rows) => {
    for (const [task, partitions] of rows as readonly (readonly [number, number[]])[]) {
      state.outputPartitions.set(task, partitions);
    }
  },
  resources: (state, rows) => {
    for (const name of rows as readonly string[]) state.placement.resources.number(name);
  },
  hosts: (state, rows) => {
    for (const name of rows as readonly string[]) state.placement.hosts.number(name);
  },
  racks: (state, rows) => {
    for (const name of rows as readonly string[]) state.placement.racks.number(name);
  },
  rackOfHost: (state, rows) => {
    for (const rack of rows as readonly number[]) state.placement.rackOfHost.push(rack);
  },
};

function workerFrom({ leases, ...facts }: WorkerRow): Worker {
  return { ...newWorker(facts.no, facts.spec), ...facts, leases: new Set(leases) };
}
