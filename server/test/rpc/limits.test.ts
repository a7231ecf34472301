import assert from "node:assert/strict";
import type { Command } from "../../src/core/index.js";
import { SubmitJobRequest, SubmitJobsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { weigh } from "../../src/journal/entry/index.js";
import { ENTRY_BYTES_MAX } from "../../src/journal/journal.js";
import { readSubmitJob } from "../../src/rpc/codec/job-request.js";
import { SubmitDecoder } from "../../src/rpc/codec/submit-job.js";
import { LimitExceededError } from "../../src/rpc/errors.js";
import { limits } from "../../src/rpc/limits.js";
import { call, Calls } from "./support/calls.js";
import { Edge, refusalOf } from "./support/edge.js";

type Job = NonNullable<Parameters<typeof SubmitJobRequest.fromPartial>[0]["job"]>;

const text = (bytes: number) => "x".repeat(bytes);
const list = <T>(count: number, make: (i: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));

/** Jobs that are as large as one may be, in one respect each. */
const largest: Readonly<Record<string, Job>> = {
  "a name of 63 bytes": { name: text(63), stages: [{ taskType: text(63) }] },
  "64 stages, each waiting for 16": {
    stages: list(64, (i) => ({
      name: `s${i}`,
      taskType: "noop",
      dependsOn: list(Math.min(i, 16), (j) => ({ stage: `s${j}` })),
    })),
  },
  "4,096 partitions": { stages: [{ taskType: "noop", partitions: 4_096 }] },
  "4,096 tasks": { stages: [{ taskType: "noop", tasks: list(4_096, () => ({})) }] },
  "4,096 tasks that bring 448 KiB": {
    stages: [{ taskType: "noop", tasks: list(4_096, () => ({ payload: Buffer.alloc(106) })) }],
  },
  "a payload of 256 KiB": {
    stages: [{ taskType: "noop", tasks: [{ payload: Buffer.alloc(262_144) }] }],
  },
  "16 resources and 16 constraints": {
    stages: [
      {
        taskType: "noop",
        demand: list(16, (i) => ({ name: `r${i}`, milli: 2n ** 53n - 1n })),
        constraints: { required: list(16, (i) => ({ key: `k${i}`, values: [text(256)] })) },
      },
    ],
  },
  "64 inputs of 16 hosts, with uris of 2,048 bytes": {
    stages: [
      {
        taskType: "noop",
        tasks: [
          {
            inputs: list(64, (i) => ({
              uri: text(2_040) + i,
              sizeBytes: 2n ** 53n - 1n,
              offsetBytes: 2n ** 64n - 1n,
              hosts: list(16, (j) => text(100) + i + "-" + j),
            })),
          },
        ],
      },
    ],
  },
  "numbers at their ends": {
    uploadTtlMs: 10_000,
    retentionMs: 31_536_000_000n,
    labels: Object.fromEntries(list(32, (i) => [`l${i}`, text(256)])),
    policy: {
      retry: {
        maxAttempts: 1_000,
        backoffBaseMs: 86_400_000,
        backoffFactor: 10,
        backoffCapMs: 0,
        nonRetryableTypes: list(64, () => text(255)),
      },
      attemptTimeoutMs: 100,
      budgets: { lost: 0, oom: 1_000, deliveries: 10_000, breaker: 50 },
      deadlineMs: 0,
      queueTtlMs: 0,
      speculate: false,
      recordFailures: 1,
    },
    onTaskFailure: {
      policy: { $case: "tolerate", value: { limit: { $case: "share", value: 1 } } },
    },
    placement: { hostPatienceMs: 0, rackPatienceMs: 0, strategy: 1 },
    stages: [
      {
        taskType: "noop",
        tasks: [
          {
            recordCount: 1_000_000,
            delayMs: 2_592_000_000,
            attemptTimeoutMs: 2_592_000_000,
            priority: 0,
          },
        ],
      },
    ],
  },
};

describe("limits", () => {
  let edge: Edge;
  let calls: Calls;

  before(async () => {
    edge = await Edge.start();
    calls = new Calls(edge);
  });

  after(() => edge.close());

  for (const [what, job] of Object.entries(largest)) {
    it(`take ${what}`, async () => {
      const { jobId } = await calls.submit({ job: { name: "large", ...job }, moreToUpload: true });
      assert.match(jobId, /^job_/);
    });
  }

  it("take a page of a thousand, and a bulk of 4,096 jobs", async () => {
    const items = list(4_096, (i) => ({
      job: { name: `j${i % 7}`, stages: [{ taskType: "noop", tasks: [{}] }] },
    }));
    const { results } = await calls.submitMany({ namespace: "bulk", items });
    assert(results.every(({ result }) => result?.$case === "job"));
    assert.equal(
      new Set(results.map(({ result }) => result?.$case === "job" && result.value.jobId)).size,
      4_096,
    );
  });

  it("end a message of more than 1 MiB before it is read", async () => {
    const job = { name: "large", stages: [{ tasks: [{ payload: Buffer.alloc(1_048_577) }] }] };
    const refused = await refusalOf(calls.submit({ job }));
    assert.equal(refused.code, "RESOURCE_EXHAUSTED");
  });

  it("look at each job of a bulk by itself when all are more than one may be", async () => {
    const job = (bytes: number) => ({
      name: "job",
      stages: [{ taskType: "noop", tasks: list(2, () => ({ payload: Buffer.alloc(bytes / 2) })) }],
    });
    const request = SubmitJobsRequest.fromPartial({
      items: [{ job: job(450_000) }, { job: job(460_000) }],
    });
    const { results } = await call(edge.master, edge.master.submitJobs, request);
    assert.deepEqual(
      results.map(({ result }) => result?.$case),
      ["job", "error"],
    );
  });

  it("let nothing pass that does not fit into one entry of the journal", () => {
    let accepted = 0;
    let refused = 0;
    for (const seed of list(60, (i) => i)) {
      const request = SubmitJobRequest.fromPartial({ job: heavyJob(seed) });
      const encoded = Buffer.from(SubmitJobRequest.encode(request).finish());
      if (encoded.length > limits.submitBytes) continue;
      const { namespace, item, bytes } = readSubmitJob(encoded);
      try {
        const { command, blobs } = new SubmitDecoder("SubmitJob", namespace, bytes).decode(item);
        const weight = weigh(command as Command, blobs);
        assert(weight <= ENTRY_BYTES_MAX, `seed ${seed}: ${weight} bytes were let pass`);
        accepted += 1;
      } catch (error) {
        if (!(error instanceof LimitExceededError)) throw error;
        refused += 1;
      }
    }
    assert(accepted > 5 && refused > 5, `${accepted} accepted, ${refused} refused`);
  });
});

/** Jobs that weigh more in the journal than on the wire, each in another way. */
function heavyJob(seed: number): Job {
  const size = 1 + ((seed * 7_919) % 64);
  const many = 64 * size;
  const task = (i: number) => {
    switch (seed % 5) {
      case 0:
        return { inputs: [{ uri: "u", hosts: list(8, (j) => `${text(size)}${i}-${j}`) }] };
      case 1:
        return { attemptTimeoutMs: 1_000 + i };
      case 2:
        return { demand: list(4, (j) => ({ name: `r${i}-${j}`, milli: 2n ** 53n - 1n })) };
      case 3:
        return {
          delayMs: 2_592_000_000 - i,
          recordCount: 1_000_000 - i,
          payload: Buffer.alloc(size),
        };
      default:
        return {
          constraints: { required: list(8, (j) => ({ key: `k${j}`, values: [text(i % 60)] })) },
        };
    }
  };
  return {
    name: "heavy",
    policy: { retry: { nonRetryableTypes: list(size, () => text(20)) } },
    stages: list(1 + (seed % 3), (s) => ({
      name: `s${s}`,
      taskType: "noop",
      tasks: list(Math.floor(many / 3), task),
    })),
  };
}
