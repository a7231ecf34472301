import { BadRequest, ErrorInfo, RetryInfo } from "@capstan/proto/google/rpc/error_details.js";
import { Status } from "@capstan/proto/google/rpc/status.js";
import {
  statusCodes,
  type ErrorFacts,
  type FieldViolation,
  type StatusCode,
} from "./error-facts.js";

/** A `google.rpc.Status`, as messages and the `grpc-status-details-bin` trailer carry it. */
export type RpcStatus = Status;

const detailsKey = "grpc-status-details-bin";
const domain = "capstan";

/** What is known of anything that was thrown. Whatever is no gRPC error is UNKNOWN. */
export function factsOf(error: unknown): ErrorFacts {
  if (!isServiceError(error)) return { code: "UNKNOWN", cause: error };
  const code = codeName(error.code);
  const bytes = error.metadata?.get(detailsKey)[0];
  if (!(bytes instanceof Uint8Array)) return { code, cause: error };
  try {
    const facts = factsOfStatus(Status.decode(bytes));
    // What a master says, it says whole: gRPC's own error would only tell it again, as bytes.
    return { ...facts, code, cause: facts.reason === "" ? error : undefined };
  } catch {
    // Details that do not decode take nothing away from the code.
    return { code, cause: error };
  }
}

/** What a `google.rpc.Status` says. Details that are not known or do not decode are left out. */
export function factsOfStatus(status: RpcStatus): ErrorFacts {
  let reason = "";
  let metadata: Record<string, string> = {};
  let violations: readonly FieldViolation[] = [];
  let retryAfterMs: number | undefined;
  for (const { typeUrl, value } of status.details) {
    switch (typeUrl.slice(typeUrl.lastIndexOf("/") + 1)) {
      case "google.rpc.ErrorInfo": {
        const info = ErrorInfo.decode(value);
        if (info.domain !== domain) break;
        reason = info.reason;
        metadata = info.metadata;
        break;
      }
      case "google.rpc.BadRequest":
        violations = BadRequest.decode(value).fieldViolations.map(({ field, description }) => ({
          field,
          description,
        }));
        break;
      case "google.rpc.RetryInfo": {
        const delay = RetryInfo.decode(value).retryDelay;
        if (delay !== undefined) retryAfterMs = Number(delay.seconds) * 1_000 + delay.nanos / 1e6;
        break;
      }
    }
  }
  return { code: codeName(status.code), reason, metadata, violations, retryAfterMs };
}

function codeName(code: number): StatusCode {
  return statusCodes[code] ?? "UNKNOWN";
}

interface ServiceErrorLike {
  readonly code: number;
  readonly metadata?: { get(key: string): readonly (string | Uint8Array)[] };
}

/** A gRPC error, or the status object of a stream: both have a numeric code and metadata. */
function isServiceError(error: unknown): error is ServiceErrorLike {
  if (typeof error !== "object" || error === null) return false;
  const { code, metadata } = error as { code?: unknown; metadata?: { get?: unknown } };
  return typeof code === "number" && (metadata === undefined || typeof metadata.get === "function");
}
