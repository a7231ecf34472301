import { factsOf, factsOfStatus, type RpcStatus } from "./error-details.js";
import type { ErrorFacts, FieldViolation, StatusCode } from "./error-facts.js";
import type { Failure, Job } from "./views.js";

export type { ErrorFacts, FieldViolation, StatusCode } from "./error-facts.js";

/**
 * A call that failed, whoever said so: the master, gRPC, or the SDK itself. Branch on `code` and `reason`,
 * never on the message.
 */
export class CapstanError extends Error {
  /** The canonical gRPC code. */
  readonly code: StatusCode;
  /** A name of `capstan.v1.ErrorReason` without its prefix (`JOB_NOT_FOUND`); empty when none was given. */
  readonly reason: string;
  /** The fields that were refused; empty when none was named. */
  readonly violations: readonly FieldViolation[];
  /** How long the master asks to wait before the call is repeated. Milliseconds; unset: it did not say. */
  readonly retryAfterMs: number | undefined;
  /** What the reason is about (`job_id`, `next_index`, …), as text. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = facts.code;
    this.reason = facts.reason ?? "";
    this.violations = facts.violations ?? [];
    this.retryAfterMs = facts.retryAfterMs;
    this.metadata = facts.metadata ?? {};
    // Whoever prints the error, as Node does with one that nobody catches, is shown what it says, not what it leaves out.
    if (this.reason === "") hide(this, "reason");
    if (this.violations.length === 0) hide(this, "violations");
    if (this.retryAfterMs === undefined) hide(this, "retryAfterMs");
    if (Object.keys(this.metadata).length === 0) hide(this, "metadata");
  }

  /**
   * The one funnel: whatever a call threw, as the class of this file that fits. What is one already comes
   * back as it is; a gRPC error brings the details of its `grpc-status-details-bin` trailer along.
   */
  static from(error: unknown): CapstanError {
    if (error instanceof CapstanError) return error;
    return build(messageOf(error), factsOf(error));
  }

  /** The error of the class that fits its reason and code. */
  static of(message: string, facts: ErrorFacts): CapstanError {
    return build(message, facts);
  }

  /** The error that a `google.rpc.Status` in a message stands for. */
  static fromStatus(status: RpcStatus): CapstanError {
    return build(status.message, factsOfStatus(status));
  }
}

function hide(error: CapstanError, field: keyof CapstanError): void {
  Object.defineProperty(error, field, { enumerable: false });
}

/** What was asked is wrong in itself: `violations` names the fields. */
export class InvalidArgumentError extends CapstanError {}
/** There is no such thing, or it is past its retention, or it lives in another namespace. */
export class NotFoundError extends CapstanError {}
/** The idempotency key was used with other content. `metadata.job_id` is the job of that time. */
export class AlreadyExistsError extends CapstanError {}
/** The caller lacks the role. */
export class PermissionDeniedError extends CapstanError {}
/** There is no access token, or it does not hold. */
export class UnauthenticatedError extends CapstanError {}
/** The master cannot be reached (then `metadata.address` says where), is stopping, or follows another. */
export class UnavailableError extends CapstanError {}
/** A call was not answered in time. `metadata.address` says by whom, where the SDK gave up waiting. */
export class DeadlineExceededError extends CapstanError {}
/** A newer process has registered under the same worker id: this one has stopped for good. */
export class SupersededError extends CapstanError {}
/** The master does not speak this SDK's version of the protocol. */
export class ProtocolMismatchError extends CapstanError {}

const classByReason: Readonly<Record<string, typeof CapstanError | undefined>> = {
  SUPERSEDED: SupersededError,
  PROTOCOL_MISMATCH: ProtocolMismatchError,
};

const classByCode: Readonly<Partial<Record<StatusCode, typeof CapstanError>>> = {
  INVALID_ARGUMENT: InvalidArgumentError,
  NOT_FOUND: NotFoundError,
  ALREADY_EXISTS: AlreadyExistsError,
  PERMISSION_DENIED: PermissionDeniedError,
  UNAUTHENTICATED: UnauthenticatedError,
  UNAVAILABLE: UnavailableError,
  DEADLINE_EXCEEDED: DeadlineExceededError,
};

function build(message: string, facts: ErrorFacts): CapstanError {
  const Class = classByReason[facts.reason ?? ""] ?? classByCode[facts.code] ?? CapstanError;
  return new Class(message, facts);
}

/** A gRPC error says its code once more before the sentence. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { details } = error as { details?: unknown };
  return typeof details === "string" && details !== "" ? details : error.message;
}

/** The job ended as failed: one of its tasks failed for good. */
export class JobFailedError extends CapstanError {
  /** The job as it ended. */
  readonly job: Job;
  /** Final failures of its tasks, the deciding one first; at most 100. */
  readonly failures: readonly Failure[];

  constructor(job: Job, failures: readonly Failure[]) {
    const first = failures[0];
    const why = first === undefined ? "" : `: ${first.type || first.kind}: ${first.message}`;
    super(`job ${job.jobId} (${job.name}) failed${why}`, { code: "ABORTED", reason: "JOB_FAILED" });
    this.job = job;
    this.failures = failures;
  }
}

/** The job ended as cancelled: by a person, its deadline or a lapsed upload (`job.cause`). */
export class JobCancelledError extends CapstanError {
  /** The job as it ended. */
  readonly job: Job;

  constructor(job: Job) {
    const note = job.note === "" ? "" : `: ${job.note}`;
    super(`job ${job.jobId} (${job.name}) was cancelled (${job.cause})${note}`, {
      code: "CANCELLED",
      reason: "JOB_CANCELLED",
    });
    this.job = job;
  }
}

/** A payload or an output that its codec or its parser does not take. A handler that lets it pass fails its task as invalid: no retry. */
export class InvalidPayloadError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "InvalidPayloadError";
  }
}

/** What a handler may say beside the message of its failure. */
export interface FailureHints {
  /** What caused it: told with the failure. */
  readonly cause?: unknown;
  /** The dependency that is to blame (a database, an API): charged to the breaker's budget, not to the attempts. */
  readonly dependency?: string;
}

/** Thrown by a handler: this task can never succeed, so do not try it again in this generation. */
export class PermanentError extends Error {
  /** The dependency that is to blame, if any. */
  readonly dependency: string;

  constructor(message: string, hints: FailureHints = {}) {
    super(message, hints.cause === undefined ? undefined : { cause: hints.cause });
    this.name = new.target.name;
    this.dependency = hints.dependency ?? "";
  }
}

/** Thrown by a handler: try again, and not before `retryAfterMs`. Whatever else is thrown is tried again too. */
export class RetryableError extends Error {
  /** How long to wait before the next attempt. Milliseconds, at most 24 h; unset leaves it to the policy. */
  readonly retryAfterMs: number | undefined;
  /** The dependency that is to blame, if any. */
  readonly dependency: string;

  constructor(message: string, hints: FailureHints & { readonly retryAfterMs?: number } = {}) {
    super(message, hints.cause === undefined ? undefined : { cause: hints.cause });
    this.name = new.target.name;
    this.retryAfterMs = hints.retryAfterMs;
    this.dependency = hints.dependency ?? "";
  }
}
