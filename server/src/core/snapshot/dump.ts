import { assert, unreachable } from "../errors.js";
import { chunkSize } from "../state/columns.js";
import type { Interner } from "../placement/resources.js";
import type { JobSpec, TaskKind } from "../spec.js";
import type { PartitionHosts } from "../state/stages.js";
import type { State } from "../state/state.js";
import { type DurableName, type placementTiers, stateTiers } from "../tiers.js";
import type { StatePart } from "./parts.js";
import { extraRow, leaseRow, type PartitionRow, partitionRow, workerRow } from "./rows.js";
import { type Field, type Table, tablesOf } from "./tables.js";

/** Rows of what is few, in one part at the most. */
const rowsMax = 4_096;
/** Partitions of a stage in one row, and such rows in one part: each partition may lie on every host there is. */
const partitionsOfRow = 64;
const partitionRowsMax = 64;

type Parts = Generator<StatePart, void, undefined>;

/**
 * The durable tier of a state, piece by piece: what is yielded is a view of the state, which stays as it is
 * meanwhile. Nothing between two commands may be left to follow in `freedBlobs`.
 */
export function* dumpState(state: State): Parts {
  assert(state.freedBlobs.length === 0, "a snapshot between an event and its freed blobs");
  for (const name of Object.keys(stateTiers) as (keyof typeof stateTiers)[]) {
    if (stateTiers[name] === "durable") yield* writers[name as DurableState](state);
  }
}

type DurableState = DurableName<typeof stateTiers>;

/** A durable field of the state without its row does not compile. */
const writers: Readonly<Record<DurableState, (state: State) => Parts>> = {
  jobs: (state) => table(state, "jobs"),
  stages: (state) => table(state, "stages"),
  tasks: (state) => table(state, "tasks"),
  hostPool: (state) => table(state, "hostPool"),
  leases: ({ leases }) => rows("leases", leases.values(), leaseRow),
  nextLease: ({ nextLease }) => rows("nextLease", [nextLease]),
  workers: ({ workers }) => rows("workers", workers, workerRow),
  extras: ({ extras }) => rows("extras", extras, ([task, extra]) => [task, extraRow(extra)]),
  outputPartitions: ({ outputPartitions }) => rows("outputPartitions", outputPartitions),
  placement: dumpPlacement,
};

type DurablePlacement = DurableName<typeof placementTiers>;

function* dumpPlacement(state: State): Parts {
  const { placement } = state;
  const parts: Readonly<Record<DurablePlacement, Parts>> = {
    resources: rows("resources", namesOf(placement.resources)),
    hosts: rows("hosts", namesOf(placement.hosts)),
    racks: rows("racks", namesOf(placement.racks)),
    rackOfHost: rows("rackOfHost", placement.rackOfHost),
    bags: table(state, "bags"),
  };
  for (const part of Object.values(parts)) yield* part;
}

function* namesOf(names: Interner): Generator<string> {
  for (let no = 0; no < names.size; no++) yield names.name(no);
}

function* rows<T>(
  name: string,
  values: Iterable<T>,
  toRow: (value: T) => unknown = (value) => value,
  most = rowsMax,
): Parts {
  let batch: unknown[] = [];
  for (const value of values) {
    batch.push(toRow(value));
    if (batch.length < most) continue;
    yield { kind: "rows", name, rows: batch };
    batch = [];
  }
  if (batch.length > 0) yield { kind: "rows", name, rows: batch };
}

/** Partitions of stages, some at a time: what all together say of their hosts may be more than one row can hold. */
function* partitionSlices(
  stages: ReadonlyMap<number, PartitionHosts>,
): Generator<readonly [number, PartitionRow]> {
  for (const [stage, hosts] of stages) {
    const row = partitionRow(hosts);
    for (let at = 0; at === 0 || at < row.length; at += partitionsOfRow) {
      yield [stage, row.slice(at, at + partitionsOfRow)];
    }
  }
}

function* table(state: State, name: string): Parts {
  const found = tablesOf(state).find((one) => one.name === name);
  assert(found !== undefined, () => `there is no table ${name}`);
  for (const [field, what] of found.fields) yield* dumpField(state, found, field, what);
}

function* dumpField(state: State, { name: of, row }: Table, field: string, what: Field): Parts {
  const name = `${of}.${field}`;
  switch (what.kind) {
    case "numbers":
      for (let slot = 0; slot < what.column.slots; slot++) {
        const values = what.column.chunk(slot);
        if (values.length > 0) yield { kind: "numbers", name, slot, values };
      }
      return;
    case "refs":
      if (name === "jobs.spec") return yield* dumpSpecs(state);
      if (name === "bags.kind") return yield* dumpKinds(state);
      for (let slot = 0; slot < what.column.slots; slot++) {
        const texts = what.column.chunk(slot) as readonly (string | undefined)[];
        const values = texts.map((text) => text ?? null);
        if (values.length > 0) yield { kind: "texts", name, slot, values };
      }
      return;
    case "gone":
      for (const [slot, gone] of what.rows.chunks()) yield { kind: "gone", name, slot, rows: gone };
      return;
    case "map":
      if (name === "stages.partitionHosts") {
        const map = what.map as Map<number, PartitionHosts>;
        return yield* rows(name, partitionSlices(map), (slice) => slice, partitionRowsMax);
      }
      return yield* rows(name, what.map);
    case "count":
      return yield* rows(name, [row[field]]);
    default:
      return unreachable(what);
  }
}

/** Jobs share their specs where they were submitted alike. */
function* dumpSpecs({ jobs: { spec } }: State): Parts {
  const numbers = new Map<JobSpec, number>();
  for (let slot = 0; slot < spec.slots; slot++) {
    const fresh: JobSpec[] = [];
    const values = Uint32Array.from(spec.chunk(slot), (one) => {
      if (one === undefined) return 0;
      let no = numbers.get(one);
      if (no === undefined) {
        numbers.set(one, (no = numbers.size));
        fresh.push(one);
      }
      return no + 1;
    });
    if (fresh.length > 0) yield { kind: "specs", specs: fresh };
    if (values.length > 0) yield { kind: "refs", name: "jobs.spec", slot, values };
  }
}

/** 1: the kind is as the stage says; 2 and on: kinds from 0. */
function* dumpKinds({ placement: { bags }, stages }: State): Parts {
  const numbers = new Map<TaskKind, number>();
  for (let slot = 0, bag = 0; slot < bags.kind.slots; slot++) {
    const fresh: TaskKind[] = [];
    const kinds = bags.kind.chunk(slot);
    const values = Uint32Array.from(kinds, (kind, i) => {
      if (kind === undefined) return 0;
      if (kind === stages.spec.get(bags.stage.get(bag + i))?.task) return 1;
      let no = numbers.get(kind);
      if (no === undefined) {
        numbers.set(kind, (no = numbers.size));
        fresh.push(kind);
      }
      return no + 2;
    });
    if (fresh.length > 0) yield { kind: "kinds", kinds: fresh };
    if (values.length > 0) yield { kind: "refs", name: "bags.kind", slot, values };
    bag += chunkSize;
  }
}
