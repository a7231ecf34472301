import { status } from "@grpc/grpc-js";
import type { ErrorReason } from "@capstan/proto/capstan/v1/errors.js";
import type { Rejection } from "../core/index.js";

/** Why a call was refused, as ErrorInfo says it: a value of `ErrorReason` without its prefix. */
export type Reason = keyof typeof ErrorReason extends infer Name
  ? Name extends `ERROR_REASON_${infer Short}`
    ? Short
    : never
  : never;

/** Something wrong with one field of a request. */
export interface FieldViolation {
  /** Its path as the proto names it, for example `job.stages[1].tasks[3].inputs[0].uri`. */
  readonly field: string;
  /** What is wrong with it, for a person. */
  readonly description: string;
}

/** Facts for a program: `ErrorInfo.metadata`. */
export type Facts = Readonly<Record<string, string>>;

interface RefusalParts {
  readonly code: status;
  readonly reason: Reason;
  readonly facts?: Facts;
  readonly violations?: readonly FieldViolation[];
  /** When the same call may help; undefined: it never does, or nobody knows. */
  readonly retryInMs?: number;
}

/** An answer that is not OK, and not our bug either: whoever asked is told all of it. */
export class CallRefusedError extends Error {
  override readonly name: string = "CallRefusedError";
  readonly code: status;
  readonly reason: Reason;
  readonly facts: Facts;
  readonly violations: readonly FieldViolation[];
  readonly retryInMs: number | undefined;

  constructor(message: string, parts: RefusalParts) {
    super(message);
    this.code = parts.code;
    this.reason = parts.reason;
    this.facts = parts.facts ?? {};
    this.violations = parts.violations ?? [];
    this.retryInMs = parts.retryInMs;
  }
}

/** The request itself is wrong; nothing was asked of the core, nothing changed. */
export class InvalidInputError extends CallRefusedError {
  override readonly name = "InvalidInputError";

  constructor(
    violations: readonly FieldViolation[],
    reason: Reason = "INVALID_FIELD",
    facts: Facts = {},
  ) {
    const [first] = violations;
    const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
    super(first === undefined ? "invalid" : `${first.field}: ${first.description}${more}`, {
      code: status.INVALID_ARGUMENT,
      reason,
      violations,
      facts: first === undefined || "field" in facts ? facts : { field: first.field, ...facts },
    });
  }
}

/** A whole is too large, though each of its parts may be well. */
export class LimitExceededError extends CallRefusedError {
  override readonly name = "LimitExceededError";

  constructor(field: string, limit: number, actual: number, what: string) {
    super(`${field}: ${actual} ${what}; at most ${limit}`, {
      code: status.RESOURCE_EXHAUSTED,
      reason: "LIMIT_EXCEEDED",
      facts: { field, limit: String(limit), actual: String(actual) },
    });
  }
}

/** The core said no. Its kind has a row in `status.ts`. */
export class RejectedError extends Error {
  override readonly name = "RejectedError";

  /** @param facts what the handler knows beside what the core said, for example `job_id` */
  constructor(
    readonly rejection: Rejection,
    readonly facts: Facts = {},
  ) {
    super(rejection.message);
  }
}

/** How many violations are kept: more than fit in a status, few enough for a hostile request. */
const violationsMax = 100;

/** Collects what is wrong with a request, so that whoever wrote it learns all of it at once. */
export class Violations {
  readonly #list: FieldViolation[] = [];
  #limit: LimitExceededError | undefined;

  get isEmpty(): boolean {
    return this.#list.length === 0 && this.#limit === undefined;
  }

  /** How many were found; those beyond the first hundred are not kept. */
  get list(): readonly FieldViolation[] {
    return this.#list;
  }

  add(field: string, description: string): void {
    if (this.#list.length < violationsMax) this.#list.push({ field, description });
  }

  /** A whole that is too large. The first is the one that is told. */
  exceed(field: string, limit: number, actual: number, what: string): void {
    this.#limit ??= new LimitExceededError(field, limit, actual, what);
  }

  /** @throws InvalidInputError, or LimitExceededError when all fields are well by themselves */
  throwIfAny(reason: Reason = "INVALID_FIELD"): void {
    if (this.#list.length > 0) throw new InvalidInputError(this.#list, reason);
    if (this.#limit !== undefined) throw this.#limit;
  }
}

export function jobNotFound(jobId: string): RejectedError {
  return new RejectedError(
    { kind: "job_not_found", message: `no job ${jobId}` },
    { job_id: jobId },
  );
}

export function stageNotFound(jobId: string, stage: string): RejectedError {
  const message = `job ${jobId} has no stage ${stage}`;
  return new RejectedError({ kind: "stage_not_found", message }, { job_id: jobId, stage });
}

export function taskNotFound(taskId: string): RejectedError {
  return new RejectedError(
    { kind: "task_not_found", message: `no task ${taskId}` },
    { task_id: taskId },
  );
}
