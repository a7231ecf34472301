import assert from "node:assert/strict";
import type { Input } from "@capstan/proto/capstan/v1/common.js";
import type { TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import { AppendTasksRequest, SubmitJobsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import fc from "fast-check";
import { readAppendTasks } from "../../../src/rpc/codec/append-tasks-request.js";
import { Bodies } from "../../../src/rpc/codec/bodies.js";
import { storedJobPolicies } from "../../../src/rpc/codec/job-policies.js";
import { readSubmitJobs } from "../../../src/rpc/codec/job-request.js";
import { SubmitDecoder } from "../../../src/rpc/codec/submit-job.js";
import { decodeAppendTasks } from "../../../src/rpc/codec/uploads.js";
import { CallRefusedError } from "../../../src/rpc/errors.js";
import { specOf } from "../../engine/in-process-worker.js";
import { oddly, schemas } from "../support/odd-encoding.js";

const payload = fc
  .oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .constantFrom(0, 0, 47, 48, 49, 127, 128, 16_383, 16_384)
      .map((n) => new Uint8Array(n).fill(n)),
  )
  .map((bytes) => Buffer.from(bytes));

const input: fc.Arbitrary<Input> = fc.record(
  {
    uri: fc.constantFrom("s3://films/1", "ü"),
    offsetBytes: fc.bigInt(0n, 2n ** 64n - 1n),
    sizeBytes: fc.bigInt(0n, 2n ** 40n),
    hosts: fc.array(fc.constantFrom("h1", "h2"), { maxLength: 2 }),
  },
  { noNullPrototype: true },
);

const task = fc.record(
  {
    payload,
    inputs: fc.oneof(
      { weight: 3, arbitrary: fc.constant<Input[]>([]) },
      fc.array(input, { maxLength: 2 }),
    ),
    delayMs: fc.constantFrom(undefined, undefined, 5),
  },
  { noNullPrototype: true },
);

/** Jobs of which those without a name are refused. */
const jobs = fc.array(
  fc.record(
    {
      name: fc.constantFrom("films", "films", "films", ""),
      stages: fc.array(fc.array(task, { minLength: 1, maxLength: 4 }), {
        minLength: 1,
        maxLength: 2,
      }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 5 },
);

describe("the bodies of a request's tasks", () => {
  it("are payload and inputs of each, in order, whatever was refused in between", () => {
    fc.assert(
      fc.property(jobs, fc.integer(), fc.boolean(), (drawn, seed, isOdd) => {
        const items = drawn.map(({ name, stages }) => ({
          job: {
            name,
            stages: stages.map((tasks, i) => ({ name: `s${i}`, taskType: "render", tasks })),
          },
        }));
        const plain = Buffer.from(
          SubmitJobsRequest.encode(SubmitJobsRequest.fromPartial({ items })).finish(),
        );
        const request = readSubmitJobs(isOdd ? oddly(plain, schemas.submitJobs, seed) : plain);
        const decoder = new SubmitDecoder("SubmitJobs", request.namespace, request.bytes);
        const taken: [Buffer, readonly number[], readonly Buffer[]][] = [];
        for (const [i, item] of [...request.items].entries()) {
          const { name, stages } = drawn[i] as (typeof drawn)[number];
          if (name === "") {
            assert.throws(() => decoder.decode(item), CallRefusedError);
            continue;
          }
          const { command, blobs } = decoder.decode(item);
          const bodies = stages
            .flat()
            .map(({ payload: bytes, inputs }) =>
              Buffer.from(
                AssignedTask.encode(AssignedTask.fromPartial({ payload: bytes, inputs })).finish(),
              ),
            );
          const drafts = command.tasks.flatMap(({ tasks }) => tasks);
          assert.deepEqual(
            drafts.map(({ bodyBytes }) => bodyBytes),
            bodies.map(({ length }) => length),
          );
          assert.equal(blobs.count, bodies.length);
          taken.push([Buffer.concat(blobs.chunks), blobs.lengths, bodies]);
          assert.deepEqual(taken.at(-1)?.[0], Buffer.concat(bodies));
        }
        // None was overwritten by those that came after it.
        for (const [joined, lengths, bodies] of taken) {
          assert.deepEqual(joined, Buffer.concat(bodies));
          assert.deepEqual(
            lengths,
            bodies.map(({ length }) => length),
          );
        }
      }),
    );
  });

  it("are copies: the request may be used for something else", () => {
    const tasks = [{ payload: Buffer.from("one") }, { payload: Buffer.alloc(100, 2) }];
    const items = [{ job: { name: "films", stages: [{ taskType: "render", tasks }] } }];
    const bytes = Buffer.from(
      SubmitJobsRequest.encode(SubmitJobsRequest.fromPartial({ items })).finish(),
    );
    const request = readSubmitJobs(bytes);
    const decoder = new SubmitDecoder("SubmitJobs", "", request.bytes);
    const [item] = request.items;
    assert(item !== undefined);
    const { blobs } = decoder.decode(item);
    bytes.fill(0);
    const [first] = Buffer.concat(blobs.chunks).subarray(0, blobs.lengths[0]);
    assert.equal(first, (2 << 3) | 2);
    const bodies = tasks.map((some) =>
      AssignedTask.encode(AssignedTask.fromPartial(some)).finish(),
    );
    assert.deepEqual(Buffer.concat(blobs.chunks), Buffer.concat(bodies));
  });

  it("are made in the memory of those before, where a part of an upload comes after another", () => {
    const parts = fc.array(fc.array(task, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
    fc.assert(
      fc.property(parts, (drawn) => {
        const bodies = new Bodies(0);
        for (const tasks of drawn) {
          const { blobs, expected } = part(bodies, tasks);
          assert.deepEqual(Buffer.concat(blobs.chunks), Buffer.concat(expected));
          assert.deepEqual(
            blobs.lengths,
            expected.map(({ length }) => length),
          );
        }
      }),
    );
    const bodies = new Bodies(0);
    const large = part(bodies, [{ payload: Buffer.alloc(200_000, 1) }]).blobs;
    const small = part(bodies, [{ payload: Buffer.alloc(150_000, 2) }]).blobs;
    assert.equal(small.chunks[0]?.buffer, large.chunks[0]?.buffer);
    assert.equal(large.chunks[0]?.[100_000], 2);
  });
});

/** Decodes a part of an upload. */
function part(bodies: Bodies, tasks: readonly Partial<TaskSpec>[]) {
  const message = AppendTasksRequest.fromPartial({ tasks: [...tasks] });
  const bytes = Buffer.from(AppendTasksRequest.encode(message).finish());
  const target = { namespace: "default", jobId: "job", stage: "main" };
  const [stage] = specOf("job").stages;
  assert(stage !== undefined);
  const policies = storedJobPolicies(specOf("job"));
  const { blobs } = decodeAppendTasks(readAppendTasks(bytes), target, stage, policies, bodies);
  const expected = message.tasks.map(({ payload: of, inputs }) =>
    Buffer.from(AssignedTask.encode(AssignedTask.fromPartial({ payload: of, inputs })).finish()),
  );
  return { blobs, expected };
}
