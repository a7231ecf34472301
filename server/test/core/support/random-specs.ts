import type {
  DependencyKind,
  FailureDraft,
  JobSpec,
  OnTaskFailure,
  OutputDraft,
  Resource,
  StageSpec,
  TaskDraft,
  TaskPolicy,
  WorkerSpec,
} from "../../../src/core/index.js";
import type { Prng } from "./prng.js";

/** Random jobs and workers, small and of few kinds, so that they meet. */

/** Bodies of tasks are smaller than this. */
export const bodyBytesMax = 200;

const types = ["map", "reduce", "gpu"];
const hosts = ["h0", "h1", "h2", "h3", "h4"];

function policyOf(random: Prng): TaskPolicy {
  return {
    retry: {
      attemptsMax: 1 + random.below(4),
      backoffBaseMs: random.pick([0, 100, 5_000]),
      backoffFactor: random.pick([1, 2, 3]),
      backoffCapMs: 20_000,
      nonRetryable: ["Fatal"],
    },
    attemptTimeoutMs: random.pick([0, 0, 2_000]),
    lostMax: random.pick([1, 10]),
    oomMax: 1,
    deliveriesMax: random.pick([3, 100]),
  };
}

function demandOf(random: Prng, type: string) {
  if (type === "gpu")
    return [
      { name: "slots", milli: 1_000 },
      { name: "gpu", milli: 500 },
    ];
  return [{ name: "slots", milli: random.pick([500, 1_000, 2_000]) }];
}

export function draftOf(random: Prng): TaskDraft {
  const count = random.pick([0, 0, 1, 3]);
  const picked = new Set<string>();
  for (let i = 0; i < count; i++) picked.add(random.pick(hosts));
  return {
    bodyBytes: random.below(bodyBytesMax),
    hosts: [...picked],
    inputBytes: count === 0 ? 0 : random.below(5) * 1_000,
    delayMs: random.chance(0.05) ? 3_000 : 0,
    recordCount: 0,
  };
}

export function workerOf(random: Prng, no: number, incarnation: number): WorkerSpec {
  return {
    workerId: `w${no}`,
    incarnation: `i${incarnation}`,
    namespaces: ["default"],
    host: hosts[no % hosts.length] as string,
    rack: `r${no % 2}`,
    capacity: [
      { name: "slots", milli: 1_000 * (1 + (no % 4)) },
      { name: "gpu", milli: no % 3 === 0 ? 1_000 : 0 },
    ],
    labels: [{ name: "zone", value: `z${no % 2}` }],
    types: no % 3 === 0 ? types : ["map", "reduce"],
    prefetchTasks: random.pick([0, 0, 2]),
    sdk: "test",
  };
}

/** A job of one to three stages whose task counts go together. */
export function jobOf(random: Prng): { spec: JobSpec; counts: number[] } {
  const counts: number[] = [];
  const stages: StageSpec[] = [];
  const stageCount = random.pick([1, 1, 2, 3]);
  for (let i = 0; i < stageCount; i++) {
    const type = random.pick(types);
    const kind: DependencyKind = random.pick(["all", "partition", "each"]);
    const partitions = 1 + random.below(3);
    const upstream = stages[i - 1];
    const dependsOn = upstream === undefined ? [] : [{ stage: upstream.name, kind }];
    let count = random.below(6);
    if (upstream !== undefined && kind === "partition") count = upstream.partitions;
    if (upstream !== undefined && kind === "each") count = counts[i - 1] as number;
    counts.push(count);
    const task = {
      type,
      demand: demandOf(random, type),
      constraints: random.chance(0.1) ? [{ label: "zone", value: "z1" }] : [],
      policy: policyOf(random),
    };
    stages.push({ name: `s${i}`, dependsOn, partitions, task });
  }
  const onTaskFailure: OnTaskFailure = random.pick([
    { kind: "fail_fast" },
    { kind: "continue" },
    { kind: "tolerate_count", count: 2 },
    { kind: "tolerate_share", shareMillionths: 500_000 },
  ]);
  const spec: JobSpec = {
    namespace: "default",
    name: "job",
    labels: [],
    onTaskFailure,
    trace: { traceparent: "", tracestate: "", baggage: "" },
    uploadTtlMs: 60_000,
    stages,
  };
  return { spec, counts };
}

/** What a worker says that it has after all: less or more than it said when it came. */
export function capacityOf(random: Prng, spec: WorkerSpec): readonly Resource[] {
  return spec.capacity.map(({ name, milli }) => ({
    name,
    milli: Math.max(0, milli + random.pick([-500, 0, 1_000])),
  }));
}

export function outputsOf(random: Prng): readonly OutputDraft[] {
  if (random.chance(0.5)) return [];
  return [
    {
      partition: random.below(3),
      bodyBytes: 10,
      dataBytes: 10,
      hosts: random.chance(0.5) ? [random.pick(hosts)] : [],
    },
  ];
}

export function failureOf(random: Prng): FailureDraft {
  return {
    kind: random.pick(["error", "error", "timeout", "out_of_memory", "invalid"] as const),
    type: random.pick(["Error", "Error", "Fatal"]),
    message: "it broke",
    retryable: random.chance(0.9),
    bodyBytes: random.pick([0, 30]),
  };
}
