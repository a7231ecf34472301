import type { TraceContext } from "@capstan/proto/capstan/v1/common.js";
import type { TraceContext as CoreTraceContext } from "../../core/index.js";
import { limits } from "../limits.js";

const noTrace: CoreTraceContext = { traceparent: "", tracestate: "", baggage: "" };

// Source of the form: https://www.w3.org/TR/trace-context/#traceparent-header-field-values
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const visible = /^[\x20-\x7e\t]*$/;

/** Trace context as W3C has it. What does not parse is dropped: a trace never fails a job. */
export function decodeTrace(message: TraceContext | undefined): CoreTraceContext {
  if (message === undefined) return noTrace;
  const { traceparent, tracestate, baggage } = message;
  const isTraced = traceparentPattern.test(traceparent);
  return {
    traceparent: isTraced ? traceparent : "",
    tracestate: isTraced ? header(tracestate, limits.tracestateBytes) : "",
    baggage: header(baggage, limits.baggageBytes),
  };
}

function header(value: string, bytesMax: number): string {
  return value.length <= bytesMax && visible.test(value) ? value : "";
}
