import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { context, SpanKind, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { Client, PermanentError, Worker } from "@capstan/sdk";
import type { MasterOptions } from "../../src/main.js";
import { startMaster } from "../../src/main.js";
import { spanContextOf } from "../../src/telemetry/deliveries.js";
import { tracingIsOn } from "../../src/telemetry/tracing.js";

/** Client, master and worker in one process, so that one exporter sees the whole story. */
describe("the story of a job, in spans", () => {
  const exporter = new InMemorySpanExporter();

  before(() => {
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  after(() => {
    trace.disable();
    context.disable();
  });

  beforeEach(() => {
    exporter.reset();
  });

  it("is one trace for a small job: submit, each delivery at the master, each handler", async () => {
    const seen = await story(async (client) => {
      await client.runJob(job("noop", 2));
    });
    const [send] = named(seen, "send story");
    assert.equal(send?.kind, SpanKind.PRODUCER);
    const { traceId, spanId } = send.spanContext();
    for (const name of ["deliver noop", "process noop"]) {
      const spans = named(seen, name);
      assert.equal(spans.length, 2, name);
      for (const span of spans) {
        assert.equal(span.spanContext().traceId, traceId, name);
        assert.equal(span.parentSpanContext?.spanId, spanId, name);
        assert.equal(span.links[0]?.context.spanId, spanId, name);
      }
    }
    assert.equal(named(seen, "process noop")[0]?.kind, SpanKind.CONSUMER);
  });

  it("is linked, not nested, for a job too large to be read as one trace", async () => {
    const seen = await story(async (client) => {
      await client.runJob(job("noop", 101));
    });
    const [send] = named(seen, "send story");
    const deliveries = [...named(seen, "deliver noop"), ...named(seen, "process noop")];
    assert.equal(deliveries.length, 202);
    for (const span of deliveries) {
      assert.equal(span.links[0]?.context.spanId, send?.spanContext().spanId);
      assert.notEqual(span.spanContext().traceId, send?.spanContext().traceId);
    }
  });

  it("tells a retried attempt from a failed task", async () => {
    const seen = await story(async (client) => {
      await client.runJob(job("flaky", 1));
      await client.runJob(job("dies", 1)).catch(() => {});
    });
    const outcomes = named(seen, "deliver flaky").map((span) => [
      span.attributes["capstan.outcome"],
      span.attributes["capstan.attempt"],
      span.status.code,
    ]);
    assert.deepEqual(outcomes, [
      ["retry", 1, 0],
      ["succeeded", 2, 0],
    ]);
    assert.equal(named(seen, "deliver dies")[0]?.status.code, 2);
  });

  it("goes on in the right traces after a restart of the master on its journal", async () => {
    const directory = await mkdtemp(join(tmpdir(), "capstan-story-"));
    const journal = { kind: "file", directory } as const;
    try {
      await story((client) => client.runJob(job("noop", 3)), journal);
      exporter.reset();
      // So large that it is uploaded in parts, and those name their stage by its number.
      const payload = Buffer.alloc(250 * 1_024);
      const tasks = [{ payload }, { payload }];
      const large = { name: "story", stages: [{ taskType: "noop", tasks }] };
      const seen = await story((client) => client.runJob(large), journal);
      const [send] = named(seen, "send story");
      const traces = named(seen, "deliver noop").map((span) => span.spanContext().traceId);
      assert.deepEqual(traces, [send?.spanContext().traceId, send?.spanContext().traceId]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  /** Runs something against a master and a worker of its own. @returns all spans of it */
  async function story(
    tell: (client: Client) => Promise<unknown>,
    journal: MasterOptions["journal"] = { kind: "memory" },
  ): Promise<ReadableSpan[]> {
    const master = await startMaster({ address: "127.0.0.1:0", journal, traces: true });
    const { address } = master;
    const worker = new Worker({ address, slots: 8, installSignalHandlers: false });
    worker.handle("noop", () => undefined);
    worker.handle("dies", () => {
      throw new PermanentError("never");
    });
    worker.handle("flaky", (_task, { attempt }) => {
      if (attempt === 1) throw new Error("once");
    });
    const client = new Client({ address });
    const running = worker.run();
    try {
      await tell(client);
    } finally {
      client.close();
      await worker.drain();
      await running;
      await master.close();
    }
    return exporter.getFinishedSpans();
  }
});

describe("exporting traces", () => {
  it("is off unless a standard variable asks for it", () => {
    assert.equal(tracingIsOn({}), false);
    assert.equal(tracingIsOn({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://x" }), true);
    assert.equal(tracingIsOn({ OTEL_TRACES_EXPORTER: "none" }), false);
    const disabled = { OTEL_SDK_DISABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://x" };
    assert.equal(tracingIsOn(disabled), false);
  });

  it("reads a traceparent, and drops what is none", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert.equal(spanContextOf(traceparent)?.spanId, "b7ad6b7169203331");
    assert.equal(spanContextOf(""), undefined);
    assert.equal(spanContextOf("00-0-0-01"), undefined);
  });

  it("goes by OTLP where the environment says, from a real master process", async () => {
    const paths: string[] = [];
    const collector = createServer((request: IncomingMessage, response) => {
      paths.push(request.url ?? "");
      request.resume();
      request.on("end", () => response.end());
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const { port } = collector.address() as AddressInfo;
    const main = fileURLToPath(new URL("../../src/main.js", import.meta.url));
    const master = spawn(process.execPath, [main, "--memory", "--address", "127.0.0.1:0"], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    });
    try {
      const client = new Client({ address: await addressOf(master.stdout) });
      await client.submit(job("noop", 1));
      client.close();
      master.kill("SIGTERM");
      await once(master, "exit");
      assert(paths.includes("/v1/traces"), `asked for: ${paths.join(" ")}`);
    } finally {
      master.kill("SIGKILL");
      await new Promise((resolve) => collector.close(resolve));
    }
  }).timeout(20_000);
});

function job(taskType: string, count: number) {
  const tasks = Array.from({ length: count }, () => ({}));
  const policy = { retry: { maxAttempts: 2, backoffBaseMs: 1 } };
  return { name: "story", policy, stages: [{ taskType, tasks }] };
}

function named(spans: readonly ReadableSpan[], name: string): ReadableSpan[] {
  return spans.filter((span) => span.name === name);
}

async function addressOf(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const address = /127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (address !== undefined) return address;
  }
  throw new Error("the master ended before it listened");
}
