import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import {
  AppendTasksRequest,
  SubmitJobRequest,
  SubmitJobsRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import fc from "fast-check";
import type { Incoming } from "../../../src/rpc/call.js";
import { messageOf } from "../../../src/rpc/call.js";
import type { AppendRequest } from "../../../src/rpc/codec/append-tasks-request.js";
import { Bodies } from "../../../src/rpc/codec/bodies.js";
import type { BulkRequest, SubmitRequest } from "../../../src/rpc/codec/job-request.js";
import { storedJobPolicies } from "../../../src/rpc/codec/job-policies.js";
import { SubmitDecoder } from "../../../src/rpc/codec/submit-job.js";
import { decodeAppendTarget, decodeAppendTasks } from "../../../src/rpc/codec/uploads.js";
import { capstanServices } from "../../../src/rpc/definitions.js";
import { CallRefusedError } from "../../../src/rpc/errors.js";
import { oddly, schemas } from "../support/odd-encoding.js";
import { appendTasks, submitJob, submitJobs } from "../support/requests.js";

const service = capstanServices()["capstan.v1.MasterService"];

/** Takes bytes as far as the engine, as a handler does. @throws CallRefusedError, or it is a bug */
type Take = (bytes: Buffer) => unknown;

function received<T>(method: string, bytes: Buffer) {
  const incoming = service[method]?.requestDeserialize(bytes) as unknown as Incoming<T>;
  return messageOf(incoming);
}

const takeJob: Take = (bytes) => {
  const { message } = received<SubmitRequest>("submitJob", bytes);
  return new SubmitDecoder("SubmitJob", message.namespace, message.bytes).decode(message.item);
};

const takeJobs: Take = (bytes) => {
  const { message } = received<BulkRequest>("submitJobs", bytes);
  const decoder = new SubmitDecoder("SubmitJobs", message.namespace, message.bytes);
  let refused: CallRefusedError | undefined;
  for (const item of message.items) {
    try {
      decoder.decode(item);
    } catch (error) {
      if (!(error instanceof CallRefusedError)) throw error;
      refused = error;
    }
  }
  if (refused !== undefined) throw refused;
};

const stage = takeJob(
  Buffer.from(
    SubmitJobRequest.encode(
      SubmitJobRequest.fromPartial({
        job: { name: "films", stages: [{ taskType: "render", tasks: [{}] }] },
      }),
    ).finish(),
  ),
) as ReturnType<SubmitDecoder["decode"]>;

const takeTasks: Take = (bytes) => {
  const { message, bytes: length } = received<AppendRequest>("appendTasks", bytes);
  const target = decodeAppendTarget(message, length);
  const { spec } = stage.command;
  return decodeAppendTasks(
    message,
    target,
    spec.stages[0] as (typeof spec.stages)[number],
    storedJobPolicies(spec),
    new Bodies(0),
  );
};

/** @returns why it was refused; undefined: it was taken */
function refusalOf(take: Take, bytes: Buffer): CallRefusedError | undefined {
  try {
    take(bytes);
  } catch (error) {
    if (error instanceof CallRefusedError) return error;
    throw error;
  }
  return undefined;
}

const good = {
  job: {
    name: "films",
    stages: [
      {
        name: "map",
        taskType: "render",
        partitions: 2,
        demand: [{ name: "cpu", milli: 1_500n }],
        tasks: [
          { payload: Buffer.alloc(150, 1) },
          { payload: Buffer.from("p"), inputs: [{ uri: "u", hosts: ["h"], sizeBytes: 5_000n }] },
          { delayMs: 300, constraints: { required: [{ key: "zone", values: ["north"] }] } },
        ],
      },
    ],
    policy: { retry: { maxAttempts: 3, backoffFactor: 1.5, nonRetryableTypes: ["TypeError"] } },
    labels: { team: "blue" },
  },
  idempotencyKey: "key",
  traceContext: { baggage: "a=b" },
};

const jobId = `job_${"0".repeat(26)}`;
const cases: Record<string, [Take, Uint8Array]> = {
  SubmitJob: [
    takeJob,
    SubmitJobRequest.encode(
      SubmitJobRequest.fromPartial({ namespace: "default", ...good }),
    ).finish(),
  ],
  SubmitJobs: [
    takeJobs,
    SubmitJobsRequest.encode(
      SubmitJobsRequest.fromPartial({ namespace: "default", items: [good, good] }),
    ).finish(),
  ],
  AppendTasks: [
    takeTasks,
    AppendTasksRequest.encode(
      AppendTasksRequest.fromPartial({
        namespace: "default",
        jobId,
        firstIndex: 300,
        tasks: good.job.stages[0]?.tasks ?? [],
      }),
    ).finish(),
  ],
};

describe("a request of tasks whose bytes are damaged", () => {
  for (const [name, [take, encoded]] of Object.entries(cases)) {
    const bytes = Buffer.from(encoded);

    it(`is INVALID_ARGUMENT wherever it is cut, or whole without its last fields: ${name}`, () => {
      assert.equal(refusalOf(take, bytes), undefined);
      let malformed = 0;
      for (let end = 0; end < bytes.length; end++) {
        const refused = refusalOf(take, bytes.subarray(0, end));
        if (refused === undefined) continue;
        assert.equal(refused.code, status.INVALID_ARGUMENT, `cut at ${end}: ${refused.message}`);
        assert(refused.violations.length > 0);
        if (refused.reason === "MALFORMED") malformed += 1;
      }
      assert(malformed > bytes.length * 0.8, `${malformed} cuts of ${bytes.length}`);
    });

    it(`is refused with a reason, or is another good request, whatever byte is changed: ${name}`, () => {
      let refusals = 0;
      for (let at = 0; at < bytes.length; at++) {
        for (const byte of [0x00, 0x0b, 0x7f, 0xff, (bytes[at] as number) ^ 1]) {
          const damaged = Buffer.from(bytes);
          damaged[at] = byte;
          const refused = refusalOf(take, damaged);
          if (refused === undefined) continue;
          refusals += 1;
          assert(refused.code !== status.INTERNAL && refused.reason !== undefined);
        }
      }
      assert(refusals > bytes.length);
    });
  }

  const requests = [
    [takeJob, submitJob.map((r) => SubmitJobRequest.encode(r).finish()), schemas.submitJob],
    [takeJobs, submitJobs.map((r) => SubmitJobsRequest.encode(r).finish()), schemas.submitJobs],
    [takeTasks, appendTasks.map((r) => AppendTasksRequest.encode(r).finish()), schemas.appendTasks],
  ] as const;

  it("is refused with a reason, whatever it says and however it is written", () => {
    for (const [take, arbitrary, schema] of requests) {
      fc.assert(
        fc.property(arbitrary, fc.integer(), fc.nat(), fc.nat(255), (plain, seed, at, byte) => {
          const odd = oddly(plain, schema, seed);
          refusalOf(take, odd);
          refusalOf(take, odd.subarray(0, at % (odd.length + 1)));
          if (odd.length > 0) odd[at % odd.length] = byte;
          refusalOf(take, odd);
        }),
        { numRuns: 50 },
      );
    }
  });

  const lengthOf = (n: number) => {
    const bytes: number[] = [];
    let rest = n;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    return Buffer.from([...bytes, rest]);
  };
  const field = (tag: number, ...parts: readonly Uint8Array[]) => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
  };

  it("is malformed when a length is beyond what there is, however large", () => {
    for (const tag of [0x0a, 0x12, 0x1a, 0x2a]) {
      for (const length of [1, 127, 2 ** 14, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
        const bytes = Buffer.concat([Buffer.from([tag]), lengthOf(length)]);
        for (const take of [takeJob, takeJobs, takeTasks]) {
          const refused = refusalOf(take, bytes);
          assert.equal(refused?.reason, "MALFORMED", `${tag} ${length}`);
        }
      }
    }
  });

  it("is malformed where a text is not UTF-8 by which things are told apart", () => {
    const bad = Buffer.from([0xc3, 0x28]);
    for (const tag of [0x0a, 0x12]) {
      assert.equal(refusalOf(takeJob, field(tag, bad))?.reason, "MALFORMED");
    }
    assert.equal(refusalOf(takeJobs, field(0x0a, bad))?.reason, "MALFORMED");
    assert.equal(refusalOf(takeJobs, field(0x12, field(0x0a, bad)))?.reason, "MALFORMED");
  });

  it("is malformed when a message within it ends early, so that what follows looks like a stage", () => {
    // A policy of which the generated code reads one byte, the end of a group, and its job the rest.
    const policy = Buffer.from("1a" + "05" + "0c" + "12021200", "hex");
    const job = [JobSpec.encode(JobSpec.fromPartial(good.job)).finish(), policy];
    assert.equal(refusalOf(takeJob, field(0x1a, ...job))?.reason, "MALFORMED");
    assert.equal(refusalOf(takeJobs, field(0x12, field(0x12, ...job)))?.reason, "MALFORMED");
  });

  it("is refused with the place of the task whose bytes are none", () => {
    const task = field(0x3a, field(0x0a, Buffer.from("payload")));
    const noTask = field(0x3a, Buffer.from([0x0a, 0x05, 0x01]));
    const stages = [
      field(0x12, field(0x12, Buffer.from("render")), task),
      field(
        0x12,
        field(0x0a, Buffer.from("second")),
        field(0x12, Buffer.from("render")),
        task,
        noTask,
      ),
    ];
    const job = field(0x1a, field(0x0a, Buffer.from("films")), ...stages);
    const refused = refusalOf(takeJob, job);
    assert.deepEqual(
      [refused?.code, refused?.reason, refused?.violations[0]?.field],
      [status.INVALID_ARGUMENT, "MALFORMED", "job.stages[1].tasks[1]"],
    );
    const append = Buffer.concat([
      field(0x12, Buffer.from(jobId)),
      field(0x2a, field(0x0a, Buffer.from("payload"))),
      field(0x2a, Buffer.from([0x0a, 0x05, 0x01])),
    ]);
    const ofAppend = refusalOf(takeTasks, append);
    assert.deepEqual(
      [ofAppend?.code, ofAppend?.reason, ofAppend?.violations[0]?.field],
      [status.INVALID_ARGUMENT, "MALFORMED", "tasks[1]"],
    );
  });
});
