import type { JournalMs, LeaseNo, WorkerNo } from "../ids.js";
import type { Resource, WorkerSpec } from "../spec.js";

export interface Worker {
  readonly no: WorkerNo;
  spec: WorkerSpec;
  capacity: readonly Resource[];
  /** No session and no heartbeat for a whole term, or never seen since it was. */
  lost: boolean;
  draining: boolean;
  /** Tasks that succeeded and attempts that failed on it since it registered. */
  succeeded: number;
  failed: number;
  /** Leases it holds, stopping ones too, oldest first. */
  readonly leases: Set<LeaseNo>;

  // Derived: rebuilt from the durable.
  /** By resource number: what it has, and what fit and stopping leases take. */
  total: number[];
  used: number[];
  /** Leases ahead of what fits, oldest first. */
  readonly ahead: LeaseNo[];
  host: number;
  rack: number;
  workerClass: number;
  /** Bytes of its unsettled leases. */
  leasedBytes: number;

  // Volatile: never journaled.
  /** Its session; 0: none. */
  session: number;
  creditTasks: number;
  creditBytes: number;
  /** The last `Assign.sequence` of its session, and the last that it said it received. */
  assignedThrough: number;
  receivedThrough: number;
  /** From when its absence counts, on the clock of terms. */
  seenAt: JournalMs;
  /** When it was last heard, in journal time; -1: not since the process started. */
  heardAt: JournalMs;
  /** When its leases are looked at next, on the clock of terms; Infinity: nothing to look at. */
  checkAt: JournalMs;
}

/** May it be given work? */
export function isEligible(worker: Worker): boolean {
  return (
    worker.session !== 0 &&
    !worker.lost &&
    !worker.draining &&
    worker.leases.size < worker.creditTasks
  );
}
