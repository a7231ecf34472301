import type { CoreEvent, EventOf, EventType, JobSpec, TaskKind } from "../../../src/core/index.js";

/** Samples of every event: at their fullest, and at their emptiest where that differs. */

export const kind: TaskKind = {
  type: "render",
  demand: [
    { name: "cpu", milli: 1_500 },
    { name: "memory", milli: Number.MAX_SAFE_INTEGER },
  ],
  constraints: [{ label: "zone", value: "north" }],
  policy: {
    retry: {
      attemptsMax: 4,
      backoffBaseMs: 1_000,
      backoffFactor: 1.5,
      backoffCapMs: 2_592_000_000,
      nonRetryable: ["SyntaxError", "\u{feff}Größe 🎈"],
    },
    attemptTimeoutMs: 60_000,
    lostMax: 10,
    oomMax: 3,
    deliveriesMax: 100,
  },
};

export const bareKind: TaskKind = {
  type: "",
  demand: [],
  constraints: [],
  policy: {
    retry: {
      attemptsMax: 0,
      backoffBaseMs: 0,
      backoffFactor: 0,
      backoffCapMs: 0,
      nonRetryable: [],
    },
    attemptTimeoutMs: 0,
    lostMax: 0,
    oomMax: 0,
    deliveriesMax: 0,
  },
};

export const spec: JobSpec = {
  namespace: "default",
  name: "films",
  labels: [{ name: "team", value: "" }],
  onTaskFailure: { kind: "tolerate_share", shareMillionths: 12_500 },
  trace: {
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "a=b",
    baggage: "c=d",
  },
  uploadTtlMs: 3_600_000,
  stages: [
    { name: "map", dependsOn: [], partitions: 3, task: kind },
    {
      name: "reduce",
      dependsOn: [
        { stage: "map", kind: "partition" },
        { stage: "map", kind: "all" },
        { stage: "map", kind: "each" },
      ],
      partitions: 1,
      task: bareKind,
    },
  ],
};

export const facts = {
  lease: 2 ** 45 + 1,
  task: 2 ** 32 - 1,
  worker: 7,
  run: 2,
  generation: 3,
  delivery: 300,
  attempt: 4,
} as const;

const end = { ...facts, charge: "attempt", stopping: false, promoted: [2 ** 45 + 2, 9] } as const;
const zeros = { lease: 0, task: 0, worker: 0, run: 0, generation: 0, delivery: 0, attempt: 0 };
const failure = { kind: "error", type: "TypeError", message: "no such färbe", body: 41 } as const;

export function grant(change: Partial<EventOf<"lease_granted">> = {}): EventOf<"lease_granted"> {
  const draws = { drawHigh: -1, drawLow: -(2 ** 31) };
  const rest = { ahead: true, level: 2 } as const;
  return { type: "lease_granted", version: 1, ...facts, epoch: 12, ...draws, ...rest, ...change };
}

export function success(
  change: Partial<EventOf<"task_succeeded">> = {},
): EventOf<"task_succeeded"> {
  const rest = { firstBlob: 0, outputs: [], recordCount: 1_000_000 };
  return { type: "task_succeeded", version: 1, ...end, charge: "none", ...rest, ...change };
}

export function submit(change: Partial<EventOf<"job_submitted">> = {}): EventOf<"job_submitted"> {
  return {
    type: "job_submitted",
    version: 1,
    job: 5,
    id: "job_01J8ZQ4N6S0000000000000000",
    idempotencyKey: "films/7",
    fingerprint: "ab".repeat(32),
    uploading: false,
    spec,
    opened: [],
    firstTask: 0,
    firstBlob: 0,
    tasks: [],
    ...change,
  };
}

const plain = { bodyBytes: 100, hosts: [], inputBytes: 0, delayMs: 0, recordCount: 0 };
const submits: readonly Partial<EventOf<"job_submitted">>[] = [
  {
    opened: [0],
    firstTask: 2 ** 32 - 9,
    firstBlob: 2 ** 40,
    tasks: [
      { stage: 0, tasks: [plain, { ...plain, hosts: ["a", "ß"], kind }, plain] },
      { stage: 1, tasks: [{ ...plain, bodyBytes: 0, delayMs: 5, recordCount: 9 }] },
    ],
  },
  { idempotencyKey: "", fingerprint: "", opened: [0, 63] },
  { idempotencyKey: "clé", firstTask: 7, firstBlob: 1, tasks: [{ stage: 1, tasks: [plain] }] },
];

