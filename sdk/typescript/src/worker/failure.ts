import {
  Charge,
  FailureKind,
  type Failure,
  type FailureCause,
} from "@capstan/proto/capstan/v1/failure.js";
import { InvalidPayloadError, PermanentError, RetryableError } from "../errors.js";

/** How much of an error is told. Bytes; within what the master keeps. */
const limits = {
  type: 255,
  message: 8_192,
  stack: 20_480,
  causes: 16,
  causeMessage: 1_024,
  causeStack: 1_024,
};

/** What is known of a failure beside what was thrown. */
export interface FailureFacts {
  /** The kind, where it is not for the error to say. */
  readonly kind?: FailureKind;
  readonly retryable?: boolean;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  /** What else was thrown: the first cause. */
  readonly cause?: unknown;
}

/** Codes of Node's errors that mean that memory ran out. */
const memoryCodes: readonly unknown[] = [
  "ERR_WORKER_OUT_OF_MEMORY",
  "ERR_MEMORY_ALLOCATION_FAILED",
];

/** Anything that was thrown, as data: its class, message, stack and causes, within the limits. */
export function failureOf(error: unknown, facts: FailureFacts = {}): Failure {
  return {
    kind: facts.kind ?? kindOf(error),
    type: cut(typeOf(error), limits.type),
    message: cut(messageOf(error), limits.message),
    stack: error instanceof Error ? cutMiddle(error.stack ?? "", limits.stack) : "",
    causes: causesOf(error, facts.cause),
    retryable: facts.retryable ?? retryableOf(error),
    dependency: hasDependency(error) ? error.dependency : "",
    retryInMs: retryInMsOf(error),
    recordIndexes: [],
    traceId: facts.traceId ?? "",
    spanId: facts.spanId ?? "",
    delivery: 0,
    attempt: 0,
    maxAttempts: 0,
    isLastAttempt: false,
    generation: 0,
    workerId: "",
    host: "",
    charge: Charge.CHARGE_UNSPECIFIED,
    startedAt: undefined,
    failedAt: undefined,
    trimmed: false,
  };
}

function kindOf(error: unknown): FailureKind {
  if (error instanceof InvalidPayloadError) return FailureKind.FAILURE_KIND_INVALID;
  const isMemory = memoryCodes.includes((error as { code?: unknown } | null)?.code);
  return isMemory ? FailureKind.FAILURE_KIND_OUT_OF_MEMORY : FailureKind.FAILURE_KIND_ERROR;
}

/** Unset leaves it to the master: whatever is thrown is tried again, unless its class is listed. */
function retryableOf(error: unknown): boolean | undefined {
  if (error instanceof PermanentError || error instanceof InvalidPayloadError) return false;
  return error instanceof RetryableError ? true : undefined;
}

function hasDependency(error: unknown): error is PermanentError | RetryableError {
  return error instanceof PermanentError || error instanceof RetryableError;
}

const longestRetryMs = 24 * 3_600_000;

function retryInMsOf(error: unknown): number | undefined {
  const waitMs = error instanceof RetryableError ? error.retryAfterMs : undefined;
  if (waitMs === undefined || !(waitMs >= 0)) return undefined;
  return Math.min(longestRetryMs, Math.ceil(waitMs));
}

/** The class of an error: the name that it gives itself, or else its constructor's. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return error === null ? "null" : typeof error;
  const named = typeof error.name === "string" && error.name !== "" && error.name !== "Error";
  return named ? error.name : error.constructor.name || "Error";
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return String(error.message);
  try {
    return typeof error === "object" ? JSON.stringify(error) : String(error);
  } catch {
    return "something that cannot be printed was thrown";
  }
}

function causesOf(error: unknown, first: unknown): FailureCause[] {
  const causes: FailureCause[] = [];
  const seen = new Set<unknown>([error]);
  let next = first ?? causeOf(error);
  while (next !== undefined && next !== null && !seen.has(next) && causes.length < limits.causes) {
    seen.add(next);
    causes.push({
      type: cut(typeOf(next), limits.type),
      message: cut(messageOf(next), limits.causeMessage),
      stack: next instanceof Error ? cutMiddle(next.stack ?? "", limits.causeStack) : "",
    });
    next = causeOf(next);
  }
  return causes;
}

/** Of several that failed together the first stands for all. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  return error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined);
}

/** The start of a text, at most so many bytes of UTF-8, never a half character. */
export function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text, "utf8");
  return bytes.length <= maxBytes ? bytes.toString("utf8") : upTo(bytes, maxBytes);
}

/** Both ends of a text: the throw is at the start of a stack, the entry to the program at its end. */
export function cutMiddle(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxBytes) return bytes.toString("utf8");
  const mark = "\n    […]\n";
  const keep = maxBytes - Buffer.byteLength(mark);
  const headBytes = Math.floor((keep * 2) / 3);
  let from = bytes.length - (keep - headBytes);
  while (from < bytes.length && isContinuation(bytes[from])) from += 1;
  return upTo(bytes, headBytes) + mark + bytes.toString("utf8", from);
}

function upTo(bytes: Buffer, maxBytes: number): string {
  let end = maxBytes;
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return bytes.toString("utf8", 0, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
