import { status } from "@grpc/grpc-js";
import type { FieldViolation } from "./errors.js";
import { CallRefusedError } from "./errors.js";

/**
 * What the contract has and this master does not yet. Each would change what happens to a job, so a
 * request that asks for one is answered UNIMPLEMENTED (NOT_IMPLEMENTED) with the field's path, and
 * never taken as if the field were not there. A field that says what would happen anyway (a deadline
 * of 0, a priority of 0, speculate: false) is welcome. `retention_ms` is kept with the job and is
 * not here: as yet finished jobs stay for good, which is at least as long as asked.
 */
export const unsupportedFeatures = {
  openJobs: "open jobs (streams of batches) are not there yet",
  jobDeadline: "deadlines of jobs are not there yet; only 0 (none) is taken",
  taskDeadline: "deadlines of tasks are not there yet; only 0 (none) is taken",
  queueTtl: "a limit on waiting is not there yet; only 0 (none) is taken",
  priority: "priorities are not there yet; only 0 is taken",
  classPolicies: "retry policies by class of failure are not there yet",
  breakerBudget: "the circuit breaker is not there yet; leave its budget unset",
  speculate: "speculative copies are not there yet; only false is taken",
  recordDeadLetters: "dead letters of single records are not there yet",
  preferredConstraints: "preferences among workers are not there yet",
  operators: "only the operator IN with one value is there yet",
  patience: "waiting for a nearer worker is not there yet; only 0 (do not wait) is taken",
  watchEvents: "watching every event is not there yet; only PROGRESS is",
  strategy: "only the strategy BALANCE is there yet",
} as const;

export type UnsupportedFeature = keyof typeof unsupportedFeatures;

/** A request for what is not there yet. */
export class UnsupportedError extends CallRefusedError {
  override readonly name = "UnsupportedError";

  constructor(method: string, wanted: readonly FieldViolation[]) {
    const [first] = wanted;
    super(`${first?.field ?? ""}: ${first?.description ?? ""}`, {
      code: status.UNIMPLEMENTED,
      reason: "NOT_IMPLEMENTED",
      facts: { method, field: first?.field ?? "" },
      violations: wanted,
    });
  }
}
