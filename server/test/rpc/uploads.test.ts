import assert from "node:assert/strict";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import { DependencyKind } from "@capstan/proto/capstan/v1/common.js";
import { CancelJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { call, Calls } from "./support/calls.js";
import { Edge, refusalOf } from "./support/edge.js";
import { TestWorker } from "./support/test-worker.js";

describe("uploading a job in parts", () => {
  let edge: Edge;
  let calls: Calls;

  beforeEach(async () => {
    edge = await Edge.start();
    calls = new Calls(edge);
  });

  afterEach(() => edge.close());

  const begin = (key = "") =>
    calls.submit({
      idempotencyKey: key,
      moreToUpload: true,
      job: {
        name: "parts",
        stages: [
          { name: "a", taskType: "noop", tasks: [{}] },
          { name: "b", taskType: "noop" },
        ],
      },
    });

  it("says where each stage goes on, also when the same key comes again", async () => {
    const { jobId, state, nextIndexes } = await begin("up");
    assert.equal(state, JobState.JOB_STATE_UPLOADING);
    assert.deepEqual(nextIndexes, [
      { stage: "a", count: 1 },
      { stage: "b", count: 0 },
    ]);
    const appended = await calls.append({ jobId, stage: "b", tasks: [{}, {}] });
    assert.equal(appended.nextIndex, 2);
    assert.deepEqual((await begin("up")).nextIndexes, [
      { stage: "a", count: 1 },
      { stage: "b", count: 2 },
    ]);
  });

  it("keeps to each part its payloads where many come at once", async () => {
    const jobs = await Promise.all(Array.from({ length: 6 }, (_, i) => begin(`key-${String(i)}`)));
    await Promise.all(
      jobs.map(({ jobId }, i) => {
        const tasks = Array.from({ length: 3 }, () => ({ payload: Buffer.alloc(70_000, i + 1) }));
        return calls.append({ jobId, stage: "b", tasks });
      }),
    );
    const kept = new Map<number, number>();
    for (let blob = 1; edge.engine.hasPayload(blob); blob++) {
      const bytes = await edge.engine.payload(blob);
      if (bytes.length === 0) continue;
      const value = bytes.at(-1) ?? 0;
      assert(bytes.subarray(-70_000).every((byte) => byte === value));
      kept.set(value, (kept.get(value) ?? 0) + 1);
    }
    assert.deepEqual(
      [...kept].sort(([a], [b]) => a - b),
      jobs.map((_, i) => [i + 1, 3]),
    );
  });

  it("takes a part again without doing anything, also after the seal", async () => {
    const { jobId } = await begin();
    await calls.append({ jobId, stage: "b", tasks: [{}] });
    await calls.append({ jobId, stage: "a", firstIndex: 1, tasks: [{}, {}] });
    const before = await edge.digest();
    assert.equal(
      (await calls.append({ jobId, stage: "a", firstIndex: 1, tasks: [{}, {}] })).nextIndex,
      3,
    );
    assert.deepEqual(await edge.digest(), before);
    const counts = [
      { stage: "a", count: 3 },
      { stage: "b", count: 1 },
    ];
    assert.equal((await calls.seal({ jobId, counts })).state, JobState.JOB_STATE_RUNNING);
    assert.equal((await calls.seal({ jobId, counts })).state, JobState.JOB_STATE_RUNNING);
    assert.equal(
      (await calls.append({ jobId, stage: "a", firstIndex: 0, tasks: [{}] })).nextIndex,
      3,
    );
  });

  it("runs nothing before the seal, and all of it then", async () => {
    const worker = await TestWorker.register(edge.engine);
    const { jobId } = await begin();
    await calls.append({ jobId, stage: "b", tasks: [{ payload: Buffer.from("later") }] });
    assert.equal(worker.assigned.length, 0);
    const blocked = await calls.job(jobId);
    assert.deepEqual([blocked.sealed, blocked.counts?.blocked], [false, 2]);
    await calls.seal({
      jobId,
      counts: [
        { stage: "a", count: 1 },
        { stage: "b", count: 1 },
      ],
    });
    await worker.complete(await worker.next());
    await worker.complete(await worker.next());
    while ((await calls.job(jobId)).state !== JobState.JOB_STATE_SUCCEEDED);
  });

  it("checks the numbers of tasks against each other at the seal", async () => {
    const { jobId } = await calls.submit({
      moreToUpload: true,
      job: {
        name: "each",
        stages: [
          { name: "a", taskType: "noop" },
          {
            name: "b",
            taskType: "noop",
            dependsOn: [{ stage: "a", kind: DependencyKind.DEPENDENCY_KIND_EACH }],
          },
        ],
      },
    });
    await calls.append({ jobId, stage: "a", tasks: [{}, {}] });
    await calls.append({ jobId, stage: "b", tasks: [{}] });
    const counts = [
      { stage: "a", count: 2 },
      { stage: "b", count: 1 },
    ];
    const refused = await refusalOf(calls.seal({ jobId, counts }));
    assert.deepEqual([refused.code, refused.reason], ["INVALID_ARGUMENT", "STAGE_COUNTS_DIFFER"]);
    await calls.append({ jobId, stage: "b", firstIndex: 1, tasks: [{}] });
    await calls.seal({
      jobId,
      counts: [
        { stage: "a", count: 2 },
        { stage: "b", count: 2 },
      ],
    });
  });

  it("refuses to seal a stage that depends on nothing and has no tasks, until it has one", async () => {
    const { jobId } = await begin();
    const one = { stage: "a", count: 1 };
    const refused = await refusalOf(calls.seal({ jobId, counts: [one] }));
    assert.deepEqual(
      [refused.code, refused.reason, refused.facts["stage"]],
      ["INVALID_ARGUMENT", "STAGE_COUNTS_DIFFER", "b"],
    );
    assert.match(refused.message, /b has no tasks/);
    await calls.append({ jobId, stage: "b", tasks: [{}] });
    await calls.seal({ jobId, counts: [one, { stage: "b", count: 1 }] });
  });

  it("takes a stage without tasks that waits for another, and is done when that is", async () => {
    const worker = await TestWorker.register(edge.engine);
    const { jobId } = await calls.submit({
      job: {
        name: "tail",
        stages: [
          { name: "a", taskType: "noop", tasks: [{}] },
          { name: "b", taskType: "noop", dependsOn: [{ stage: "a" }] },
          {
            name: "c",
            taskType: "noop",
            dependsOn: [{ stage: "b", kind: DependencyKind.DEPENDENCY_KIND_EACH }],
          },
        ],
      },
    });
    await worker.complete(await worker.next());
    assert.equal((await calls.job(jobId)).state, JobState.JOB_STATE_SUCCEEDED);
  });

  it("cancels a job in any state, twice as well as once", async () => {
    const cancel = (jobId: string) =>
      call(
        edge.master,
        edge.master.cancelJob,
        CancelJobRequest.fromPartial({ jobId, note: "enough" }),
      );
    const { jobId } = await begin();
    assert.equal((await cancel(jobId)).state, JobState.JOB_STATE_CANCELLING);
    while ((await calls.job(jobId)).state !== JobState.JOB_STATE_CANCELLED);
    assert.equal((await cancel(jobId)).state, JobState.JOB_STATE_CANCELLED);
    assert.equal((await calls.job(jobId)).note, "enough");

    const worker = await TestWorker.register(edge.engine);
    const { jobId: running } = await calls.submit({
      job: { name: "run", stages: [{ taskType: "noop", tasks: [{}, {}] }] },
    });
    worker.start(await worker.next());
    const answer = await cancel(running);
    assert.equal(answer.stillRunning, 1);
    while ((await calls.job(running)).state !== JobState.JOB_STATE_CANCELLED);
  });
});
