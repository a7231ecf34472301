import assert from "node:assert/strict";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";
import type { TraceContext } from "@capstan/proto/capstan/v1/common.js";
import { SubmitJobsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { Client, type TaskDefinition } from "../src/index.js";
import { tracingIsOn, userTracestate } from "../src/telemetry/spans.js";
import { extractBaggage, extractSpan, inject } from "../src/telemetry/w3c.js";
import { FakeJobs } from "./support/fake-jobs.js";
import { Fixtures, gate } from "./support/fixtures.js";

const fixtures = new Fixtures();
const exporter = new InMemorySpanExporter();

describe("tracing", () => {
  before(() => {
    assert.equal(tracingIsOn(), false, "nothing is registered before");
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    assert.equal(tracingIsOn(), true);
  });
  after(() => {
    trace.disable();
    context.disable();
  });
  afterEach(async () => {
    await fixtures.close();
    exporter.reset();
  });

  async function submitted(tasks: TaskDefinition[]): Promise<TraceContext> {
    const jobs = new FakeJobs();
    const master = await fixtures.master(jobs.unary());
    const client = new Client({ address: master.address });
    fixtures.after(() => client.close());
    const baggage = propagation.createBaggage({ tenant: { value: "a b" } });
    await context.with(propagation.setBaggage(context.active(), baggage), () =>
      client.submit({ name: "j", stages: [{ taskType: "t", tasks }] }, { idempotencyKey: "k" }),
    );
    return jobs.jobs.get("k")!.request.traceContext!;
  }

  /** Runs one delivery with that trace context; what its handler saw, and its span. */
  async function processed(
    traceContext: TraceContext,
    handler: () => unknown = () => undefined,
  ): Promise<{ span: ReadableSpan; seen: { spanId?: string; tenant?: string } }> {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    const seen: { spanId?: string; tenant?: string } = {};
    worker.handle("t", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      const spanId = trace.getActiveSpan()?.spanContext().spanId;
      if (spanId !== undefined) seen.spanId = spanId;
      const tenant = propagation.getActiveBaggage()?.getEntry("tenant")?.value;
      if (tenant !== undefined) seen.tenant = tenant;
      return handler();
    });
    const ended = gate();
    worker.on("ended", () => ended.open());
    void worker.run();
    const { session } = await master.registered();
    session.assignOf({ traceContext }, { attempt: 2, delivery: 3 });
    await ended.passed;
    const span = exporter.getFinishedSpans().find(({ kind }) => kind === SpanKind.CONSUMER)!;
    return { span, seen };
  }

  it("makes a delivery of a small job the child of its submit, linked to it, with its baggage", async () => {
    const carried = await submitted([{}, {}]);
    const [send] = exporter.getFinishedSpans();
    assert.equal(send?.name, "send j");
    assert.equal(send.kind, SpanKind.PRODUCER);
    assert.equal(send.attributes["capstan.job.id"], "job_1");
    assert.equal(send.attributes["messaging.batch.message_count"], 2);
    const { traceId, spanId } = send.spanContext();
    assert.equal(carried.traceparent, `00-${traceId}-${spanId}-01`);
    assert.equal(carried.baggage, "tenant=a%20b");

    const { span, seen } = await processed(carried);
    assert.equal(span.name, "process t");
    assert.equal(span.spanContext().traceId, traceId);
    assert.equal(span.parentSpanContext?.spanId, spanId);
    assert.deepEqual(
      span.links.map(({ context }) => context.spanId),
      [spanId],
    );
    assert.equal(seen.spanId, span.spanContext().spanId);
    assert.equal(seen.tenant, "a b");
    const { attributes } = span;
    assert.deepEqual(
      [
        attributes["messaging.message.id"],
        attributes["capstan.attempt"],
        attributes["capstan.delivery"],
      ],
      ["job_1/main/0", 2, 3],
    );
    assert.equal(span.spanContext().traceState?.get("capstan"), undefined);
  });

  it("links a delivery of a large job to its submit, in a trace of its own", async () => {
    const carried = await submitted(Array.from({ length: 101 }, () => ({})));
    const [send] = exporter.getFinishedSpans();
    const { span } = await processed(carried);
    assert.notEqual(span.spanContext().traceId, send?.spanContext().traceId);
    assert.equal(span.parentSpanContext, undefined);
    assert.equal(span.links[0]?.context.spanId, send?.spanContext().spanId);
  });

  it("keeps bulk calls within one message, however much baggage the jobs carry", async () => {
    const jobs = new FakeJobs();
    const sizes: number[] = [];
    jobs.before = (call, request) => {
      assert.equal(call, "SubmitJobs");
      sizes.push(SubmitJobsRequest.encode(request as SubmitJobsRequest).finish().length);
    };
    const master = await fixtures.master(jobs.unary());
    const client = new Client({ address: master.address });
    fixtures.after(() => client.close());
    const baggage = propagation.createBaggage({ tenant: { value: "a".repeat(3_000) } });
    const many = Array.from({ length: 1_500 }, () => ({
      name: "j",
      stages: [{ taskType: "t", tasks: [{}] }],
    }));
    const outcomes = await context.with(propagation.setBaggage(context.active(), baggage), () =>
      client.submitMany(many),
    );
    assert(outcomes.every(({ ok }) => ok));
    assert(Math.max(...sizes) <= 1_048_576 && Math.max(...sizes) > 800_000, String(sizes));
  });

  it("records a failure on the delivery's span and names the span in the failure", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    worker.handle("t", () => {
      throw new RangeError("bad");
    });
    void worker.run();
    const { session } = await master.registered();
    session.assign({});
    const { failure } = await session.expect("failed");
    const [span] = exporter.getFinishedSpans();
    assert.equal(span?.status.code, SpanStatusCode.ERROR);
    assert.equal(span.attributes["error.type"], "RangeError");
    assert.equal(span.events[0]?.name, "exception");
    assert.deepEqual(
      [failure?.traceId, failure?.spanId],
      [span.spanContext().traceId, span.spanContext().spanId],
    );
  });

  it("ignores a trace context that is malformed", async () => {
    const { span } = await processed({ traceparent: "00-zz", tracestate: ",,", baggage: "=;,%" });
    assert.deepEqual(span.links, []);
  });

  it("records a submit that failed", async () => {
    const master = await fixtures.master({});
    const client = new Client({ address: master.address, retryForMs: 0 });
    fixtures.after(() => client.close());
    await assert.rejects(client.submit({ name: "j", stages: [{ taskType: "t", tasks: [{}] }] }));
    assert.equal(exporter.getFinishedSpans()[0]?.status.code, SpanStatusCode.ERROR);
  });
});

