import type { JobSpec, StageSpec, TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import type {
  AppendTasksRequest,
  SubmitJobItem,
  SubmitJobRequest,
  SubmitJobsRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import type { Constraints, Input, Resource } from "@capstan/proto/capstan/v1/common.js";
import type { TaskPolicy } from "@capstan/proto/capstan/v1/policy.js";
import fc from "fast-check";

/** Requests that bring tasks, with any value that their types have, whether a master would take it or not. */

const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined, freq: 2 });
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const uint64 = fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 64n - 1n));
const sint32 = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer());
/** Well-formed; a mark at its beginning belongs to it. */
const text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("", "a", "default", "map", "render/v2") },
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom("\ufeffmarked", "\ufeff", "é".repeat(70), "日本") },
);
const payload = fc
  .oneof(
    { weight: 8, arbitrary: fc.uint8Array({ maxLength: 12 }) },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200, size: "max" }) },
    // Where their lengths take another byte.
    {
      weight: 1,
      arbitrary: fc.constantFrom(127, 128, 16_383, 16_384).map((n) => new Uint8Array(n)),
    },
  )
  .map((bytes) => Buffer.from(bytes));

const resource: fc.Arbitrary<Resource> = record({ name: text, milli: uint64 });
const requirement = record({
  key: text,
  operator: fc.integer({ min: 0, max: 5 }),
  values: fc.array(text, { maxLength: 2 }),
});
const constraints: fc.Arbitrary<Constraints> = record({
  required: fc.array(requirement, { maxLength: 2 }),
  preferred: fc.array(record({ condition: maybe(requirement), weight: sint32 }), { maxLength: 1 }),
});
const input: fc.Arbitrary<Input> = record({
  uri: text,
  offsetBytes: uint64,
  sizeBytes: uint64,
  hosts: fc.array(text, { maxLength: 3 }),
});

const full: fc.Arbitrary<TaskSpec> = record({
  payload,
  inputs: fc.array(input, { maxLength: 2 }),
  recordCount: maybe(uint32),
  taskType: text,
  demand: fc.array(resource, { maxLength: 2 }),
  constraints: maybe(constraints),
  attemptTimeoutMs: maybe(uint32),
  deadlineMs: maybe(uint32),
  delayMs: maybe(uint32),
  priority: maybe(sint32),
});

const plainOf = (bytes: Buffer): TaskSpec => ({
  payload: bytes,
  inputs: [],
  recordCount: undefined,
  taskType: "",
  demand: [],
  constraints: undefined,
  attemptTimeoutMs: undefined,
  deadlineMs: undefined,
  delayMs: undefined,
  priority: undefined,
});

/** Most are a payload and nothing else. */
export const taskSpec: fc.Arbitrary<TaskSpec> = fc.oneof(
  { weight: 3, arbitrary: payload.map(plainOf) },
  { weight: 2, arbitrary: full },
);

const factor = fc.double({ noNaN: true });
const policy: fc.Arbitrary<TaskPolicy> = record({
  retry: maybe(
    record({
      maxAttempts: maybe(uint32),
      backoffBaseMs: maybe(uint32),
      backoffFactor: maybe(factor),
      backoffCapMs: maybe(uint32),
      nonRetryableTypes: fc.array(text, { maxLength: 2 }),
      classes: fc.array(
        record({
          type: text,
          maxAttempts: maybe(uint32),
          backoffBaseMs: maybe(uint32),
          backoffFactor: maybe(factor),
          backoffCapMs: maybe(uint32),
        }),
        { maxLength: 1 },
      ),
    }),
  ),
  attemptTimeoutMs: maybe(uint32),
  deadlineMs: maybe(uint32),
  queueTtlMs: maybe(uint32),
  budgets: maybe(
    record({
      lost: maybe(uint32),
      oom: maybe(uint32),
      deliveries: maybe(uint32),
      breaker: maybe(uint32),
    }),
  ),
  recordFailures: fc.nat(3),
  speculate: maybe(fc.boolean()),
});

const stageSpec: fc.Arbitrary<StageSpec> = record({
  name: text,
  taskType: text,
  dependsOn: fc.array(record({ stage: text, kind: fc.nat(4) }), { maxLength: 2 }),
  partitions: maybe(uint32),
  demand: fc.array(resource, { maxLength: 2 }),
  constraints: maybe(constraints),
  tasks: fc.array(taskSpec, { maxLength: 4 }),
});

const key = text.filter((name) => name !== "__proto__");

export const jobSpec: fc.Arbitrary<JobSpec> = record({
  name: text,
  stages: fc.array(stageSpec, { maxLength: 3 }),
  policy: maybe(policy),
  typePolicies: fc.dictionary(key, policy, { maxKeys: 2, noNullPrototype: true }),
  onTaskFailure: maybe(
    fc.constantFrom<JobSpec["onTaskFailure"]>(
      { policy: undefined },
      { policy: { $case: "failFast", value: {} } },
      { policy: { $case: "continueJob", value: {} } },
      { policy: { $case: "tolerate", value: { limit: { $case: "count", value: 300 } } } },
      { policy: { $case: "tolerate", value: { limit: { $case: "share", value: 0.5 } } } },
      { policy: { $case: "tolerate", value: { limit: undefined } } },
    ),
  ),
  labels: fc.dictionary(key, text, { maxKeys: 3, noNullPrototype: true }),
  priority: sint32,
  deadlineMs: maybe(uint32),
  uploadTtlMs: maybe(uint32),
  retentionMs: maybe(uint64),
  placement: maybe(
    record({
      locality: fc.nat(3),
      hostPatienceMs: maybe(uint32),
      rackPatienceMs: maybe(uint32),
      strategy: fc.nat(4),
    }),
  ),
  open: maybe(record({ poison: fc.nat(4), maxPendingBatches: maybe(uint32) })),
});

const item: fc.Arbitrary<SubmitJobItem> = record({
  idempotencyKey: text,
  job: maybe(jobSpec),
  moreToUpload: fc.boolean(),
  traceContext: maybe(record({ traceparent: text, tracestate: text, baggage: text })),
});

export const submitJob: fc.Arbitrary<SubmitJobRequest> = fc
  .tuple(text, item)
  .map(([namespace, own]) => ({ namespace, ...own }));

/** Many of its jobs say the same as the one before, or the same but for a part of it. */
export const submitJobs: fc.Arbitrary<SubmitJobsRequest> = record({
  namespace: text,
  items: fc
    .tuple(
      fc.array(item, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(5), item, fc.array(taskSpec, { maxLength: 3 })), {
        maxLength: 6,
      }),
    )
    .map(([pool, more]) => [
      ...pool,
      ...more.map(([at, change, other, tasks]): SubmitJobItem => {
        const own = pool[at % pool.length] as SubmitJobItem;
        if (change === 0) return { ...own, traceContext: other.traceContext };
        if (change === 1) return { ...own, moreToUpload: other.moreToUpload };
        if (change === 2 || own.job === undefined) return own;
        const stages = own.job.stages.map((stage) => ({ ...stage, tasks }));
        return { ...own, idempotencyKey: other.idempotencyKey, job: { ...own.job, stages } };
      }),
    ]),
});

export const appendTasks: fc.Arbitrary<AppendTasksRequest> = record({
  namespace: text,
  jobId: text,
  stage: text,
  firstIndex: uint32,
  tasks: fc.array(taskSpec, { maxLength: 6 }),
});
