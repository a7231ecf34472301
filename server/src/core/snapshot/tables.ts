import { Column, RefColumn, RetiredRows } from "../state/columns.js";
import type { State } from "../state/state.js";
import {
  bagTiers,
  durableNames,
  hostPoolTiers,
  jobTiers,
  stageTiers,
  taskTiers,
} from "../tiers.js";

/** What a field of a table can be, where it is durable. */
export type Field =
  | { readonly kind: "numbers"; readonly column: Column }
  | { readonly kind: "refs"; readonly column: RefColumn<unknown> }
  | { readonly kind: "gone"; readonly rows: RetiredRows }
  | { readonly kind: "map"; readonly map: Map<number, unknown> }
  | { readonly kind: "count" };

/** A table, by the names of its durable fields. */
export interface Table {
  readonly name: string;
  readonly row: Record<string, unknown>;
  readonly fields: ReadonlyMap<string, Field>;
}

/** The tables of a state in the order in which they are written. */
export function tablesOf({ jobs, stages, tasks, hostPool, placement }: State): readonly Table[] {
  return [
    tableOf("jobs", jobs, durableNames(jobTiers)),
    tableOf("stages", stages, durableNames(stageTiers)),
    tableOf("tasks", tasks, durableNames(taskTiers)),
    tableOf("hostPool", hostPool, durableNames(hostPoolTiers)),
    tableOf("bags", placement.bags, durableNames(bagTiers)),
  ];
}

function tableOf(name: string, table: object, names: readonly string[]): Table {
  const row = table as Record<string, unknown>;
  const fields = new Map<string, Field>();
  for (const field of names) {
    const value = row[field];
    // Columns by the state of tasks, of which each is one for itself.
    if (Array.isArray(value)) {
      for (const [i, one] of value.entries()) fields.set(`${field}.${i}`, fieldOf(one));
    } else {
      fields.set(field, fieldOf(value));
    }
  }
  return { name, row, fields };
}

function fieldOf(value: unknown): Field {
  if (value instanceof Column) return { kind: "numbers", column: value };
  if (value instanceof RefColumn) return { kind: "refs", column: value };
  if (value instanceof RetiredRows) return { kind: "gone", rows: value };
  if (value instanceof Map) return { kind: "map", map: value as Map<number, unknown> };
  return { kind: "count" };
}
