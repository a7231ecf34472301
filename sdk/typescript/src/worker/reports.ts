import { FailedRecord, FailureKind, type Failure } from "@capstan/proto/capstan/v1/failure.js";
import { DeadlineExceeded, Draining, TimedOut } from "../abort-reasons.js";
import type { Codec } from "../codec.js";
import { InvalidPayloadError } from "../errors.js";
import { cut, failureOf, type FailureFacts } from "./failure.js";
import {
  completedEntry,
  emptyCompleted,
  failedEntry,
  maxFailureBytes,
  progressEntry,
  returnedEntry,
  type Entry,
} from "./frames.js";
import type { Lease } from "./lease.js";
import { outputsOf } from "./outputs.js";
import { maxFailedRecords } from "./task-context.js";
import { tokenBytes } from "./token.js";

/** How a lease ends, ready to be sent. */
export interface Report {
  readonly kind: "completed" | "failed" | "returned";
  readonly entry: Entry;
  /** What went wrong, for the delivery's span; undefined when nothing did. */
  readonly error?: unknown;
}

/** Nothing put out, nothing told: the same for every lease. */
const plainReport: Report = { kind: "completed", entry: emptyCompleted };

/**
 * What to report when a handler has returned:
 *
 * - out of time by our own clock: Failed{TIMEOUT}, however it ended;
 * - otherwise Completed, also when it was told to stop: the master says whether that still counts;
 * - a value that cannot be encoded or is too large: Failed{INVALID};
 * - more failed records than a report may list: Failed{ERROR}.
 */
export function reportOfValue(lease: Lease, value: unknown, codec: Codec): Report {
  if (isOutOfTime(lease)) return timeoutReport(lease, undefined);
  const isPlain = value === undefined && lease.told === undefined;
  if (isPlain && lease.task.length === tokenBytes) return plainReport;
  try {
    const { partitions } = lease.stage.context;
    const outputs = outputsOf(value, { codec, partitions });
    const records = recordsOf(lease);
    const count = lease.told?.recordCount;
    return { kind: "completed", entry: completedEntry(lease.task, outputs, count, records) };
  } catch (error) {
    return failedReport(lease, error, {});
  }
}

/**
 * What to report when a handler has thrown:
 *
 * - the master took the lease away: Failed{CANCELLED};
 * - out of time by our own clock: Failed{TIMEOUT};
 * - told to stop because the worker is going: Returned{DRAINED}, uncharged;
 * - otherwise Failed, of the kind that the error says.
 */
export function reportOfError(lease: Lease, error: unknown): Report {
  const reason = lease.abortReason;
  if (lease.isTakenAway) {
    const facts = { kind: FailureKind.FAILURE_KIND_CANCELLED, cause: other(error, reason) };
    return failedReport(lease, reason ?? error, facts);
  }
  if (isOutOfTime(lease)) return timeoutReport(lease, error);
  if (reason instanceof Draining) return drainedReport(lease);
  return failedReport(lease, error, {});
}

/** Out of time before it ran, or while it did. */
export function timeoutReport(lease: Lease, error: unknown): Report {
  const reason = lease.abortReason ?? timeoutReason(lease);
  const facts = { kind: FailureKind.FAILURE_KIND_TIMEOUT, cause: other(error, reason) };
  return failedReport(lease, reason, facts);
}

/** Why a lease is out of time, as its handler is told. */
export function timeoutReason(lease: Lease): TimedOut | DeadlineExceeded {
  return lease.timeoutIsDeadline ? new DeadlineExceeded() : new TimedOut();
}

/** Given back because the worker is going, with the checkpoint that it has reached. */
export function drainedReport(lease: Lease): Report {
  const entry = withCheckpoint(lease, returnedEntry(lease.token, "drained"));
  return { kind: "returned", entry };
}

/** The failure of a lease, whatever was thrown. */
export function failedReport(lease: Lease, error: unknown, facts: FailureFacts): Report {
  const { traceId, spanId } = lease.span ?? {};
  const failure = readable(error, { ...facts, traceId, spanId });
  return { kind: "failed", entry: withCheckpoint(lease, failedEntry(lease.token, failure)), error };
}

/** What was thrown may be anything, also something that throws when it is looked at. */
function readable(error: unknown, facts: FailureFacts): Failure {
  try {
    return failureOf(error, facts);
  } catch {
    const unreadable = new Error("something that cannot be looked at was thrown");
    return failureOf(unreadable, { ...facts, cause: undefined });
  }
}

function isOutOfTime({ abortReason, isTakenAway }: Lease): boolean {
  const byClock = abortReason instanceof TimedOut || abortReason instanceof DeadlineExceeded;
  return byClock && !isTakenAway;
}

/** What was thrown, where it is not just the reason of the signal again. */
function other(error: unknown, reason: unknown): unknown {
  return error === reason ? undefined : error;
}

/** A checkpoint goes before the report, in one piece with it, so that it is sent again with it. */
function withCheckpoint(lease: Lease, entry: Entry): Entry {
  const { told } = lease;
  if (told?.checkpoint === undefined || told.checkpointSent) return entry;
  told.checkpointSent = true;
  return Buffer.concat([progressEntry(lease.token, told), entry]);
}

/** @throws Error when there are more than a report may list: then the attempt fails as a whole */
function recordsOf(lease: Lease): FailedRecord[] {
  const failed = lease.told?.failedRecords;
  if (failed === undefined) return [];
  const records = [...failed.values()];
  const [first] = records;
  if (records.length > maxFailedRecords) {
    const why = first?.failure?.message ?? "";
    throw new Error(`more than ${maxFailedRecords} records failed; the first: ${why}`);
  }
  for (const shrink of [same, withoutStacks, withShortMessages]) {
    const smaller = records.map(shrink);
    const bytes = smaller.reduce((sum, one) => sum + FailedRecord.encode(one).finish().length, 0);
    if (bytes <= maxFailureBytes) return smaller;
  }
  const limit = `${maxFailureBytes} bytes`;
  throw new InvalidPayloadError(`the failed records have more than ${limit} together`);
}

const same = (record: FailedRecord): FailedRecord => record;

function withoutStacks(record: FailedRecord): FailedRecord {
  const { failure } = record;
  return { ...record, failure: failure && { ...failure, stack: "", causes: [] } };
}

function withShortMessages(record: FailedRecord): FailedRecord {
  const bare = withoutStacks(record);
  const { failure } = bare;
  return { ...bare, failure: failure && { ...failure, message: cut(failure.message, 64) } };
}
