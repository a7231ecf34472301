/**
 * The three kinds of error, never mixed: a *rejection* is a value that `decide` returns and that
 * has a row in the status table; *invalid input* never reaches the core; a *bug* is a failed
 * assertion, after which the process ends and recovers by replay.
 */

/** Every way in which the core says no. Each has a row in `rpc/status.ts`. */
export type RejectionKind =
  | "job_not_found"
  | "stage_not_found"
  | "task_not_found"
  | "worker_not_found"
  | "idempotency_conflict"
  | "upload_gap"
  | "upload_sealed"
  | "upload_lapsed"
  | "upload_count_mismatch"
  | "job_not_uploading"
  | "stage_counts_differ"
  | "numbers_exhausted"
  | "result_invalid"
  | "session_superseded";

/** A refusal: nothing changed, and the caller is told why. */
export interface Rejection {
  readonly kind: RejectionKind;
  /** One sentence for a person. */
  readonly message: string;
  /** Facts for a program, such as `next_index`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Thrown when the program itself is wrong. Never caught below the process. */
export class BugError extends Error {
  override readonly name = "BugError";
}

/** Ends the process, by way of an exception, if the state is not what the code relies on. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new BugError(typeof message === "string" ? message : message());
}

/** The end of an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new BugError(`unreachable: ${JSON.stringify(value)}`);
}
