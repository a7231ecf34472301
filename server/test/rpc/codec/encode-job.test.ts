import assert from "node:assert/strict";
import { Job, JobState } from "@capstan/proto/capstan/v1/job.js";
import fc from "fast-check";
import type { CountsView, JobView, StageView } from "../../../src/core/index.js";
import { encodeJob, type JobExtent } from "../../../src/rpc/codec/encode-job.js";
import { spec } from "../../journal/entry/samples.js";

const count = fc.oneof(fc.nat(3), fc.nat(10_000_000));
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });

const counts: fc.Arbitrary<CountsView> = record({
  ...{ blocked: count, scheduled: count, pending: count, leased: count },
  ...{ running: count, succeeded: count, failed: count, cancelled: count },
});

const stage: fc.Arbitrary<StageView> = record({
  name: fc.constantFrom("map", "reduce"),
  taskCount: count,
  opened: fc.boolean(),
  counts,
  retries: count,
});

const job: fc.Arbitrary<JobView> = record({
  no: fc.nat(),
  id: fc.constant(`job_${"0".repeat(26)}`),
  spec: fc.constantFrom(spec, { ...spec, labels: [] }),
  idempotencyKey: fc.string({ unit: "grapheme" }),
  state: fc.constantFrom<JobView["state"]>(
    "running",
    "failing",
    "failed",
    "cancelled",
    "uploading",
  ),
  run: fc.integer({ min: 1, max: 9 }),
  cancelCause: fc.constantFrom("", "requested", "upload_lapsed"),
  note: fc.string({ unit: "grapheme" }),
  submittedWall: fc.integer({ min: 1, max: 2 ** 42 }),
  finishedWall: fc.option(fc.integer({ min: 1, max: 2 ** 42 }), { nil: undefined }),
  stages: fc.array(stage, { minLength: 1, maxLength: 2 }),
  failure: fc.constant(undefined),
  failedTask: fc.constantFrom(undefined, { stage: "map", index: 7 }),
  revision: fc.nat(),
});

const kinds = [
  ...(["blocked", "scheduled", "pending", "leased"] as const),
  ...(["running", "succeeded", "failed", "cancelled"] as const),
];

describe("a job as it is sent", () => {
  it("is read back as the same, whatever of it is sent", () => {
    fc.assert(
      fc.property(job, fc.constantFrom<JobExtent>("list", "progress", "whole"), (view, extent) => {
        const sent = encodeJob(view, extent);
        assert.deepEqual(Job.decode(Job.encode(sent).finish()), sent);
        assert.equal(sent.stages.length, extent === "list" ? 0 : view.stages.length);
        assert.equal(sent.spec !== undefined, extent === "whole");
        assert.equal(sent.state === JobState.JOB_STATE_UPLOADING, view.state === "uploading");
      }),
    );
  });

  it("counts the tasks of all its stages, one or many, and each stage's own", () => {
    fc.assert(
      fc.property(job, (view) => {
        const sent = encodeJob(view, "progress");
        const sumOf = (pick: (stage: StageView) => number) =>
          view.stages.reduce((sum, one) => sum + pick(one), 0);
        for (const kind of kinds) {
          assert.equal(
            sent.counts?.[kind],
            sumOf((one) => one.counts[kind]),
            kind,
          );
        }
        const total = sumOf((one) => kinds.reduce((sum, kind) => sum + one.counts[kind], 0));
        assert.deepEqual(
          [sent.counts?.total, sent.counts?.retries],
          [total, sumOf((one) => one.retries)],
        );
        assert.equal(sent.deadLetterCount, sent.counts?.failed);
        for (const [i, { counts: own, nextIndex }] of sent.stages.entries()) {
          const { counts: expected, retries, taskCount } = view.stages[i] as StageView;
          assert.deepEqual({ ...own, ...expected, retries }, own);
          assert.equal(nextIndex, taskCount);
        }
      }),
    );
  });
});
