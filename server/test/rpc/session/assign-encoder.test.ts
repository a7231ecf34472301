import assert from "node:assert/strict";
import { Failure } from "@capstan/proto/capstan/v1/failure.js";
import { Assign, AssignContext, AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import fc from "fast-check";
import type { AssignmentContext, AssignmentView, JobSpec } from "../../../src/core/index.js";
import {
  AssignWriter,
  ContextCache,
  taskBytesMax,
} from "../../../src/rpc/session/assign-encoder.js";
import type { TaskBytes } from "../../../src/rpc/session/task-bytes.js";
import { encodeToken } from "../../../src/rpc/token.js";
import { WireWriter } from "../../../src/rpc/wire/wire-writer.js";
import { bareKind, kind, spec as fullSpec } from "../../journal/entry/samples.js";

const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const u31 = fc.oneof(fc.nat(300), fc.integer({ min: 1, max: 2 ** 31 }));
const bytes = fc.uint8Array({ maxLength: 300 });

const bareSpec: JobSpec = {
  ...fullSpec,
  labels: [],
  trace: { traceparent: "", tracestate: "", baggage: "" },
};

const reads = [{ stage: "map", kind: "partition", taskCount: 300, partitions: 4 }] as const;

/** Contexts of a few jobs, stages and kinds: many are alike, and some tasks share the very object. */
const contexts: readonly AssignmentContext[] = [fullSpec, bareSpec].flatMap((spec) =>
  ["main", "größe"].flatMap((stageName) =>
    [kind, bareKind].flatMap((own) =>
      [1, 2, 3].map((job): AssignmentContext => ({
        namespace: spec.namespace,
        jobId: `job_${job}`,
        jobName: spec.name,
        spec,
        stageName,
        partitions: 3,
        kind: own,
        reads: stageName === "main" ? [] : reads,
      })),
    ),
  ),
);

const view = fc
  .record(
    {
      epoch: u32,
      lease: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      job: u32,
      task: u32,
      delivery: u31,
      drawHigh: fc.integer(),
      drawLow: fc.integer(),
      context: fc.nat(contexts.length - 1).map((i) => contexts[i] as AssignmentContext),
      index: u32,
      generation: u31,
      attempt: fc.oneof(fc.constantFrom(1, 3, 4, 5), u31),
      ahead: fc.boolean(),
      recordCount: u32,
    },
    { noNullPrototype: true },
  )
  .map((drawn): AssignmentView => ({
    ...{ kind: "assign", level: 0, body: 0, bodyBytes: 0, checkpoint: 0 },
    previousFailure: undefined,
    ...drawn,
  }));

const failure = Failure.fromPartial({ type: "TypeError", message: "no", attempt: 1 });

interface Body {
  readonly payload: Buffer;
  readonly checkpoint: Buffer | undefined;
  readonly failed: boolean;
}

const body: fc.Arbitrary<Body> = fc.record({
  payload: bytes.map((some) => Buffer.from(some)),
  checkpoint: fc.option(
    bytes.map((some) => Buffer.from(some)),
    { nil: undefined },
  ),
  failed: fc.boolean(),
});

/** A section in which the body lies between others. */
function bytesOf({ payload, checkpoint, failed }: Body): TaskBytes {
  const encoded = AssignedTask.encode(AssignedTask.fromPartial({ payload })).finish();
  const section = Buffer.concat([Buffer.from("before"), encoded, Buffer.from("after")]);
  return {
    section,
    start: 6,
    stop: 6 + encoded.length,
    previousFailure: failed ? Failure.encode(failure).finish() : undefined,
    checkpoint,
  };
}

const kinds = { all: 1, partition: 2, each: 3 } as const;

function contextOf({ spec, kind: own, ...context }: AssignmentContext): AssignContext {
  const { attemptTimeoutMs } = own.policy;
  return AssignContext.fromPartial({
    namespace: spec.namespace,
    jobId: context.jobId,
    jobName: spec.name,
    stage: context.stageName,
    taskType: own.type,
    demand: own.demand.map(({ name, milli }) => ({ name, milli: BigInt(milli) })),
    maxAttempts: own.policy.retry.attemptsMax,
    ...(attemptTimeoutMs > 0 ? { attemptTimeoutMs } : {}),
    ...(spec.trace.traceparent === "" ? {} : { traceContext: spec.trace }),
    partitions: context.partitions,
    upstream: context.reads.map((read) => ({ ...read, kind: kinds[read.kind] })),
    labels: Object.fromEntries(spec.labels.map(({ name, value }) => [name, value])),
  });
}

type Task = readonly [AssignmentView, Body, number | undefined];

function taskOf([given, { payload, checkpoint, failed }, remainingMs]: Task): AssignedTask {
  return AssignedTask.fromPartial({
    token: encodeToken(given),
    payload,
    index: given.index,
    delivery: given.delivery,
    attempt: given.attempt,
    isLastAttempt: given.attempt >= given.context.kind.policy.retry.attemptsMax,
    generation: given.generation,
    ...(remainingMs === undefined ? {} : { leaseRemainingMs: remainingMs }),
    ...(failed ? { previousFailure: failure } : {}),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(given.recordCount > 0 ? { recordCount: given.recordCount } : {}),
    ahead: given.ahead,
  });
}

const task: fc.Arbitrary<Task> = fc.tuple(view, body, fc.option(u31, { nil: undefined }));

describe("assignments that are written by hand", () => {
  it("are read by the generated code, each with the context that is its own", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(task, { minLength: 1, maxLength: 15 }), { minLength: 1, maxLength: 3 }),
        (messages) => {
          const writer = new WireWriter();
          const cache = new ContextCache();
          const assigns = new AssignWriter(writer, cache);
          for (const [i, tasks] of messages.entries()) {
            assigns.begin(i + 1);
            for (const [given, held, remainingMs] of tasks) {
              const before = writer.length;
              const most = assigns.contextBytes(given.context) + taskBytesMax(bytesOf(held));
              assigns.add(given, bytesOf(held), remainingMs);
              assert(writer.length - before <= most, `${writer.length - before} of ${most}`);
            }
            const read = Assign.decode(writer.take());
            assert.equal(read.sequence, i + 1);
            assert.deepEqual(
              read.tasks.map((one) => read.contexts[one.context]),
              tasks.map(([given]) => contextOf(given.context)),
            );
            assert.deepEqual(
              read.tasks.map((one) => ({ ...one, context: 0 })),
              tasks.map(taskOf),
            );
          }
        },
      ),
    );
  });

  it("say a context once for tasks of a few jobs that take turns", () => {
    const writer = new WireWriter();
    const assigns = new AssignWriter(writer, new ContextCache());
    assigns.begin(1);
    const [one] = fc.sample(task, 1);
    assert(one !== undefined);
    const [given, held] = one;
    for (let i = 0; i < 40; i++) {
      const context = contexts[i % 8] as AssignmentContext;
      assigns.add({ ...given, context, index: i }, bytesOf(held), undefined);
    }
    const read = Assign.decode(writer.take());
    assert.equal(read.contexts.length, 8);
    assert.deepEqual(
      read.tasks.map(({ context }) => context),
      Array.from({ length: 40 }, (_, i) => i % 8),
    );
  });
});
