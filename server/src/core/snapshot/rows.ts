import type { FailureFacts } from "../events.js";
import type { Lease } from "../state/leases.js";
import type { PartitionHosts } from "../state/stages.js";
import type { DeliveryRecord, TaskExtra } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import {
  deliveryTiers,
  type DurableName,
  durableNames,
  leaseTiers,
  type Tier,
  workerTiers,
} from "../tiers.js";

/** What few rows have, as plain data and back. */

/** The durable fields of an object, in the order of their rows. */
function pick<T extends object, R extends Readonly<Record<string, Tier>>>(
  from: T,
  tiers: R,
): Pick<T, DurableName<R> & keyof T> {
  const entries = durableNames(tiers).map((name): [string, unknown] => [name, from[name as never]]);
  return Object.fromEntries(entries) as Pick<T, DurableName<R> & keyof T>;
}

export type LeaseRow = Pick<Lease, DurableName<typeof leaseTiers>>;

export function leaseRow(lease: Lease): LeaseRow {
  return pick(lease, leaseTiers);
}

export function leaseFrom(row: LeaseRow): Lease {
  return {
    ...row,
    deadlineAt: 0,
    assignedAt: -1,
    sequence: 0,
    // Whoever adopted it has named it.
    received: row.stopping,
    startedAt: -1,
    progress: 0,
    progressNote: "",
  };
}

type WorkerFacts = Pick<Worker, Exclude<DurableName<typeof workerTiers>, "leases">>;
export type WorkerRow = WorkerFacts & { readonly leases: readonly number[] };

export function workerRow(worker: Worker): WorkerRow {
  return { ...pick(worker, workerTiers), leases: [...worker.leases] };
}

/** A failure that is also its delivery's is kept once: whether it is the same object is asked. */
interface ExtraRow extends Omit<TaskExtra, "lastFailure" | "deliveries"> {
  readonly deliveries: readonly DeliveryRecord[];
  readonly lastFailure: FailureFacts | number | null;
}

export function extraRow({ deliveries, lastFailure, ...rest }: TaskExtra): ExtraRow {
  const at = deliveries.findIndex(
    ({ failure }) => failure !== undefined && failure === lastFailure,
  );
  return {
    ...rest,
    deliveries: deliveries.map((record) => pick(record, deliveryTiers)),
    lastFailure: at >= 0 ? at : (lastFailure ?? null),
  };
}

export function extraFrom(row: ExtraRow): TaskExtra {
  const { lastFailure, dropped, checkpoint, deadLetterId } = row;
  // JSON leaves out what is undefined.
  const deliveries = row.deliveries.map((record) => ({ ...record, failure: record.failure }));
  const last =
    typeof lastFailure === "number" ? deliveries[lastFailure]?.failure : (lastFailure ?? undefined);
  return { deliveries, dropped, lastFailure: last, checkpoint, deadLetterId };
}

export type PartitionRow = readonly (readonly [number, readonly (readonly [number, number])[]])[];

export function partitionRow(hosts: PartitionHosts): PartitionRow {
  return [...hosts].map(([partition, bytes]) => [partition, [...bytes]]);
}

export function partitionsFrom(row: PartitionRow): PartitionHosts {
  return new Map(row.map(([partition, bytes]) => [partition, new Map(bytes)]));
}

export { type ExtraRow };
