import assert from "node:assert/strict";
import type { Input } from "@capstan/proto/capstan/v1/common.js";
import { SubmitJobsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import fc from "fast-check";
import { readSubmitJobs } from "../../../src/rpc/codec/job-request.js";
import { SubmitDecoder } from "../../../src/rpc/codec/submit-job.js";
import { CallRefusedError } from "../../../src/rpc/errors.js";
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
});