const specsOf = (...rules: JobSpec["onTaskFailure"][]) =>
  rules.map((onTaskFailure) => ({ ...spec, onTaskFailure }));

export const samples = {
  job_submitted: specsOf(
    spec.onTaskFailure,
    { kind: "fail_fast" },
    { kind: "continue" },
    { kind: "tolerate_count", count: 0 },
  ).map((one, i) => submit({ spec: one, uploading: i > 0, ...submits[i] })),
  tasks_added: [
    {
      type: "tasks_added",
      version: 1,
      job: 5,
      stage: 11,
      firstTask: 70_000,
      firstIndex: 4_096,
      firstBlob: 2 ** 40,
      tasks: [
        { bodyBytes: 100, hosts: [], inputBytes: 0, delayMs: 0, recordCount: 0 },
        { bodyBytes: 0, hosts: ["a", "ß"], inputBytes: 2 ** 50, delayMs: 5, recordCount: 9, kind },
        {
          bodyBytes: 70_000,
          hosts: ["ß"],
          inputBytes: 1,
          delayMs: 0,
          recordCount: 0,
          kind: bareKind,
        },
        { bodyBytes: 1, hosts: ["\u{feff}"], inputBytes: 1, delayMs: 0, recordCount: 0, kind },
      ],
    },
    {
      type: "tasks_added",
      version: 1,
      job: 0,
      stage: 0,
      firstTask: 0,
      firstIndex: 0,
      firstBlob: 0,
      tasks: [],
    },
  ],
  job_sealed: [{ type: "job_sealed", version: 1, job: 5 }],
  stage_opened: [
    {
      type: "stage_opened",
      version: 1,
      stage: 11,
      located: [
        { task: 2 ** 32 - 1, hosts: [3, 0, 2], bytes: 2 ** 50 },
        { task: 0, hosts: [0], bytes: 0 },
      ],
    },
    { type: "stage_opened", version: 1, stage: 0, located: [] },
  ],
  tasks_released: [{ type: "tasks_released", version: 1, tasks: [5, 4, 2 ** 32 - 1] }],
  tasks_unblocked: [{ type: "tasks_unblocked", version: 1, tasks: [0] }],
  lease_granted: [
    grant(),
    grant({ ...zeros, epoch: 0, drawHigh: 0, drawLow: 0, ahead: false, level: 0 }),
  ],
  task_succeeded: [
    success(),
    success({ ...zeros, promoted: [], recordCount: 0, stopping: true }),
    success({
      firstBlob: 2 ** 40,
      outputs: [
        { partition: 0, bodyBytes: 5, dataBytes: 2 ** 50, hosts: ["x", "y"] },
        { partition: 2, bodyBytes: 0, dataBytes: 0, hosts: [] },
      ],
    }),
  ],
  attempt_failed: [
    { type: "attempt_failed", version: 1, ...end, failure, retryAt: 2 ** 42 },
    { type: "attempt_failed", version: 1, ...end, charge: "oom", failure, retryAt: 0 },
    { type: "attempt_failed", version: 1, ...end, charge: "breaker", failure, retryAt: 1 },
  ],
  task_failed: (
    [
      "error",
      "timeout",
      "worker_lost",
      "out_of_memory",
      "rejected",
      "cancelled",
      "invalid",
    ] as const
  ).map((word) => ({
    type: "task_failed",
    version: 1,
    ...end,
    failure: { ...failure, kind: word },
    deadLetterId: "dl_01J8ZQ4N6S0000000000000000",
  })),
  delivery_requeued: (
    [
      "recalled",
      "drained",
      "over_delivered",
      "unreceived",
      "forgotten",
      "expired",
      "worker_lost",
    ] as const
  ).map((reason) => ({
    type: "delivery_requeued",
    version: 1,
    ...end,
    ...zeros,
    charge: reason === "drained" ? "drain" : "lost",
    stopping: true,
    promoted: [],
    reason,
  })),
  delivery_cancelled: [
    { type: "delivery_cancelled", version: 1, ...end, failure },
    { type: "delivery_cancelled", version: 1, ...end },
  ],
  lease_freed: [
    { type: "lease_freed", version: 1, lease: 2 ** 52, worker: 3, promoted: [1] },
    { type: "lease_freed", version: 1, lease: 1, worker: 0, promoted: [] },
  ],
  lease_adopted: [
    {
      type: "lease_adopted",
      version: 1,
      lease: 17,
      worker: 3,
      job: 5,
      task: 99,
      delivery: 2,
      epoch: 8,
      drawHigh: -1,
      drawLow: 1,
      demand: kind.demand,
    },
  ],
  checkpoint_saved: [{ type: "checkpoint_saved", version: 1, ...facts, body: 2 ** 40 }],
  job_cancel_started: [
    {
      type: "job_cancel_started",
      version: 1,
      job: 5,
      run: 1,
      cause: "request",
      note: "wrong reel",
    },
    { type: "job_cancel_started", version: 1, job: 0, run: 0, cause: "upload_lapsed", note: "" },
  ],
  job_failing: [{ type: "job_failing", version: 1, job: 5, run: 1 }],
  stage_pruned: [{ type: "stage_pruned", version: 1, stage: 12 }],
  tasks_cancelled: (["all", "unleased", "blocked"] as const).map((scope, i) => ({
    type: "tasks_cancelled",
    version: 1,
    job: 5,
    stage: 11,
    fromIndex: 0,
    toIndex: 4_096,
    scope,
    next: [undefined, { stage: 0, index: 0 }, { stage: 11, index: 4_096 }][i],
  })),
  job_finished: (["succeeded", "failed", "cancelled"] as const).map((state) => ({
    type: "job_finished",
    version: 1,
    job: 5,
    run: 1,
    state,
  })),
  worker_registered: [
    {
      type: "worker_registered",
      version: 1,
      worker: 3,
      spec: {
        workerId: "w-3",
        incarnation: "a1",
        namespaces: ["default", "films"],
        host: "h3",
        rack: "r1",
        capacity: kind.demand,
        labels: [{ name: "zone", value: "north" }],
        types: ["render"],
        prefetchTasks: 2,
        sdk: "capstan-typescript 0.1.0",
      },
    },
  ],
  worker_updated: [
    { type: "worker_updated", version: 1, worker: 3, capacity: [{ name: "slots", milli: 0 }] },
    { type: "worker_updated", version: 1, worker: 0, capacity: [] },
  ],
  leases_promoted: [
    { type: "leases_promoted", version: 1, worker: 3, promoted: [2 ** 52, 7] },
    { type: "leases_promoted", version: 1, worker: 0, promoted: [] },
  ],
  jobs_retired: [
    { type: "jobs_retired", version: 1, jobs: [], leaving: [3, 2 ** 32 - 1] },
    { type: "jobs_retired", version: 1, jobs: [0, 2 ** 32 - 1, 7], leaving: [] },
  ],
  tasks_retired: [undefined, { stage: 0, index: 0 }, { stage: 11, index: 4_096 }].map((next) => ({
    type: "tasks_retired",
    version: 1,
    job: 5,
    stage: 11,
    fromIndex: 0,
    toIndex: 4_096,
    next,
  })),
  keys_forgotten: [
    { type: "keys_forgotten", version: 1, jobs: [] },
    { type: "keys_forgotten", version: 1, jobs: [2 ** 32 - 1, 0] },
  ],
  worker_draining: [{ type: "worker_draining", version: 1, worker: 3 }],
  worker_lost: [{ type: "worker_lost", version: 1, worker: 3 }],
} satisfies { readonly [T in EventType]: readonly EventOf<T>[] };

/** All of them, in the table's order. */
export const allSamples: readonly CoreEvent[] = Object.values(samples).flat();
