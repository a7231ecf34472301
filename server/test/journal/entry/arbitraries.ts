import fc from "fast-check";
import type {
  Charge,
  CoreEvent,
  EventOf,
  Level,
  OutputDraft,
  TaskDraft,
} from "../../../src/core/index.js";
import { allSamples, bareKind, kind, spec } from "./samples.js";

/** Frequent events, with numbers of every length and runs of every shape. */

const u32 = fc.oneof(
  fc.constantFrom(0, 1, 127, 128),
  fc.nat(),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
);
const u53 = fc.oneof(u32, fc.maxSafeNat());
const hosts = fc.array(
  fc.oneof(fc.constantFrom("h1", "h2", "h3"), fc.string({ unit: "grapheme" })),
  { maxLength: 3 },
);

const output: fc.Arbitrary<OutputDraft> = fc.record(
  { partition: u32, bodyBytes: u32, dataBytes: u53, hosts },
  { noNullPrototype: true },
);

const facts = {
  task: u32,
  worker: fc.oneof(fc.constant(1), u32),
  run: fc.oneof(fc.constant(1), u32),
  generation: fc.oneof(fc.constant(1), u32),
  delivery: fc.oneof(fc.constant(1), u32),
  attempt: fc.oneof(fc.constant(1), u32),
};

const grantOf = fc.record(
  {
    ...facts,
    epoch: u32,
    drawHigh: fc.integer(),
    drawLow: fc.integer(),
    ahead: fc.boolean(),
    level: fc.constantFrom<Level>(0, 1, 2, 3),
  },
  { noNullPrototype: true },
);

/** Lease numbers that go up by one, or do not. */
export const grants: fc.Arbitrary<CoreEvent[]> = fc
  .tuple(
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 100 }),
    fc.array(fc.tuple(grantOf, fc.constantFrom(1, 1, 1, 1, 2)), { minLength: 1, maxLength: 40 }),
  )
  .map(([first, drafts]) => {
    let lease = first;
    return drafts.map(([draft, step]): EventOf<"lease_granted"> => {
      lease += step;
      return { type: "lease_granted", version: 1, lease, ...draft };
    });
  });

const charge = fc.constantFrom<Charge>("none", "attempt", "lost", "drain", "oom", "breaker");
const successOf = fc.record(
  {
    lease: u53,
    ...facts,
    charge: fc.oneof(fc.constant<Charge>("none"), charge),
    stopping: fc.boolean(),
    promoted: fc.array(u53, { maxLength: 3 }),
    outputs: fc.oneof(fc.constant([]), fc.array(output, { maxLength: 3 })),
    recordCount: u32,
  },
  { noNullPrototype: true },
);

/** Blobs that go on where those of the event before ended, or do not. */
export const successes: fc.Arbitrary<CoreEvent[]> = fc
  .tuple(
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1_000 }),
    fc.array(fc.tuple(successOf, fc.constantFrom(0, 0, 0, 0, 3)), { minLength: 1, maxLength: 40 }),
  )
  .map(([first, drafts]) => {
    let blob = first;
    return drafts.map(([draft, step]): EventOf<"task_succeeded"> => {
      blob += step;
      const firstBlob = draft.outputs.length === 0 ? 0 : blob;
      blob += draft.outputs.length;
      return { type: "task_succeeded", version: 1, firstBlob, ...draft };
    });
  });

const sparse = <T>(value: fc.Arbitrary<T>, usual: T) => fc.oneof(fc.constant(usual), value);

export const tasks: fc.Arbitrary<TaskDraft[]> = fc
  .array(
    fc.tuple(
      fc.record(
        {
          bodyBytes: u32,
          hosts: sparse(hosts, []),
          inputBytes: sparse(u53, 0),
          delayMs: sparse(u53, 0),
          recordCount: sparse(u32, 0),
        },
        { noNullPrototype: true },
      ),
      fc.constantFrom(undefined, undefined, kind, bareKind, structuredClone(kind)),
    ),
    { maxLength: 60 },
  )
  .map((drafts) =>
    drafts.map(([draft, own]) => (own === undefined ? draft : { ...draft, kind: own })),
  );

const tasksAdded: fc.Arbitrary<CoreEvent[]> = fc
  .record(
    { job: u32, stage: u32, firstTask: u32, firstIndex: u32, firstBlob: u53, tasks },
    { noNullPrototype: true },
  )
  .map((added) => [{ type: "tasks_added", version: 1, ...added }]);

const stageTasks = fc.array(
  fc.record(
    { stage: fc.nat(63), tasks: tasks.map((some) => some.slice(0, 3)) },
    { noNullPrototype: true },
  ),
  { maxLength: 3 },
);

const submitOf = fc.record(
  {
    id: fc.string(),
    idempotencyKey: sparse(fc.string({ unit: "grapheme" }), ""),
    fingerprint: fc.constantFrom("", "ab".repeat(32)),
    uploading: fc.boolean(),
    spec: fc.constantFrom(spec, spec, spec, structuredClone(spec)),
    opened: fc.array(fc.nat(63), { maxLength: 3 }),
    tasks: sparse(stageTasks, [{ stage: 0, tasks: [] }]),
  },
  { noNullPrototype: true },
);

/** Jobs whose numbers, tasks and bodies go on where those before ended, or do not. */
export const submits: fc.Arbitrary<CoreEvent[]> = fc
  .tuple(
    fc.nat(1_000_000),
    fc.array(fc.tuple(submitOf, fc.constantFrom(0, 0, 0, 0, 3)), { minLength: 1, maxLength: 20 }),
  )
  .map(([first, drafts]) => {
    let job = first;
    let task = first;
    return drafts.map(([draft, step]): EventOf<"job_submitted"> => {
      job += 1 + step;
      task += step;
      const firsts = draft.tasks.length === 0 ? none : { firstTask: task, firstBlob: 1 + task };
      for (const { tasks: some } of draft.tasks) task += some.length;
      return { type: "job_submitted", version: 1, job, ...draft, ...firsts };
    });
  });
const none = { firstTask: 0, firstBlob: 0 };

const finishes: fc.Arbitrary<CoreEvent[]> = fc
  .array(
    fc.record(
      {
        job: u32,
        run: u32,
        state: fc.constantFrom<EventOf<"job_finished">["state"]>("succeeded", "failed"),
      },
      { noNullPrototype: true },
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((ends) => ends.map((end) => ({ type: "job_finished", version: 1, ...end })));

const others: fc.Arbitrary<CoreEvent[]> = fc.constantFrom(...allSamples).map((event) => [event]);

/** Events in any order, with runs of the frequent ones. */
export const events: fc.Arbitrary<CoreEvent[]> = fc
  .array(fc.oneof(grants, successes, tasksAdded, submits, finishes, others), { maxLength: 12 })
  .map((runs) => runs.flat());

export const blobs: fc.Arbitrary<Uint8Array[]> = fc.array(fc.uint8Array({ maxLength: 300 }), {
  maxLength: 10,
});

export const stamp = fc.record(
  { now: fc.maxSafeNat(), wall: fc.maxSafeNat() },
  { noNullPrototype: true },
);
