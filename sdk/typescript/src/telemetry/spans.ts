import {
  context,
  createTraceState,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type SpanContext,
} from "@opentelemetry/api";
import type { TraceContext } from "@capstan/proto/capstan/v1/common.js";
import {
  attribute,
  instrumentation,
  parentMember,
  parentTaskLimit,
  processSpan,
  sendSpan,
  system,
} from "./names.js";
import { extractBaggage, extractSpan, inject } from "./w3c.js";

/** What stands behind the API while no SDK is registered. */
const nobody = new ProxyTracerProvider().getDelegate();

/** Whether anybody records spans: asked before anything is paid for them. */
export function tracingIsOn(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== nobody;
}

/** A span of a submit. */
export interface SendSpan {
  /** What goes into the request; undefined when there is nothing to tell. */
  traceContext(taskCount: number | undefined): TraceContext | undefined;
  /** The job was submitted. */
  submitted(jobId: string): void;
  /** It was not. */
  failed(error: unknown): void;
}

const noSend: SendSpan = {
  traceContext: () => undefined,
  submitted: () => undefined,
  failed: () => undefined,
};

/** Begins the span of a submit: the creation context of all deliveries of the job. */
export function startSend(jobName: string, namespace: string): SendSpan {
  if (!tracingIsOn()) return noSend;
  const parent = context.active();
  const span = tracer().startSpan(
    sendSpan(jobName),
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        [attribute.system]: system,
        [attribute.destination]: jobName,
        [attribute.operationName]: "send",
        [attribute.operationType]: "send",
        [attribute.namespace]: namespace,
      },
    },
    parent,
  );
  return {
    traceContext(taskCount) {
      if (taskCount !== undefined) span.setAttribute(attribute.batchMessageCount, taskCount);
      const carried = inject(trace.setSpan(parent, span));
      const asParent = taskCount !== undefined && taskCount <= parentTaskLimit;
      return carried && asParent ? withParentMember(carried) : carried;
    },
    submitted(jobId) {
      span.setAttribute(attribute.jobId, jobId);
      span.end();
    },
    failed(error) {
      recordFailure(span, error);
      span.end();
    },
  };
}

/** What a delivery's span tells. */
export interface DeliveryFacts {
  readonly taskId: string;
  readonly taskType: string;
  readonly namespace: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly stage: string;
  readonly attempt: number;
  readonly delivery: number;
  readonly workerId: string;
}

/** The span of a delivery, and the context that its handler runs in. */
export interface ProcessSpan {
  readonly context: Context;
  readonly traceId: string;
  readonly spanId: string;
  /** The handler ended well. */
  ended(): void;
  /** It failed: this delivery, not the task. */
  failed(error: unknown): void;
}

/**
 * Begins the span of a delivery: linked to the submit, and its child where the submitter said so. The
 * submit's baggage is there for the handler.
 */
export function startProcess(facts: DeliveryFacts, carried: TraceContext | undefined): ProcessSpan {
  const remote = carried && extractSpan(carried.traceparent, carried.tracestate);
  const creation = remote && withoutParentMember(remote);
  const asChild = remote?.traceState?.get(parentMember.key) === parentMember.value;
  const base = asChild && creation ? trace.setSpanContext(ROOT_CONTEXT, creation) : ROOT_CONTEXT;
  const baggage = carried && extractBaggage(carried.baggage);
  const parent = baggage === undefined ? base : propagation.setBaggage(base, baggage);
  const span = tracer().startSpan(
    processSpan(facts.taskType),
    {
      kind: SpanKind.CONSUMER,
      root: !asChild,
      links: creation === undefined ? [] : [{ context: creation }],
      attributes: {
        [attribute.system]: system,
        [attribute.destination]: facts.taskType,
        [attribute.operationName]: "process",
        [attribute.operationType]: "process",
        [attribute.messageId]: facts.taskId,
        [attribute.namespace]: facts.namespace,
        [attribute.jobId]: facts.jobId,
        [attribute.jobName]: facts.jobName,
        [attribute.stage]: facts.stage,
        [attribute.attempt]: facts.attempt,
        [attribute.delivery]: facts.delivery,
        [attribute.workerId]: facts.workerId,
      },
    },
    parent,
  );
  const { traceId, spanId } = span.spanContext();
  return {
    context: trace.setSpan(parent, span),
    traceId,
    spanId,
    ended: () => span.end(),
    failed(error) {
      recordFailure(span, error);
      span.end();
    },
  };
}

function tracer(): ReturnType<typeof trace.getTracer> {
  return trace.getTracer(instrumentation.name, instrumentation.version);
}

function recordFailure(span: Span, error: unknown): void {
  if (!span.isRecording()) return;
  const failure = error instanceof Error ? error : new Error(String(error));
  span.recordException(failure);
  span.setAttribute(attribute.errorType, failure.name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
}

function withParentMember(carried: TraceContext): TraceContext {
  const member = `${parentMember.key}=${parentMember.value}`;
  const tracestate = carried.tracestate === "" ? member : `${member},${carried.tracestate}`;
  return tracestate.length > 512 ? carried : { ...carried, tracestate };
}

/** The submitter's `tracestate`, without what was said by the SDK to itself. */
export function userTracestate(tracestate: string): string {
  const own = `${parentMember.key}=${parentMember.value}`;
  if (!tracestate.startsWith(own)) return tracestate;
  return tracestate.slice(own.length).replace(/^,/, "");
}

function withoutParentMember(span: SpanContext): SpanContext {
  if (span.traceState?.get(parentMember.key) === undefined) return span;
  const rest = span.traceState.unset(parentMember.key).serialize();
  const { traceId, spanId, traceFlags, isRemote = true } = span;
  const bare = { traceId, spanId, traceFlags, isRemote };
  return rest === "" ? bare : { ...bare, traceState: createTraceState(rest) };
}
