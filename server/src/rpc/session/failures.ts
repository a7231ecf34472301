import type { FailureCause } from "@capstan/proto/capstan/v1/failure.js";
import { Failure, FailureKind as WireKind } from "@capstan/proto/capstan/v1/failure.js";
import type { FailureDraft, FailureFacts, FailureKind, LeaseView } from "../../core/index.js";
import { limits } from "../limits.js";
import { cutText } from "../status-details.js";
import { sessionLimits as bounds } from "./session-limits.js";

// A kind that the master does not know is kept as an error. CANCELLED too: it ends a lease that was
// cancelled, and such a lease is answered as stale whatever the kind; from any other it is an error.
const kinds: Readonly<Record<number, FailureKind>> = {
  [WireKind.FAILURE_KIND_ERROR]: "error",
  [WireKind.FAILURE_KIND_TIMEOUT]: "timeout",
  [WireKind.FAILURE_KIND_OUT_OF_MEMORY]: "out_of_memory",
  [WireKind.FAILURE_KIND_REJECTED]: "rejected",
  [WireKind.FAILURE_KIND_CANCELLED]: "error",
  [WireKind.FAILURE_KIND_INVALID]: "invalid",
};

const wireKinds = {
  error: WireKind.FAILURE_KIND_ERROR,
  timeout: WireKind.FAILURE_KIND_TIMEOUT,
  worker_lost: WireKind.FAILURE_KIND_WORKER_LOST,
  out_of_memory: WireKind.FAILURE_KIND_OUT_OF_MEMORY,
  rejected: WireKind.FAILURE_KIND_REJECTED,
  cancelled: WireKind.FAILURE_KIND_CANCELLED,
  invalid: WireKind.FAILURE_KIND_INVALID,
} as const satisfies Record<FailureKind, WireKind>;

/** Said by the master alone: nobody can report it. */
export function isUnreportable(failure: Failure): boolean {
  return failure.kind === WireKind.FAILURE_KIND_WORKER_LOST;
}

/** A failure as it is submitted: what the core decides by, and the whole as a blob. */
export interface FailureReport {
  readonly draft: FailureDraft;
  readonly blob: Uint8Array;
}

/**
 * Makes a reported failure ready for the journal: within its bounds, and completed with what the
 * master knows of the lease. What the decision alone can tell (the charge) is filled in on reading.
 *
 * @param lease undefined: the token no longer holds, and the failure will be dropped
 */
export function failureReport(
  reported: Failure,
  lease: LeaseView | undefined,
  delivery: number,
  wall: number,
): FailureReport {
  const kind = kinds[reported.kind] ?? "error";
  const trimmed = trimFailure({ ...reported, kind: wireKinds[kind] });
  const blob = Failure.encode({
    ...trimmed,
    delivery,
    attempt: lease?.attempt ?? 0,
    maxAttempts: lease?.attemptsMax ?? 0,
    isLastAttempt: lease !== undefined && lease.attempt >= lease.attemptsMax,
    generation: lease?.generation ?? 0,
    workerId: lease?.workerId ?? "",
    host: lease?.host ?? "",
    charge: 0,
    startedAt: lease === undefined ? undefined : timestamp(lease.grantedWall),
    failedAt: timestamp(wall),
  }).finish();
  const retryAfter =
    reported.retryInMs === undefined
      ? {}
      : { retryAfterMs: Math.min(reported.retryInMs, bounds.retryInMs) };
  return {
    blob,
    draft: {
      kind,
      type: trimmed.type,
      message: cutText(trimmed.message, bounds.factsMessageBytes),
      retryable: reported.retryable ?? true,
      ...retryAfter,
      bodyBytes: blob.length,
    },
  };
}

/** A failure of the master's own making, or one whose whole is lost: what the core remembers of it. */
export function failureOf(facts: FailureFacts, attemptsMax: number): Uint8Array {
  const { kind, type, message } = facts;
  const failure = { kind: wireKinds[kind], type, message, maxAttempts: attemptsMax };
  return Failure.encode(Failure.fromPartial(failure)).finish();
}

