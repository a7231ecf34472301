import type { Tracer } from "@opentelemetry/api";
import { SpanKind, trace } from "@opentelemetry/api";
import type { TraceContext } from "../core/index.js";
import { names } from "./names.js";

/**
 * Gives a job that came without a trace (from grpcurl, say) one of its own: a PRODUCER span at the
 * master, which stands for the submit in the story of the job. A job that came with one keeps it.
 */
export function traceOfSubmit(tracer: Tracer = trace.getTracer(names.tracer)) {
  return (jobName: string, given: TraceContext): TraceContext => {
    if (given.traceparent !== "") return given;
    const span = tracer.startSpan(names.submit(jobName), {
      kind: SpanKind.PRODUCER,
      attributes: {
        [names.system]: "capstan",
        [names.operation]: "create",
        [names.operationType]: "create",
        [names.destination]: jobName,
      },
    });
    const { traceId, spanId, traceFlags } = span.spanContext();
    span.end();
    const flags = traceFlags.toString(16).padStart(2, "0");
    return { ...given, traceparent: `00-${traceId}-${spanId}-${flags}` };
  };
}
