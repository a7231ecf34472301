import type { Gate } from "../gates.js";
import type { LeaseEnd, LeaseModel, Model } from "./model.js";
import type { Verdict } from "./verdict.js";

/** What a rule of the auditor stands on. */
export interface AuditContext {
  readonly model: Model;
  readonly verdict: Verdict;
  /** Leases that are over and whose room a worker still needs. */
  readonly adopted: Map<number, LeaseModel>;
  /** The longest wait that a worker of the fleet suggests, in milliseconds. */
  readonly retryAfterMaxMs: number;
  /** Says that something worth seeing has happened. */
  gate(gate: Gate): void;
  /** The number of the newest lease before this one. */
  lastLease(): number;
  /** The task has moved on, and its lease keeps its room. */
  stop(lease: LeaseModel): void;
  /** Has whoever held the lease said of its failure that another try is of no use? */
  saidFinal(lease: number): boolean;
  /** What ended by a worker's word must have been said by that worker, with that very token. */
  checkBacked(lease: LeaseModel, event: LeaseEnd): void;
  /** What ended for want of a word must have waited for a whole term. */
  checkTerm(lease: LeaseModel, event: LeaseEnd): void;
}