/** The previous failure of a task, as its next worker gets it: its stack is cut once more. */
export function previousFailure(blob: Uint8Array): Uint8Array {
  if (blob.length <= bounds.previousStackBytes) return blob;
  const failure = Failure.decode(blob);
  const cut = new Cutter();
  const stack = cut.middle(failure.stack, bounds.previousStackBytes);
  return Failure.encode({ ...failure, stack, trimmed: failure.trimmed || cut.hasCut }).finish();
}

/**
 * Cuts a failure to its limits: each text by itself, then as a whole the middle of the stacks
 * first, then the chain of causes. Nothing in a failure can make a report of it fail.
 */
export function trimFailure(failure: Failure): Failure {
  const cut = new Cutter();
  let trimmed: Failure = {
    ...failure,
    type: cut.end(failure.type, limits.failureTypeBytes),
    message: cut.end(failure.message, bounds.failureMessageBytes),
    stack: cut.middle(failure.stack, bounds.failureStackBytes),
    causes: cut.list(failure.causes, bounds.causes).map((cause) => ({
      type: cut.end(cause.type, limits.failureTypeBytes),
      message: cut.end(cause.message, bounds.causeMessageBytes),
      stack: cut.middle(cause.stack, bounds.causeStackBytes),
    })),
    dependency: /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/.test(failure.dependency)
      ? failure.dependency
      : "",
    recordIndexes: cut.list(failure.recordIndexes, bounds.recordIndexes),
    traceId: /^[0-9a-f]{32}$/.test(failure.traceId) ? failure.traceId : "",
    spanId: /^[0-9a-f]{16}$/.test(failure.spanId) ? failure.spanId : "",
  };
  for (let stackMax: number = bounds.failureStackBytes; isTooLarge(trimmed); stackMax /= 2) {
    trimmed =
      stackMax > 512 ? withStacks(trimmed, stackMax / 2, cut) : withFewerCauses(trimmed, cut);
  }
  return { ...trimmed, trimmed: cut.hasCut };
}

/** What the master adds takes some, too. */
const masterFieldsBytes = 1_024;

function isTooLarge(failure: Failure): boolean {
  return Failure.encode(failure).finish().length + masterFieldsBytes > bounds.failureBytes;
}

function withStacks(failure: Failure, bytesMax: number, cut: Cutter): Failure {
  const causes: FailureCause[] = failure.causes.map((cause) => ({
    ...cause,
    stack: cut.middle(cause.stack, bytesMax),
  }));
  return { ...failure, stack: cut.middle(failure.stack, bytesMax), causes };
}

function withFewerCauses(failure: Failure, cut: Cutter): Failure {
  if (failure.causes.length > 0) {
    return { ...failure, causes: cut.list(failure.causes, failure.causes.length - 1) };
  }
  return { ...failure, message: cut.end(failure.message, bounds.causeMessageBytes) };
}

/** Cuts, and remembers whether it had to. */
class Cutter {
  hasCut = false;

  end(text: string, bytesMax: number): string {
    const cut = cutText(text, bytesMax);
    if (cut.length !== text.length) this.hasCut = true;
    return cut;
  }

  /** Keeps where a stack begins and where it ends: the rest is the same frames over and over. */
  middle(text: string, bytesMax: number): string {
    const bytes = Buffer.from(text, "utf8");
    if (bytes.length <= bytesMax) return bytes.toString("utf8");
    this.hasCut = true;
    const half = Math.floor((bytesMax - 5) / 2);
    let headEnd = half;
    while (headEnd > 0 && isContinuation(bytes[headEnd])) headEnd -= 1;
    let tailStart = bytes.length - half;
    while (tailStart < bytes.length && isContinuation(bytes[tailStart])) tailStart += 1;
    return `${bytes.toString("utf8", 0, headEnd)}\n…\n${bytes.toString("utf8", tailStart)}`;
  }

  list<T>(items: readonly T[], most: number): T[] {
    if (items.length > most) this.hasCut = true;
    return items.slice(0, most);
  }
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function timestamp(wallMs: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(wallMs / 1_000);
  return { seconds: BigInt(seconds), nanos: (wallMs - seconds * 1_000) * 1_000_000 };
}
