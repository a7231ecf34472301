import { status } from "@grpc/grpc-js";
import { CallRefusedError, InvalidInputError } from "../errors.js";
import { defaults } from "../limits.js";

/** How a stream may end, other than well. Codes and reasons are those of errors.proto. */

export function registerRequired(): CallRefusedError {
  return new CallRefusedError("the first message of a session must be Register", {
    code: status.FAILED_PRECONDITION,
    reason: "REGISTER_REQUIRED",
  });
}

export function alreadyRegistered(): CallRefusedError {
  return new CallRefusedError("a session registers once", {
    code: status.FAILED_PRECONDITION,
    reason: "ALREADY_REGISTERED",
  });
}

export function superseded(workerId: string): CallRefusedError {
  return new CallRefusedError("another process has registered under this worker id", {
    code: status.FAILED_PRECONDITION,
    reason: "SUPERSEDED",
    facts: { worker_id: workerId },
  });
}

export function sessionLost(why: string): CallRefusedError {
  return new CallRefusedError(why, { code: status.UNAVAILABLE, reason: "SESSION_LOST" });
}

export function stopping(): CallRefusedError {
  return new CallRefusedError("the master is stopping", {
    code: status.UNAVAILABLE,
    reason: "STOPPING",
    retryInMs: defaults.retryMs,
  });
}

export function workerLimit(limit: number): CallRefusedError {
  return new CallRefusedError(`${limit} workers are connected already`, {
    code: status.RESOURCE_EXHAUSTED,
    reason: "WORKER_LIMIT",
    facts: { limit: String(limit) },
    retryInMs: defaults.retryMs,
  });
}

export function malformedFrame(cause: unknown): InvalidInputError {
  const description = cause instanceof Error ? cause.message : "no message";
  return new InvalidInputError([{ field: "frame", description }], "MALFORMED");
}
