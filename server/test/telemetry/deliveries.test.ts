import assert from "node:assert/strict";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import type { CoreEvent, TaskDraft } from "../../src/core/index.js";
import { DeliverySpans } from "../../src/telemetry/deliveries.js";
import { kind, spec } from "../journal/entry/samples.js";

const stamp = { now: 1_000, wall: 1_750_000_000_000 };
const draft: TaskDraft = {
  ...{ bodyBytes: 0, hosts: [], inputBytes: 0, recordCount: 0, delayMs: 0 },
};

/** A job whose only stage has a type of its own, and whose tasks come later. */
const submitted = (job: number, type: string): CoreEvent => ({
  ...{ type: "job_submitted", version: 1, job, id: `job_${job}`, idempotencyKey: "" },
  ...{ fingerprint: "", uploading: true, opened: [], firstTask: 0, firstBlob: 0, tasks: [] },
  spec: {
    ...spec,
    stages: [{ name: "main", dependsOn: [], partitions: 1, task: { ...kind, type } }],
  },
});

const added = (job: number, stage: number, firstTask: number, count: number): CoreEvent => ({
  ...{ type: "tasks_added", version: 1, job, stage, firstTask, firstIndex: 0, firstBlob: 0 },
  tasks: Array.from({ length: count }, () => draft),
});

const facts = (task: number) => ({
  ...{ lease: task + 1, task, worker: 0, run: 1, generation: 1, delivery: 1, attempt: 1 },
});

const granted = (task: number): CoreEvent => ({
  ...{ type: "lease_granted", version: 1, epoch: 1, drawHigh: 0, drawLow: 0 },
  ...{ ahead: false, level: 3 },
  ...facts(task),
});

const succeeded = (task: number): CoreEvent => ({
  ...{ type: "task_succeeded", version: 1, charge: "none", stopping: false, promoted: [] },
  ...{ firstBlob: 0, outputs: [], recordCount: 0 },
  ...facts(task),
});

describe("the master's spans of deliveries", () => {
  function open() {
    const exporter = new InMemorySpanExporter();
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    const tracer = new BasicTracerProvider({ spanProcessors }).getTracer("test");
    const spans = new DeliverySpans(tracer);
    const told = () =>
      exporter
        .getFinishedSpans()
        .map((span) => [span.name, span.attributes["capstan.job.id"]] as const);
    return { spans, told };
  }

  it("are of the job whose task it is, also where stages were numbered before this process", () => {
    const { spans, told } = open();
    spans.beginAt(3);
    spans.observe([submitted(3, "first"), submitted(4, "second")], stamp);
    spans.observe([added(4, 4, 10, 1), added(3, 3, 11, 1)], stamp);
    spans.observe([granted(10), granted(11), succeeded(10), succeeded(11)], stamp);
    assert.deepEqual(told(), [
      ["deliver second", "job_4"],
      ["deliver first", "job_3"],
    ]);
  });

  it("are none for a job from before, whose trace is not known", () => {
    const { spans, told } = open();
    spans.beginAt(3);
    spans.observe([submitted(3, "first"), added(0, 0, 10, 1), granted(10), succeeded(10)], stamp);
    assert.deepEqual(told(), []);
  });

  it("keep nothing of a job that has ended, however its tasks did", () => {
    const { spans } = open();
    spans.observe([submitted(0, "first"), added(0, 0, 0, 3), granted(0), succeeded(0)], stamp);
    assert.equal(spans.kept, 3);
    spans.observe(
      [{ type: "job_finished", version: 1, job: 0, run: 1, state: "cancelled" }],
      stamp,
    );
    assert.equal(spans.kept, 0);
  });
});
