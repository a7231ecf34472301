import assert from "node:assert/strict";
import { SubmitJobItem, SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import fc from "fast-check";
import type { JobHandle } from "../src/client/job-handle.js";
import { Outcomes } from "../src/client/submission.js";
import { Arena } from "../src/client/task-chunks.js";
import { JobUpload } from "../src/client/upload.js";
import { jsonCodec } from "../src/codec.js";
import { CapstanError, type JobDefinition, type TaskDefinition } from "../src/index.js";
import { MessageWriter } from "../src/rpc/message-writer.js";

const text = fc.oneof(
  fc.constantFrom("a", "films", "größe", "x".repeat(24), "x".repeat(25), "日".repeat(60)),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
);

const task: fc.Arbitrary<TaskDefinition> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((payload) => ({ payload })),
  fc.constantFrom<TaskDefinition>(
    {},
    { payload: "text" },
    { payload: { a: 1 }, delayMs: 0 },
    { taskType: "other", inputs: [{ uri: "u", sizeBytes: 5, hosts: ["h1", "h2"] }] },
  ),
);

const stage = fc.record(
  {
    name: text,
    taskType: text,
    tasks: fc.array(task, { maxLength: 6 }),
    partitions: fc.nat(300),
    dependsOn: fc.constantFrom([], [{ stage: "map", kind: "partition" as const }]),
    demand: fc.constantFrom({}, { slots: 0.5 }),
  },
  { requiredKeys: ["tasks"], noNullPrototype: true },
);

const job = fc.record(
  {
    name: text,
    stages: fc.array(stage, { minLength: 1, maxLength: 3 }),
    policy: fc.constantFrom({}, { retry: { maxAttempts: 5 }, attemptTimeoutMs: 0 }),
    labels: fc.dictionary(fc.constantFrom("team", "zone"), text, { noNullPrototype: true }),
    onTaskFailure: fc.constantFrom("continue" as const, { tolerateShare: 0.25 }),
    retentionMs: fc.nat(),
  },
  { requiredKeys: ["name", "stages"], noNullPrototype: true },
);

const trace = fc.constantFrom(undefined, { traceparent: "00-a", tracestate: "", baggage: "b=c" });

const bytesOf = ({ payload }: TaskDefinition): Buffer => {
  if (payload === undefined) return Buffer.alloc(0);
  return Buffer.from(payload instanceof Uint8Array ? payload : JSON.stringify(payload));
};

const parts = { namespace: "team", codec: jsonCodec, arena: new Arena() };

describe("a job that fits in one message", () => {
  it("is the same alone and in a bulk call, and has all its tasks, stage by stage", () => {
    fc.assert(
      fc.property(fc.array(job, { minLength: 1, maxLength: 4 }), trace, (jobs, context) => {
        const uploads = jobs.map(
          (own, i) => new JobUpload(own as JobDefinition, parts, `key ${i}`),
        );
        for (const upload of uploads) assert.equal(upload.fitsOneMessage(), true);
        // All are read before any is written, as in one turn of the event loop.
        for (const [i, upload] of uploads.entries()) {
          const own = jobs[i]!;
          const request = upload.wholeRequest(context);
          const writer = new MessageWriter(1);
          upload.writeItem(writer, context);
          const { namespace, ...item } = SubmitJobRequest.decode(request);
          assert.deepEqual(SubmitJobItem.decode(writer.finish()), item);
          assert.equal(namespace, "team");
          assert.deepEqual(
            [item.idempotencyKey, item.moreToUpload, item.traceContext],
            [`key ${i}`, false, context],
          );
          assert.equal(item.job?.name, own.name);
          assert.deepEqual(item.job.labels, own.labels ?? {});
          assert.equal(
            item.job.retentionMs,
            own.retentionMs === undefined ? undefined : BigInt(own.retentionMs),
          );
          assert.deepEqual(
            item.job.stages.map(({ name, taskType, partitions, tasks }) => ({
              ...{ name, taskType, partitions },
              tasks: tasks.map(({ payload }) => payload),
            })),
            own.stages.map(({ name = "", taskType = "", partitions, tasks }) => ({
              ...{ name, taskType, partitions },
              tasks: tasks.map(bytesOf),
            })),
          );
          const count = own.stages.reduce((sum, { tasks }) => sum + tasks.length, 0);
          assert.equal(upload.taskCount, count);
          assert.ok(writer.length <= upload.byteLength + 64 + 40, `${writer.length} bytes`);
        }
      }),
    );
  });

  it("is told from one that does not fit, by its tasks and by its bytes", () => {
    const fits = (count: number, bytes: number): unknown => {
      const tasks = Array.from({ length: count }, () => ({ payload: Buffer.alloc(bytes) }));
      const own = { name: "job", stages: [{ taskType: "t", tasks }] };
      return new JobUpload(own, parts, undefined).fitsOneMessage();
    };
    assert.deepEqual([fits(4_096, 0), fits(4_097, 0)], [true, false]);
    assert.deepEqual([fits(4, 110_000), fits(4, 113_000)], [true, false]);
  });
});

describe("the outcomes of many submits", () => {
  const handle = (jobId: string): JobHandle => ({ jobId }) as unknown as JobHandle;

  it("are in the order in which they were submitted, in whatever order they come", async () => {
    const outcomes = new Outcomes();
    const [first, second, third] = [outcomes.next(), outcomes.next(), outcomes.next()];
    const all = outcomes.all();
    third.accepted(handle("third"));
    first.refused(new Error("no"));
    second.accepted(handle("second"));
    const read = await all;
    assert.deepEqual(
      read.map((outcome) =>
        outcome.ok ? outcome.job.jobId : outcome.error instanceof CapstanError,
      ),
      [true, "second", "third"],
    );
  });

  it("are there at once when all are settled, and when there are none", async () => {
    assert.deepEqual(await new Outcomes().all(), []);
    const outcomes = new Outcomes();
    outcomes.next().accepted(handle("only"));
    outcomes.next().accepted(handle("other"));
    assert.equal((await outcomes.all()).length, 2);
  });
});
