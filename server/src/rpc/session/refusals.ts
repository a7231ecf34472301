import { MasterMessage } from "@capstan/proto/capstan/v1/session.js";
import { BadRequest_FieldViolation, ErrorInfo } from "@capstan/proto/google/rpc/error_details.js";
import type { Facts, FieldViolation, Reason } from "../errors.js";
import { errorDomain } from "../status-details.js";
import { encodeToken } from "../token.js";
import type { IncomingToken } from "./incoming.js";
import { sessionLimits } from "./session-limits.js";

/** Why a report is wrong in itself. Its lease is kept. */
export interface ReportRefusal {
  readonly reason: Reason;
  readonly facts?: Facts;
  readonly violations?: readonly FieldViolation[];
}

export function tooLarge(field: string, limit: number, actual: number): ReportRefusal {
  return {
    reason: "RESULT_TOO_LARGE",
    facts: { field, limit: String(limit), actual: String(actual) },
    violations: [{ field, description: `${actual} bytes; at most ${limit}` }],
  };
}

export const malformedToken: ReportRefusal = {
  reason: "TOKEN_MALFORMED",
  violations: [{ field: "token", description: "not a lease token of 32 bytes" }],
};

/** A Refused, encoded as a MasterMessage. */
export function encodeRefused(token: IncomingToken, refusal: ReportRefusal): Uint8Array {
  const value = {
    // What is no token is quoted as far as it helps.
    token:
      token instanceof Uint8Array
        ? Buffer.from(token.subarray(0, sessionLimits.quotedTokenBytes))
        : encodeToken(token),
    error: ErrorInfo.fromPartial({
      reason: refusal.reason,
      domain: errorDomain,
      metadata: { ...refusal.facts },
    }),
    violations: (refusal.violations ?? [])
      .slice(0, 16)
      .map((violation) => BadRequest_FieldViolation.fromPartial(violation)),
  };
  return MasterMessage.encode({ message: { $case: "refused", value } }).finish();
}
