import assert from "node:assert/strict";
import { once } from "node:events";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import type { JobProgress, WatchJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { WatchJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { Calls } from "./support/calls.js";
import { collect, Edge, refusalOf } from "./support/edge.js";
import { TestWorker } from "./support/test-worker.js";

function progressOf({ news }: WatchJobResponse): JobProgress {
  assert(news?.$case === "progress");
  return news.value;
}

describe("watching a job's progress", () => {
  let edge: Edge;
  let calls: Calls;

  beforeEach(async () => {
    edge = await Edge.start();
    calls = new Calls(edge);
  });

  afterEach(() => edge.close());

  const watch = (jobId: string, minIntervalMs = 50) =>
    edge.master.watchJob(WatchJobRequest.fromPartial({ jobId, minIntervalMs }));

  const submit = async (count: number) =>
    (
      await calls.submit({
        job: {
          name: "watched",
          stages: [{ taskType: "noop", tasks: Array.from({ length: count }, () => ({})) }],
        },
      })
    ).jobId;

  it("sends the first state at once, the last without delay, and ends", async () => {
    const worker = await TestWorker.register(edge.engine);
    const jobId = await submit(3);
    const started = performance.now();
    const stream = watch(jobId, 60_000);
    const states = collect(stream);
    await once(stream, "data");
    for (let i = 0; i < 3; i++) await worker.complete(await worker.next());
    const messages = (await states).map(progressOf);
    assert(performance.now() - started < 30_000);
    assert.deepEqual(
      messages.map(({ job }) => [job?.state, job?.counts?.succeeded]),
      [
        [JobState.JOB_STATE_RUNNING, 0],
        [JobState.JOB_STATE_SUCCEEDED, 3],
      ],
    );
    assert.equal(messages[0]?.job?.stages.length, 1);
    assert.equal(messages[0]?.job?.spec, undefined);
  });

  it("shows what runs, by whom, how far", async () => {
    const worker = await TestWorker.register(edge.engine, { workerId: "w1" });
    const jobId = await submit(1);
    const assigned = await worker.next();
    const stream = watch(jobId);
    const seen: JobProgress[] = [];
    const running = new Promise<void>((resolve) => {
      stream.on("data", (message: WatchJobResponse) => {
        seen.push(progressOf(message));
        if (seen.at(-1)?.running[0]?.progress === 0.5) resolve();
      });
    });
    worker.start(assigned);
    edge.engine.note({ kind: "note_progress", token: assigned, fraction: 0.5, note: "half" });
    await running;
    const [task] = seen.at(-1)?.running ?? [];
    assert.deepEqual(
      [task?.taskId, task?.workerId, task?.attempt, task?.progressNote],
      [`${jobId}/main/0`, "w1", 1, "half"],
    );
    assert.equal(seen.at(-1)?.job?.counts?.running, 1);
    stream.on("error", () => {});
    stream.cancel();
  });

  it("coalesces a storm of changes into few states, never losing the last", async () => {
    const worker = await TestWorker.register(edge.engine, {
      capacity: [{ name: "slots", milli: 100_000 }],
    });
    const jobId = await submit(400);
    const states = collect(watch(jobId, 100));
    for (let i = 0; i < 400; i++) await worker.complete(await worker.next());
    const messages = (await states).map(progressOf);
    assert(messages.length < 100, `${messages.length} states for 400 tasks`);
    assert.equal(messages.at(-1)?.job?.counts?.succeeded, 400);
    assert.equal(messages.at(-1)?.job?.state, JobState.JOB_STATE_SUCCEEDED);
  });

  it("makes no state for a reader that has not taken the last one", async () => {
    const worker = await TestWorker.register(edge.engine, {
      capacity: [{ name: "slots", milli: 1_000 }],
    });
    // Hundreds of stages' worth of text make each state large enough to fill the connection.
    const stages = Array.from({ length: 64 }, (_, i) => ({
      name: `stage-${i}-${"x".repeat(40)}`,
      taskType: "noop",
      tasks: [{}],
    }));
    const labels = Object.fromEntries(
      Array.from({ length: 32 }, (_, i) => [`l${i}`, "y".repeat(256)]),
    );
    const { jobId } = await calls.submit({ job: { name: "wide", labels, stages } });
    const stream = watch(jobId, 50);
    const states = collect(stream);
    stream.pause();
    for (let i = 0; i < 64; i++) await worker.complete(await worker.next());
    stream.resume();
    const messages = (await states).map(progressOf);
    assert.equal(messages.at(-1)?.job?.state, JobState.JOB_STATE_SUCCEEDED);
  });

  it("sends the one state of a job that has ended", async () => {
    const worker = await TestWorker.register(edge.engine);
    const jobId = await submit(1);
    await worker.complete(await worker.next());
    await collect(watch(jobId));
    const messages = (await collect(watch(jobId))).map(progressOf);
    assert.deepEqual(
      messages.map(({ job }) => job?.state),
      [JobState.JOB_STATE_SUCCEEDED],
    );
    assert.notEqual(messages[0]?.job?.finishedAt, undefined);
  });

  it("ends with UNAVAILABLE when the master stops", async () => {
    const jobId = await submit(1);
    const stream = watch(jobId);
    const ended = refusalOf(collect(stream));
    await once(stream, "data");
    await edge.server.close();
    const refused = await ended;
    assert.deepEqual([refused.code, refused.reason], ["UNAVAILABLE", "STOPPING"]);
    assert(refused.retryMs !== undefined && refused.retryMs > 0);
  });

  it("forgets a watcher that is gone", async () => {
    const jobId = await submit(1);
    const stream = watch(jobId);
    stream.on("error", () => {});
    await once(stream, "data");
    const closed = new Promise((resolve) => stream.on("close", resolve));
    stream.cancel();
    await closed;
    const worker = await TestWorker.register(edge.engine);
    await worker.complete(await worker.next());
    assert.deepEqual(edge.logged, []);
  });
});
