import assert from "node:assert/strict";
import { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import {
  AppendTasksRequest,
  SubmitJobItem,
  SubmitJobRequest,
  SubmitJobsRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import fc from "fast-check";
import { readAppendTasks } from "../../../src/rpc/codec/append-tasks-request.js";
import type { EncodedTasks } from "../../../src/rpc/codec/encoded-tasks.js";
import type { JobRequest } from "../../../src/rpc/codec/encoded-items.js";
import { readSubmitJob, readSubmitJobs } from "../../../src/rpc/codec/job-request.js";
import { oddly, schemas } from "../support/odd-encoding.js";
import { appendTasks, submitJob, submitJobs } from "../support/requests.js";

const seed = fc.integer();

/** The tasks as messages; those that are a payload alone twice, and both must agree. */
function messagesOf(tasks: EncodedTasks) {
  return Array.from({ length: tasks.count }, (_, i) => {
    const message = tasks.message(i);
    const start = tasks.payloadStart(i);
    if (start >= 0) {
      const { payload, ...others } = message;
      assert.deepEqual(Buffer.from(tasks.bytes.subarray(start, tasks.stop(i))), payload);
      const said = Object.values(others)
        .flat()
        .filter((value) => value !== undefined);
      assert.deepEqual(said, [""], "more than a payload");
    }
    return message;
  });
}

/** What was read, as the generated code has it. */
function itemOf({ idempotencyKey, head, tasks, jobBytes }: JobRequest): SubmitJobItem {
  if (head === undefined) {
    assert.deepEqual([tasks.length, jobBytes], [0, 0]);
    return { idempotencyKey, job: undefined, moreToUpload: false, traceContext: undefined };
  }
  const { job, moreToUpload, traceContext } = head;
  assert.equal(job.stages.length, tasks.length);
  const stages = job.stages.map((stage, i) => {
    assert.equal(stage.tasks.length, 0);
    return { ...stage, tasks: messagesOf(tasks[i] as EncodedTasks) };
  });
  return { idempotencyKey, job: { ...job, stages }, moreToUpload, traceContext };
}

/** Of a request without a job nothing else matters. */
function expected(item: SubmitJobItem): SubmitJobItem {
  return item.job === undefined ? { ...item, moreToUpload: false, traceContext: undefined } : item;
}

function readOne(bytes: Buffer): SubmitJobRequest {
  const { namespace, item, bytes: length } = readSubmitJob(bytes);
  assert.equal(length, bytes.length);
  return { namespace, ...itemOf(item) };
}

function readMany(bytes: Buffer): SubmitJobsRequest {
  const { namespace, items, bytes: length } = readSubmitJobs(bytes);
  assert.equal(length, bytes.length);
  return { namespace, items: [...items].map(itemOf) };
}

function readTasks(bytes: Buffer): AppendTasksRequest {
  const { tasks, ...others } = readAppendTasks(bytes);
  return { ...others, tasks: messagesOf(tasks) };
}

describe("requests that are read by hand", () => {
  it("are what the generated code reads: SubmitJob, in any legal encoding", () => {
    fc.assert(
      fc.property(submitJob, seed, (request, draw) => {
        const plain = Buffer.from(SubmitJobRequest.encode(request).finish());
        const { namespace, ...item } = request;
        assert.deepEqual(readOne(plain), { namespace, ...expected(item) });
        const odd = oddly(plain, schemas.submitJob, draw);
        assert.deepEqual(SubmitJobRequest.decode(odd), request);
        assert.deepEqual(readOne(odd), { namespace, ...expected(item) });
      }),
      { numRuns: 200 },
    );
  });

  it("are what the generated code reads: SubmitJobs, in any legal encoding", () => {
    fc.assert(
      fc.property(submitJobs, seed, (request, draw) => {
        const plain = Buffer.from(SubmitJobsRequest.encode(request).finish());
        const { namespace, items } = request;
        assert.deepEqual(readMany(plain), { namespace, items: items.map(expected) });
        const odd = oddly(plain, schemas.submitJobs, draw);
        assert.deepEqual(SubmitJobsRequest.decode(odd), request);
        assert.deepEqual(readMany(odd), { namespace, items: items.map(expected) });
      }),
      { numRuns: 100 },
    );
  });

  it("are what the generated code reads: AppendTasks, in any legal encoding", () => {
    fc.assert(
      fc.property(appendTasks, seed, (request, draw) => {
        const plain = Buffer.from(AppendTasksRequest.encode(request).finish());
        assert.deepEqual(readTasks(plain), request);
        const odd = oddly(plain, schemas.appendTasks, draw);
        assert.deepEqual(AppendTasksRequest.decode(odd), request);
        assert.deepEqual(readTasks(odd), request);
      }),
      { numRuns: 200 },
    );
  });

  it("are told apart where a job ends and its trace begins", () => {
    const field = (tag: number, ...parts: readonly Uint8Array[]) => {
      const content = Buffer.concat(parts);
      return Buffer.concat([Buffer.from([tag, content.length]), content]);
    };
    const itemTag = (2 << 3) | 2;
    const jobTag = (2 << 3) | 2;
    const traceTag = (4 << 3) | 2;
    // In field 1, which is a job's name and a trace's parent.
    const [first, second] = [field(0x0a, Buffer.from("first")), field(0x0a, Buffer.from("second"))];
    const bytes = Buffer.concat([
      field(itemTag, field(jobTag, first), field(traceTag, second)),
      field(itemTag, field(jobTag, first, second), field(traceTag)),
    ]);
    const request = readMany(bytes);
    assert.deepEqual(request, SubmitJobsRequest.decode(bytes));
    assert.deepEqual(
      request.items.map(({ job, traceContext }) => [job?.name, traceContext?.traceparent]),
      [
        ["first", "second"],
        ["second", ""],
      ],
    );
  });

  it("share what jobs say besides their tasks, where that is the same", () => {
    const job = JobSpec.fromPartial({ name: "films", stages: [{ taskType: "render" }] });
    const items = [1, 2, 3].map((n) =>
      SubmitJobItem.fromPartial({
        idempotencyKey: `key ${n}`,
        job: { ...job, stages: [{ taskType: "render", tasks: [{ payload: Buffer.alloc(n) }] }] },
        moreToUpload: n === 3,
      }),
    );
    const request = SubmitJobsRequest.fromPartial({ items });
    const read = readSubmitJobs(Buffer.from(SubmitJobsRequest.encode(request).finish()));
    const heads = [...read.items].map(({ head }) => head);
    assert.equal(heads[0], heads[1]);
    assert.notEqual(heads[1], heads[2]);
    assert.deepEqual([heads[0]?.moreToUpload, heads[2]?.moreToUpload], [false, true]);
  });

  it("are read alike when a job says much besides its tasks", () => {
    const values = Array.from({ length: 16 }, (_, i) => `${i}`.repeat(40));
    const stages = Array.from({ length: 64 }, (_, i) => ({
      name: `stage-${i}`,
      constraints: { required: [{ key: "zone", values }] },
      tasks: Array.from({ length: i % 3 }, () => ({ payload: Buffer.alloc(300, i) })),
      dependsOn: i === 0 ? [] : [{ stage: "stage-0" }],
    }));
    const items = ["a", "a", "b"].map((name) => ({ job: { name, stages } }));
    const request = SubmitJobsRequest.fromPartial({ items });
    const bytes = Buffer.from(SubmitJobsRequest.encode(request).finish());
    assert.deepEqual(readMany(bytes), request);
  });

  it("hold the last of a job that comes twice in one request, and none of the first", () => {
    const spec = (name: string, ...payloads: readonly string[]) =>
      SubmitJobRequest.encode(
        SubmitJobRequest.fromPartial({
          job: {
            name,
            stages: [{ tasks: payloads.map((text) => ({ payload: Buffer.from(text) })) }],
          },
        }),
      ).finish();
    const bytes = Buffer.concat([spec("first", "a", "b"), spec("second", "c")]);
    assert.deepEqual(readOne(bytes), SubmitJobRequest.decode(bytes));
    assert.equal(readOne(bytes).job?.name, "second");
  });
});
