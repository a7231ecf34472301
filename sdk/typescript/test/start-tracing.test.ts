import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { asksForTraces, lossTeller } from "@capstan/proto/otel.js";
import { Collector } from "./support/collector.js";
import { FakeJobs } from "./support/fake-jobs.js";
import { Fixtures } from "./support/fixtures.js";

const fixtures = new Fixtures();
const program = fileURLToPath(new URL("./support/traced.js", import.meta.url));

/** How a traced program ended, and what it loaded and said on the way. */
interface Told {
  readonly code: number | null;
  readonly said: string;
  readonly stderr: string;
  readonly loadedExporters: boolean;
  /** What the submit told the master of its trace. */
  readonly traceparent: string | undefined;
}

describe("startTracing", function () {
  // Each test starts a process, and some of them load all of OpenTelemetry.
  this.timeout(20_000);
  let collector: Collector;
  beforeEach(async () => {
    collector = await Collector.start();
    fixtures.after(() => collector.stop());
  });
  afterEach(() => fixtures.close());

  /** Lets a program submit a job, do a task and end, in such an environment. */
  async function tell(variables: NodeJS.ProcessEnv, ...args: string[]): Promise<Told> {
    const jobs = new FakeJobs();
    const master = await fixtures.master(jobs.unary());
    const loaded = mkdtempSync(join(tmpdir(), "capstan-loaded-"));
    fixtures.after(() => rmSync(loaded, { recursive: true }));
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_"));
    // Coverage is Node's own list of all that a process has loaded.
    const env = { ...Object.fromEntries(clean), ...variables, NODE_V8_COVERAGE: loaded };
    const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
    const child = spawn(process.execPath, [program, master.address, ...args], { env, stdio });
    fixtures.after(() => child.kill("SIGKILL"));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const closed = once(child, "close");
    const { session } = await master.registered();
    const [token] = session.assign({});
    await session.expect("completed");
    session.settle(token!);
    child.kill("SIGTERM");
    const [code] = (await closed) as [number | null];
    const files = readdirSync(loaded).map((name) => readFileSync(join(loaded, name), "utf8"));
    assert(files.some((text) => text.includes("/sdk/typescript/dist/src/index.js")));
    return {
      code,
      said,
      stderr,
      loadedExporters: files.some((text) => text.includes("/@opentelemetry/sdk-node/")),
      traceparent: [...jobs.jobs.values()][0]?.request.traceContext?.traceparent,
    };
  }

  it("exports the spans of client and worker where a standard variable says", async () => {
    const told = await tell({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    assert.equal(told.code, 0);
    assert(told.loadedExporters);
    assert.match(told.traceparent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.deepEqual([...new Set(collector.paths)], ["/v1/traces"], "spans, and nothing else");
    for (const name of ["send story", "process t", "story-teller"]) {
      assert(collector.text.includes(name), `${name} was not exported`);
    }
  });

  it("lets the standard variables name the service", async () => {
    const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = `${collector.endpoint}/spans`;
    await tell({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SERVICE_NAME: "by-variable" });
    assert.deepEqual([...new Set(collector.paths)], ["/spans"]);
    assert(collector.text.includes("by-variable"));
    assert(!collector.text.includes("story-teller"));
  });

  it("sends nothing and loads nothing where none does", async () => {
    const told = await tell({});
    assert.deepEqual([told.code, told.loadedExporters, told.traceparent], [0, false, undefined]);
    assert.deepEqual(collector.paths, []);
  });

  it("leaves a program the tracer provider that it has", async () => {
    const told = await tell({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, "own");
    assert.equal(told.said.trim(), "[ 'send story', 'process t' ]");
    assert.deepEqual([told.code, told.loadedExporters], [0, false]);
    assert.deepEqual(collector.paths, []);
  });

  it("waits two seconds, and no more, for a collector that is away, and says that spans are lost", async () => {
    // Nobody listens at port 1.
    const { code, stderr } = await tell({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
    assert.equal(code, 0);
    const lost = /capstan: traces are lost: http:\/\/127\.0\.0\.1:1 does not take them \(.+\)\n/g;
    assert.equal(stderr.match(lost)?.length, 1, stderr);
  });
});

describe("a collector that takes no spans", () => {
  it("is told once, by its own variable first, with the reason however deep it lies", () => {
    const told: string[] = [];
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://all",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces",
    };
    const onLost = lossTeller(env, (sentence) => told.push(sentence));
    onLost(new AggregateError([new Error("connect ECONNREFUSED ::1:1")], ""));
    onLost(new Error("again"));
    assert.deepEqual(told, [
      "traces are lost: http://traces does not take them (connect ECONNREFUSED ::1:1)",
    ]);
  });
});

describe("the standard variables", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://x" };

  it("ask for traces by an endpoint or an exporter", () => {
    assert.equal(asksForTraces(endpoint), true);
    assert.equal(asksForTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://x" }), true);
    assert.equal(asksForTraces({ OTEL_TRACES_EXPORTER: "otlp" }), true);
  });

  it("ask for none where they are not set, empty, or say so", () => {
    assert.equal(asksForTraces({}), false);
    assert.equal(asksForTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), false);
    assert.equal(asksForTraces({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }), false);
    assert.equal(asksForTraces({ ...endpoint, OTEL_SDK_DISABLED: "TRUE" }), false);
    assert.equal(asksForTraces({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://x" }), false);
  });
});
