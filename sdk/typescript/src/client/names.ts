/**
 * The enums of the contract by name: a table's index is the number on the wire. A number beyond a table
 * is one that this SDK does not know.
 */
export const jobStates = [
  "unknown",
  "uploading",
  "running",
  "failing",
  "cancelling",
  "succeeded",
  "failed",
  "cancelled",
] as const;

export const endCauses = [
  "none",
  "failure",
  "requested",
  "job_failed",
  "deadline",
  "upload_lapsed",
  "upstream_failed",
] as const;

export const taskStates = [
  "unknown",
  "blocked",
  "scheduled",
  "pending",
  "leased",
  "running",
  "succeeded",
  "failed",
  "cancelled",
] as const;

export const waitReasons = [
  "none",
  "upload",
  "stage",
  "order",
  "poison",
  "delay",
  "backoff",
  "breaker",
  "job_paused",
  "queue_paused",
  "queue_limit",
  "quota",
  "no_worker",
  "infeasible",
  "constraints",
  "no_room",
  "locality",
  "excluded",
  "fairness",
] as const;

export const failureKinds = [
  "unknown",
  "error",
  "timeout",
  "worker_lost",
  "out_of_memory",
  "rejected",
  "cancelled",
  "invalid",
] as const;

export const charges = ["unknown", "none", "attempt", "lost", "drain", "oom", "breaker"] as const;

export const leaseStates = [
  "unknown",
  "granted",
  "received",
  "started",
  "deciding",
  "stopping",
  "ended",
] as const;

export const deliveryEnds = [
  "none",
  "succeeded",
  "failed",
  "returned",
  "expired",
  "worker_lost",
  "cancelled",
  "copy_lost",
  "not_received",
  "dropped",
] as const;

export const localityLevels = ["unknown", "none", "host", "rack", "any"] as const;
export const warningKinds = [
  "unknown",
  "infeasible",
  "no_worker_of_type",
  "task_loses_workers",
] as const;
export const workerConnections = ["unknown", "connected", "lost", "disconnected", "left"] as const;
export const workerAdmissions = ["unknown", "open", "draining", "excluded"] as const;
export const masterRoles = ["unknown", "leader", "follower", "starting", "stopping"] as const;

/** UNSPECIFIED is read as ALL. */
export const dependencyKinds = ["all", "all", "partition", "each"] as const;

/** The name of a number on the wire; `"unknown"` for one that the table does not have. */
export function nameOf<Name extends string>(
  table: readonly Name[],
  value: number,
): Name | "unknown" {
  return table[value] ?? "unknown";
}

/** The kind of a dependency; one that this SDK does not know is read as ALL. */
export function dependencyKindOf(value: number): (typeof dependencyKinds)[number] {
  return dependencyKinds[value as 0] ?? "all";
}

/** The number on the wire of a name. `unknown` is 0. */
export function valueOf<Name extends string>(table: readonly Name[], name: string): number {
  return Math.max(0, table.indexOf(name as Name));
}
