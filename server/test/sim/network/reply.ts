import { Metadata, type ServiceError, status, type StatusObject } from "@grpc/grpc-js";
import { refusedBy } from "../../rpc/support/edge.js";

/** What comes back of a call: bytes, or a status with what it carries. */
export type Reply =
  | { readonly ok: true; readonly bytes: Buffer }
  | {
      readonly ok: false;
      readonly code: string;
      readonly reason: string;
      readonly facts: Readonly<Record<string, string>>;
    };

export type Refusal = Extract<Reply, { ok: false }>;

/** A status as the master gives it, through the very bytes that grpc would carry. */
export function refusalOfStatus(error: Partial<StatusObject>): Refusal {
  const { code = status.UNKNOWN, details = "", metadata = new Metadata() } = error;
  const { code: name, reason, facts } = refusedBy({ code, details, metadata } as ServiceError);
  return { ok: false, code: name, reason, facts };
}

/** What a client's own library says when nobody answers. */
export function lost(code: "UNAVAILABLE" | "DEADLINE_EXCEEDED"): Refusal {
  return { ok: false, code, reason: "", facts: {} };
}
