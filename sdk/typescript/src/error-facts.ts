/** The canonical gRPC codes, by name. See https://grpc.io/docs/guides/status-codes/ . */
export const statusCodes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** A canonical gRPC code by its name. */
export type StatusCode = (typeof statusCodes)[number];

/** A field that was refused. */
export interface FieldViolation {
  /** Its path in the request (`job.stages[0].name`). */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/** What a {@link CapstanError} is made of. */
export interface ErrorFacts {
  /** The code. */
  readonly code: StatusCode;
  /** The reason, a name of `capstan.v1.ErrorReason` without its prefix; empty when none was given. */
  readonly reason?: string;
  /** The fields that were refused. */
  readonly violations?: readonly FieldViolation[];
  /** How long the master asks to wait before the call is repeated. Milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** What the reason is about (`job_id`, `next_index`, …), as text. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What caused it. */
  readonly cause?: unknown;
}
