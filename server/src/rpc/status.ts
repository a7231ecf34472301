import { randomBytes } from "node:crypto";
import type { StatusObject } from "@grpc/grpc-js";
import { Metadata, status } from "@grpc/grpc-js";
import { Status } from "@capstan/proto/google/rpc/status.js";
import type { Rejection, RejectionKind } from "../core/index.js";
import { DiskFullError, UnavailableError } from "../engine/engine-port.js";
import { HistoryError } from "../history/history.js";
import type { Facts, Reason } from "./errors.js";
import { CallRefusedError, RejectedError } from "./errors.js";
import { defaults, limits } from "./limits.js";
import type { Log } from "./log.js";
import type { Refusal } from "./status-details.js";
import { cutText, detailsOf } from "./status-details.js";

export {
  CallRefusedError,
  InvalidInputError,
  LimitExceededError,
  RejectedError,
  Violations,
} from "./errors.js";
export type { Facts, FieldViolation, Reason } from "./errors.js";

interface StatusRow {
  readonly code: status;
  readonly reason: Reason;
  /** May a client send the same request again, unchanged? */
  readonly retry: "never" | "after_backoff";
}

// One row for each way in which the core says no. A new rejection does not compile until it has a
// row; code and reason are those of the comments in errors.proto.
export const statusByRejection = {
  job_not_found: { code: status.NOT_FOUND, reason: "JOB_NOT_FOUND", retry: "never" },
  stage_not_found: { code: status.NOT_FOUND, reason: "STAGE_NOT_FOUND", retry: "never" },
  task_not_found: { code: status.NOT_FOUND, reason: "TASK_NOT_FOUND", retry: "never" },
  worker_not_found: { code: status.NOT_FOUND, reason: "WORKER_NOT_FOUND", retry: "never" },
  idempotency_conflict: {
    code: status.ALREADY_EXISTS,
    reason: "IDEMPOTENCY_CONFLICT",
    retry: "never",
  },
  upload_gap: { code: status.FAILED_PRECONDITION, reason: "UPLOAD_GAP", retry: "never" },
  upload_sealed: { code: status.FAILED_PRECONDITION, reason: "UPLOAD_SEALED", retry: "never" },
  upload_lapsed: { code: status.FAILED_PRECONDITION, reason: "UPLOAD_LAPSED", retry: "never" },
  upload_count_mismatch: {
    code: status.FAILED_PRECONDITION,
    reason: "UPLOAD_COUNT_MISMATCH",
    retry: "never",
  },
  job_not_uploading: {
    code: status.FAILED_PRECONDITION,
    reason: "JOB_NOT_UPLOADING",
    retry: "never",
  },
  stage_counts_differ: {
    code: status.INVALID_ARGUMENT,
    reason: "STAGE_COUNTS_DIFFER",
    retry: "never",
  },
  numbers_exhausted: {
    code: status.RESOURCE_EXHAUSTED,
    reason: "NUMBERS_EXHAUSTED",
    retry: "never",
  },
  result_invalid: { code: status.INVALID_ARGUMENT, reason: "PARTITION_INVALID", retry: "never" },
  session_superseded: { code: status.FAILED_PRECONDITION, reason: "SUPERSEDED", retry: "never" },
} as const satisfies Record<RejectionKind, StatusRow>;

/** A rejection as a refusal. @param facts what the caller knows beside what the core said */
export function refusalOf(rejection: Rejection, facts: Facts = {}): Refusal {
  const row: StatusRow = statusByRejection[rejection.kind];
  return {
    code: row.code,
    message: rejection.message,
    reason: row.reason,
    facts: { ...facts, ...rejection.metadata },
    violations: [],
    retryInMs: row.retry === "after_backoff" ? defaults.retryMs : undefined,
  };
}

/**
 * What is told of an error. Anything that is not meant for the caller is our bug: the log gets it
 * whole, the caller gets the name under which it stands there.
 */
export function toRefusal(error: unknown, log: Log): Refusal {
  if (error instanceof CallRefusedError) {
    const { code, message, reason, facts, violations, retryInMs } = error;
    return { code, message, reason, facts, violations, retryInMs };
  }
  if (error instanceof RejectedError) return refusalOf(error.rejection, error.facts);
  const [code, reason] = codeOf(error);
  if (reason !== "INTERNAL") {
    const { message } = error as Error;
    return { code, message, reason, facts: {}, violations: [], retryInMs: defaults.retryMs };
  }
  const incident = randomBytes(8).toString("hex");
  log.error({ err: error, incident }, "a call failed by a fault of the master's");
  const message = "internal error";
  return { code, message, reason, facts: { incident }, violations: [], retryInMs: undefined };
}

function codeOf(error: unknown): readonly [status, Reason] {
  if (error instanceof UnavailableError) return [status.UNAVAILABLE, "STOPPING"];
  if (error instanceof HistoryError) return [status.UNAVAILABLE, "HISTORY_UNAVAILABLE"];
  if (error instanceof DiskFullError) return [status.RESOURCE_EXHAUSTED, "DISK_FULL"];
  return [status.INTERNAL, "INTERNAL"];
}

/** The form in which grpc-js wants it: code, text, and the whole in `grpc-status-details-bin`. */
export function statusObject(refusal: Refusal): StatusObject {
  const metadata = new Metadata();
  const bytes = Status.encode(detailsOf(refusal)).finish();
  metadata.set("grpc-status-details-bin", Buffer.from(bytes));
  return {
    code: refusal.code,
    details: cutText(refusal.message, limits.statusMessageBytes),
    metadata,
  };
}

/** The status of a rejection. */
export function statusOf(rejection: Rejection, facts: Facts = {}): StatusObject {
  return statusObject(refusalOf(rejection, facts));
}

/** The status of whatever was thrown. A bug is logged here, once. */
export function toStatus(error: unknown, log: Log): StatusObject {
  return statusObject(toRefusal(error, log));
}
