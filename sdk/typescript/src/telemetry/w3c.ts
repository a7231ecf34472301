import {
  baggageEntryMetadataFromString,
  createTraceState,
  isSpanContextValid,
  propagation,
  trace,
  type Baggage,
  type BaggageEntry,
  type Context,
  type SpanContext,
} from "@opentelemetry/api";
import type { TraceContext } from "@capstan/proto/capstan/v1/common.js";

/**
 * W3C trace context and baggage as the contract carries them. Written by hand, so that they are on the wire
 * whatever propagator a program has registered.
 * Source: https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/
 */
const traceparentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

const maxTracestateBytes = 512;
const maxBaggageBytes = 4_096;

/** What the active span and baggage are on the wire; undefined when there is neither. */
export function inject(context: Context): TraceContext | undefined {
  const span = trace.getSpanContext(context);
  const baggage = formatBaggage(propagation.getBaggage(context));
  if (span === undefined || !isSpanContextValid(span)) {
    return baggage === "" ? undefined : { traceparent: "", tracestate: "", baggage };
  }
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, "0");
  const tracestate = span.traceState?.serialize() ?? "";
  return {
    traceparent: `00-${span.traceId}-${span.spanId}-${flags}`,
    tracestate: Buffer.byteLength(tracestate) > maxTracestateBytes ? "" : tracestate,
    baggage,
  };
}

/** The span that a `traceparent` names; undefined when it is malformed, which is never an error. */
export function extractSpan(traceparent: string, tracestate: string): SpanContext | undefined {
  const match = traceparentPattern.exec(traceparent);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = ""] = match;
  if (version === "ff" || (version === "00" && traceparent.length !== 55)) return undefined;
  const span: SpanContext = { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(span)) return undefined;
  return tracestate === "" ? span : { ...span, traceState: createTraceState(tracestate) };
}

/** The baggage of a header; undefined when it has no entry. */
export function extractBaggage(header: string): Baggage | undefined {
  if (header === "") return undefined;
  const entries: Record<string, BaggageEntry> = {};
  for (const member of header.split(",")) {
    const [pair = "", ...properties] = member.split(";");
    const at = pair.indexOf("=");
    if (at <= 0) continue;
    const value = decoded(pair.slice(at + 1).trim());
    const key = decoded(pair.slice(0, at).trim());
    if (key === undefined || value === undefined) continue;
    entries[key] =
      properties.length === 0
        ? { value }
        : { value, metadata: baggageEntryMetadataFromString(properties.join(";")) };
  }
  return Object.keys(entries).length === 0 ? undefined : propagation.createBaggage(entries);
}

function formatBaggage(baggage: Baggage | undefined): string {
  let header = "";
  for (const [key, entry] of baggage?.getAllEntries() ?? []) {
    const metadata = entry.metadata === undefined ? "" : `;${entry.metadata.toString()}`;
    const member = `${encodeURIComponent(key)}=${encodeURIComponent(entry.value)}${metadata}`;
    const longer = header === "" ? member : `${header},${member}`;
    if (Buffer.byteLength(longer) > maxBaggageBytes) break;
    header = longer;
  }
  return header;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
