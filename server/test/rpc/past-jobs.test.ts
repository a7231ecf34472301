import assert from "node:assert/strict";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import {
  CancelJobRequest,
  ListJobsRequest,
  ReadOutputsRequest,
  SubmitJobsRequest,
  WatchJobRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import { TaskState } from "@capstan/proto/capstan/v1/task.js";
import { Calls, call } from "./support/calls.js";
import { collect, refusalOf } from "./support/edge.js";
import { PastEdge } from "./support/past-edge.js";
import { TestWorker } from "./support/test-worker.js";

/** What the calls that read a job answer, all of it. */
async function allOf(calls: Calls, past: PastEdge, jobId: string, stages: readonly string[]) {
  const { tasks } = await calls.tasks({ jobId });
  const whole = [];
  for (const { taskId } of tasks) whole.push(await calls.task({ taskId, includeContent: true }));
  const outputs = [];
  for (const stage of stages) {
    const answer = await calls.outputs({ jobId, stage }).catch((error: Error) => error.message);
    outputs.push(answer);
  }
  const { master } = past.edge;
  const watched = await collect(master.watchJob(WatchJobRequest.fromPartial({ jobId })));
  const progress = watched.map(({ news }) => news);
  const listed = await listJobs(past, {});
  return { job: await calls.job(jobId), tasks, whole, outputs, progress, listed };
}

async function listJobs(
  past: PastEdge,
  request: Parameters<typeof ListJobsRequest.fromPartial>[0],
) {
  const { master } = past.edge;
  return call(master, master.listJobs, ListJobsRequest.fromPartial(request));
}

describe("a job that left the core, over gRPC", () => {
  let past: PastEdge;
  let calls: Calls;
  let worker: TestWorker;

  beforeEach(async () => {
    past = await PastEdge.start();
    calls = new Calls(past.edge);
    worker = await TestWorker.register(past.edge.engine);
  });

  afterEach(() => past.close());

  async function submit(name: string, tasks = 1, more: object = {}): Promise<string> {
    const payloads = Array.from({ length: tasks }, (_, i) => ({ payload: Buffer.from(`p${i}`) }));
    const stages = [{ name: "main", taskType: "noop", partitions: 4, tasks: payloads }];
    const { jobId } = await calls.submit({ job: { name, stages, ...more } });
    return jobId;
  }

  async function runOne(name: string, more: object = {}): Promise<string> {
    const jobId = await submit(name, 1, more);
    await worker.complete(await worker.next(), { 0: Buffer.from(`of ${name}`) });
    return jobId;
  }

  it("is shown as it was before: job, tasks, deliveries, failures, payloads, outputs", async () => {
    const jobId = await submit("mixed", 4);
    const outcomes = new Map<number, number>();
    for (let ended = 0; ended < 4;) {
      const assigned = await worker.next();
      const tries = (outcomes.get(assigned.index) ?? 0) + 1;
      outcomes.set(assigned.index, tries);
      worker.start(assigned);
      if (assigned.index === 1 && tries === 1) {
        await worker.fail(assigned, "Flaky");
        // Longer than the backoff, shorter than a lease.
        await past.clock.advance(3_000);
        continue;
      }
      await worker.complete(assigned, {
        0: Buffer.from(`a${assigned.index}`),
        3: Buffer.from(`d${assigned.index}`),
      });
      ended += 1;
    }
    const before = await allOf(calls, past, jobId, ["main"]);
    assert.equal(before.job.state, JobState.JOB_STATE_SUCCEEDED);
    assert.equal(before.whole[1]?.deliveries.length, 2);
    assert.equal(before.whole[1]?.deliveries[0]?.failure?.stack, "at line 1");
    assert.equal(before.whole[0]?.content?.payload.toString(), "p0");
    await past.leave(jobId);
    assert.deepEqual(await allOf(calls, past, jobId, ["main"]), before);
  });

  it("is shown as it was before when it failed", async () => {
    const jobId = await submit("doomed", 3);
    await worker.fail(await worker.next(), "Fatal", false);
    for (let i = 0; i < 2; i++) {
      const assigned = worker.assigned.shift();
      if (assigned !== undefined) await worker.complete(assigned);
    }
    const before = await allOf(calls, past, jobId, ["main"]);
    assert.equal(before.job.state, JobState.JOB_STATE_FAILED);
    assert.equal(before.job.failure?.type, "Fatal");
    assert.equal(before.job.failure.stack, "at line 1");
    await past.leave(jobId);
    assert.deepEqual(await allOf(calls, past, jobId, ["main"]), before);
  });

  it("has its tasks and outputs in pages, which go on from tokens of before it left", async () => {
    const jobId = await submit("paged", 9);
    for (let i = 0; i < 9; i++) {
      const assigned = await worker.next();
      await worker.complete(assigned, { 1: Buffer.alloc(120_000, 65 + assigned.index) });
    }
    const first = await calls.tasks({ jobId, page: { pageSize: 4 } });
    const [message] = await calls.outputs({ jobId });
    const wholeBefore = await calls.outputs({ jobId });
    await past.leave(jobId);
    const page = { pageSize: 4, pageToken: first.nextPageToken };
    const second = await calls.tasks({ jobId, page });
    const ids = [...first.tasks, ...second.tasks].map(({ index }) => index);
    assert.deepEqual(ids, [0, 1, 2, 3, 4, 5, 6, 7]);
    const outputsOf = (messages: Awaited<ReturnType<Calls["outputs"]>>) =>
      messages.flatMap(({ outputs }) => outputs);
    assert.deepEqual(outputsOf(await calls.outputs({ jobId })), outputsOf(wholeBefore));
    const rest = await calls.outputs({ jobId, cursor: message?.cursor ?? Buffer.alloc(0) });
    const resumed = [...(message?.outputs ?? []), ...outputsOf(rest)];
    assert.deepEqual(resumed, outputsOf(wholeBefore));
    const { tasks } = await calls.tasks({ jobId, states: [TaskState.TASK_STATE_FAILED] });
    assert.deepEqual(tasks, []);
    const none = await refusalOf(calls.outputs({ jobId, stage: "main", partition: 7 }));
    assert.deepEqual(none.fields, ["partition"]);
    const other = await refusalOf(calls.tasks({ jobId, stage: "other" }));
    assert.equal(other.reason, "STAGE_NOT_FOUND");
    const beyond = await refusalOf(calls.task({ taskId: `${jobId}/main/9` }));
    assert.equal(beyond.reason, "TASK_NOT_FOUND");
  });

  it("is listed once, wherever jobs stand between two pages, newest first", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.push(await runOne(`job-${i}`));
    const listed: string[] = [];
    let pageToken = "";
    let pages = 0;
    do {
      const answer = await listJobs(past, { page: { pageSize: 2, pageToken } });
      listed.push(...answer.jobs.map(({ jobId }) => jobId));
      pageToken = answer.nextPageToken;
      pages += 1;
      // After the first page all of them leave, and a new one comes.
      if (pages === 1) await past.leave(...ids);
      if (pages === 2) await submit("late");
    } while (pageToken !== "");
    assert.deepEqual(listed, [...ids].reverse());
    const failed = await listJobs(past, { states: [JobState.JOB_STATE_FAILED] });
    assert.deepEqual(failed.jobs, []);
    const named = await listJobs(past, { name: "job-3" });
    assert.deepEqual(
      named.jobs.map(({ jobId }) => jobId),
      [ids[3]],
    );
    const whole = await listJobs(past, { states: [JobState.JOB_STATE_SUCCEEDED] });
    assert.equal(whole.jobs.length, 7);
  });

  it("leaves no gap in a list of those that are still there", async () => {
    const first = await submit("kept");
    const items = Array.from({ length: 4_096 }, () => ({
      job: { name: "gone", stages: [{ taskType: "other", tasks: [{}] }] },
    }));
    const bulk = SubmitJobsRequest.fromPartial({ items });
    const { master, engine } = past.edge;
    const left: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { results } = await call(master, master.submitJobs, bulk);
      for (const { result } of results) {
        if (result?.$case === "job") left.push(result.value.jobId);
      }
    }
    assert.equal(left.length, 3 * items.length);
    for (const jobId of left) {
      void engine.submit<"cancel_job">({
        kind: "cancel_job",
        namespace: "default",
        jobId,
        note: "",
      });
    }
    const last = await submit("kept");
    await past.leave(...left);
    const { jobs, nextPageToken } = await listJobs(past, { name: "kept" });
    assert.deepEqual([jobs.map(({ jobId }) => jobId), nextPageToken], [[last, first], ""]);
    const running = await listJobs(past, {
      states: [JobState.JOB_STATE_RUNNING],
      page: { pageSize: 2 },
    });
    assert.deepEqual(
      running.jobs.map(({ jobId }) => jobId),
      [last, first],
    );
  }).timeout(30_000);

  it("is found by its labels, and in its own namespace alone", async () => {
    const jobId = await runOne("labelled", { labels: { team: "blue" } });
    const plain = await runOne("plain");
    await past.leave(jobId, plain);
    const blue = await listJobs(past, { labels: { team: "blue" } });
    assert.deepEqual(
      blue.jobs.map((job) => job.jobId),
      [jobId],
    );
    const { jobs } = await listJobs(past, { namespace: "other" });
    assert.deepEqual(jobs, []);
    const elsewhere = await refusalOf(calls.tasks({ namespace: "other", jobId }));
    assert.equal(elsewhere.reason, "JOB_NOT_FOUND");
  });

  it("is cancelled no more, and says how it ended", async () => {
    const jobId = await runOne("done");
    await past.leave(jobId);
    const { master } = past.edge;
    const request = CancelJobRequest.fromPartial({ jobId });
    const { state, stillRunning } = await call(master, master.cancelJob, request);
    assert.deepEqual([state, stillRunning], [JobState.JOB_STATE_SUCCEEDED, 0]);
  });

  it("refuses what would be uploaded to it as it did before it left", async () => {
    const { jobId } = await calls.submit({
      job: { name: "up", stages: [{ name: "main", taskType: "noop" }] },
      moreToUpload: true,
    });
    const { master } = past.edge;
    await call(master, master.cancelJob, CancelJobRequest.fromPartial({ jobId }));
    const append = () =>
      refusalOf(calls.append({ jobId, stage: "main", firstIndex: 0, tasks: [{}] }));
    const seal = () => refusalOf(calls.seal({ jobId }));
    const before = [await append(), await seal()];
    await past.leave(jobId);
    assert.deepEqual([await append(), await seal()], before);
    assert.equal(before[0]?.reason, "JOB_NOT_UPLOADING");
  });

  it("is what a submit under its key is answered with", async () => {
    const request = {
      job: { name: "keyed", stages: [{ taskType: "noop", tasks: [{}] }] },
      idempotencyKey: "k",
    };
    const { jobId } = await calls.submit(request);
    await worker.complete(await worker.next());
    await past.leave(jobId);
    const again = await calls.submit(request);
    assert.deepEqual([again.jobId, again.existing], [jobId, true]);
    assert.equal(again.state, JobState.JOB_STATE_SUCCEEDED);
  });

  it("has its outputs read to the end by a reader who began before it left", async () => {
    const jobId = await submit("slow", 12);
    for (let i = 0; i < 12; i++) {
      const assigned = await worker.next();
      await worker.complete(assigned, { 0: Buffer.alloc(200_000, 65 + assigned.index) });
    }
    const whole = (await calls.outputs({ jobId })).flatMap(({ outputs }) => outputs);
    // Paused, it has seen which outputs there are, and has not their bytes.
    const stream = past.edge.master.readOutputs({
      namespace: "",
      jobId,
      stage: "",
      partition: undefined,
      taskIndex: undefined,
      cursor: Buffer.alloc(0),
    });
    await new Promise((resolve) => stream.once("readable", resolve));
    await past.leave(jobId);
    const read = (await collect(stream)).flatMap(({ outputs }) => outputs);
    assert.deepEqual(read, whole);
  });

  it("has its outputs read on, page by page, by a reader who did not read while it left", async () => {
    // A page has so many outputs, and is more than a reader is sent that does not read.
    const [pageOutputs, tasksOfJob, partitions] = [4_096, 62, 100];
    const tasks = Array.from({ length: tasksOfJob }, () => ({}));
    const stages = [{ taskType: "noop", partitions, tasks }];
    const { jobId } = await calls.submit({ job: { name: "many", stages } });
    for (let i = 0; i < tasksOfJob; i++) {
      const assigned = await worker.next();
      const outputs = Array.from({ length: partitions }, (_, no) => [no, Buffer.alloc(2_500, no)]);
      await worker.complete(assigned, Object.fromEntries(outputs) as Record<number, Buffer>);
    }
    const whole = (await calls.outputs({ jobId })).flatMap(({ outputs }) => outputs);
    assert.equal(whole.length, tasksOfJob * partitions);
    const asked: (number | undefined)[] = [];
    const { history } = past;
    const ask = history.outputs.bind(history);
    history.outputs = (...args) => {
      asked.push(args[2].after?.index);
      return ask(...args);
    };
    const stream = past.edge.master.readOutputs(ReadOutputsRequest.fromPartial({ jobId }));
    await new Promise((resolve) => stream.once("readable", resolve));
    await past.leave(jobId);
    const read = (await collect(stream)).flatMap(({ outputs }) => outputs);
    assert.deepEqual(read, whole);
    // The first page was the core's; from where it ended history went on.
    assert.equal(asked[0], Math.ceil(pageOutputs / partitions) - 1);
  }).timeout(20_000);

  it("is watched to its end by a reader who did not read while it left", async () => {
    const jobId = await submit("watched");
    const { master } = past.edge;
    const stream = master.watchJob(WatchJobRequest.fromPartial({ jobId }));
    await new Promise((resolve) => stream.once("readable", resolve));
    await worker.complete(await worker.next());
    await past.leave(jobId);
    const states = (await collect(stream)).map(({ news }) =>
      news?.$case === "progress" ? news.value.job?.state : undefined,
    );
    assert.equal(states[0], JobState.JOB_STATE_RUNNING);
    assert.equal(states.at(-1), JobState.JOB_STATE_SUCCEEDED);
  });

  it("may or may not be there for all that is known while the history cannot be asked", async () => {
    const jobId = await runOne("past");
    await past.leave(jobId);
    await past.history.close();
    const refused = [
      await refusalOf(calls.job(jobId)),
      await refusalOf(calls.tasks({ jobId })),
      await refusalOf(calls.task({ taskId: `${jobId}/main/0` })),
      await refusalOf(calls.outputs({ jobId })),
      await refusalOf(listJobs(past, {})),
    ];
    for (const { code, reason, retryMs } of refused) {
      assert.deepEqual([code, reason], ["UNAVAILABLE", "HISTORY_UNAVAILABLE"]);
      assert(retryMs !== undefined);
    }
    // What has not left is read as ever.
    assert.equal((await calls.job(await submit("live"))).name, "live");
  });

  it("is gone once its retention is over", async () => {
    const jobId = await runOne("short", { retentionMs: 5_000n });
    const kept = await runOne("kept");
    await past.leave(jobId, kept);
    assert.equal((await calls.job(jobId)).name, "short");
    await past.history.expire(past.clock.wallMs() + 5_000);
    assert.equal((await refusalOf(calls.job(jobId))).reason, "JOB_NOT_FOUND");
    assert.equal((await calls.job(kept)).name, "kept");
    await past.history.expire(past.clock.wallMs() + 8 * 86_400_000);
    assert.equal((await refusalOf(calls.job(kept))).reason, "JOB_NOT_FOUND");
    assert.deepEqual((await listJobs(past, {})).jobs, []);
  });
});
