import type { Any } from "@capstan/proto/google/protobuf/any.js";
import { BadRequest, ErrorInfo, RetryInfo } from "@capstan/proto/google/rpc/error_details.js";
import type { Status } from "@capstan/proto/google/rpc/status.js";
import type { Facts, FieldViolation, Reason } from "./errors.js";
import { limits } from "./limits.js";

/** The domain of every reason of ours. */
export const errorDomain = "capstan";

/** A refusal, before it takes the form of a status or of an item's error. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly reason: Reason;
  readonly facts: Facts;
  readonly violations: readonly FieldViolation[];
  readonly retryInMs: number | undefined;
}

/**
 * google.rpc.Status with its details, kept within a size: texts are cut, then violations left out
 * from the end. A client never loses code, reason and the first facts.
 *
 * @param bytesMax what it may take, encoded; a refusal of the shortest form takes about 200
 */
export function detailsOf(refusal: Refusal, bytesMax: number = limits.statusDetailsBytes): Status {
  const textMax = Math.max(64, Math.floor(bytesMax / 4));
  const details = [
    pack(ErrorInfo, "google.rpc.ErrorInfo", {
      reason: refusal.reason,
      domain: errorDomain,
      metadata: cutFacts(refusal.facts, textMax),
    }),
  ];
  if (refusal.retryInMs !== undefined) {
    details.push(
      pack(RetryInfo, "google.rpc.RetryInfo", { retryDelay: duration(refusal.retryInMs) }),
    );
  }
  const message = cutText(refusal.message, Math.min(textMax, limits.statusMessageBytes));
  const taken = details.reduce((sum, { value }) => sum + value.length + 64, message.length + 16);
  const fieldViolations = firstOf(refusal.violations, bytesMax - taken - 64, textMax);
  if (fieldViolations.length > 0) {
    details.push(
      pack(BadRequest, "google.rpc.BadRequest", BadRequest.fromPartial({ fieldViolations })),
    );
  }
  return { code: refusal.code, message, details };
}

/** As many violations as fit, in order. */
function firstOf(
  violations: readonly FieldViolation[],
  bytesMax: number,
  textMax: number,
): FieldViolation[] {
  const kept: FieldViolation[] = [];
  let bytes = 0;
  for (const { field, description } of violations) {
    const violation = {
      field: cutText(field, textMax),
      description: cutText(description, textMax),
    };
    bytes += Buffer.byteLength(violation.field) + Buffer.byteLength(violation.description) + 12;
    if (bytes > bytesMax) break;
    kept.push(violation);
  }
  return kept;
}

function cutFacts(facts: Facts, textMax: number): Record<string, string> {
  const cut: Record<string, string> = {};
  for (const [name, value] of Object.entries(facts)) cut[name] = cutText(value, textMax);
  return cut;
}

/** Cuts text to so many bytes of UTF-8, never inside a character; lone surrogates become U+FFFD. */
export function cutText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= bytesMax) return bytes.toString("utf8");
  let end = Math.max(0, bytesMax - 3);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString("utf8", 0, end)}…`;
}

function duration(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}

interface Encoder<T> {
  encode(message: T): { finish(): Uint8Array };
}

function pack<T>(type: Encoder<T>, name: string, message: T): Any {
  const value = Buffer.from(type.encode(message).finish());
  return { typeUrl: `type.googleapis.com/${name}`, value };
}