describe("W3C trace context", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const spanId = "b7ad6b7169203331";

  it("reads what the specification allows, and nothing else", () => {
    assert.equal(extractSpan(`00-${traceId}-${spanId}-01`, "")?.spanId, spanId);
    assert.equal(extractSpan(`cc-${traceId}-${spanId}-01-what-comes-later`, "")?.traceId, traceId);
    const state = extractSpan(`00-${traceId}-${spanId}-00`, "a=1,b=2")?.traceState;
    assert.equal(state?.get("b"), "2");
    for (const bad of [
      "",
      "00",
      `ff-${traceId}-${spanId}-01`,
      `00-${traceId}-${spanId}-01-more`,
      `00-${"0".repeat(32)}-${spanId}-01`,
      `00-${traceId.toUpperCase()}-${spanId}-01`,
    ]) {
      assert.equal(extractSpan(bad, ""), undefined, bad);
    }
  });

  it("gives a handler the submitter's tracestate alone", () => {
    assert.equal(userTracestate("capstan=parent,a=1"), "a=1");
    assert.equal(userTracestate("capstan=parent"), "");
    assert.equal(userTracestate("a=1"), "a=1");
  });

  it("keeps baggage with its properties over the wire", () => {
    const baggage = extractBaggage("a=1;p=2,b=x%2Cy, c = d ,,=3,e=%");
    assert.deepEqual(
      baggage?.getAllEntries().map(([key, { value }]) => [key, value]),
      [
        ["a", "1"],
        ["b", "x,y"],
        ["c", "d"],
      ],
    );
    const carried = inject(propagation.setBaggage(context.active(), baggage!));
    assert.equal(carried?.baggage, "a=1;p=2,b=x%2Cy,c=d");
    assert.equal(inject(context.active()), undefined);
  });
});
