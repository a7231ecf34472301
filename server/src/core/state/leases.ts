import type { JobNo, JournalMs, LeaseNo, LeaseToken, TaskNo, WallMs, WorkerNo } from "../ids.js";
import type { Demand } from "../placement/resources.js";
import type { Worker } from "./workers.js";

/**
 * The right to finish a delivery. `live` until the delivery ends; `stopping` when its task has
 * moved on but its worker has not answered for it: it holds its resources and can only end.
 */
export interface Lease {
  readonly no: LeaseNo;
  readonly task: TaskNo;
  readonly job: JobNo;
  readonly worker: WorkerNo;
  readonly run: number;
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly epoch: number;
  readonly drawHigh: number;
  readonly drawLow: number;
  readonly demand: Demand;
  /** What the lease counts against the worker's window of bytes. */
  readonly bytes: number;
  readonly grantedWall: WallMs;
  stopping: boolean;
  /** Beyond what fits: it holds no resources yet and must not start. */
  ahead: boolean;

  // Volatile from here on: never journaled, set anew after a restart.
  /** On the clock of terms; 0 until its first term begins, in the turn of its grant. */
  deadlineAt: JournalMs;
  /** When it was sent, on the clock of terms; -1: not yet. */
  assignedAt: JournalMs;
  /** `Assign.sequence` in its session; 0: not yet. */
  sequence: number;
  /** Its worker has named it, so that no receipt is waited for: see `isReceived`. */
  received: boolean;
  /** When the worker said that it started, on the clock of terms; -1: not yet. */
  startedAt: JournalMs;
  /** 0 to 1. */
  progress: number;
  progressNote: string;
}

export function tokenOf(lease: Lease): LeaseToken {
  return {
    epoch: lease.epoch,
    lease: lease.no,
    job: lease.job,
    task: lease.task,
    delivery: lease.delivery,
    drawHigh: lease.drawHigh,
    drawLow: lease.drawLow,
  };
}

/** Has it arrived at its worker, as far as that has said? */
export function isReceived(lease: Lease, { receivedThrough }: Worker): boolean {
  return lease.received || (lease.sequence > 0 && lease.sequence <= receivedThrough);
}

/** Is this the very token of the lease, and not merely one with its number? */
export function holds(lease: Lease, token: LeaseToken): boolean {
  return (
    lease.no === token.lease &&
    lease.drawHigh === token.drawHigh &&
    lease.drawLow === token.drawLow &&
    lease.job === token.job &&
    lease.task === token.task &&
    lease.delivery === token.delivery &&
    lease.epoch === token.epoch
  );
}
