import { DependencyKind, LabelOperator } from "@capstan/proto/capstan/v1/common.js";
import { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import { drawPlan, payloadOf } from "../fleet/task-plan.js";
import { namespaces, taskTypes } from "../fleet/worker-traits.js";
import type { Random } from "../random.js";

/** A job as a client means it, and as it is asked for. Its name tells its content. */
export interface JobSketch {
  readonly name: string;
  readonly namespace: string;
  /** Empty: it has none, and cannot be asked for twice. */
  readonly key: string;
  readonly spec: JobSpec;
  /** The payloads of its tasks, by stage. */
  readonly payloads: ReadonlyMap<string, readonly string[]>;
}

type Shape = "small" | "wide" | "all" | "each" | "partition" | "diamond";

const shapes: Readonly<Record<Shape, number>> = {
  small: 60,
  wide: 12,
  all: 8,
  each: 8,
  partition: 8,
  diamond: 4,
};

interface StageSketch {
  readonly name: string;
  readonly tasks: number;
  readonly partitions: number;
  readonly dependsOn: readonly { readonly stage: string; readonly kind: DependencyKind }[];
}

const { DEPENDENCY_KIND_ALL: all, DEPENDENCY_KIND_EACH: each } = DependencyKind;
const { DEPENDENCY_KIND_PARTITION: partition } = DependencyKind;

function stagesOf(random: Random, shape: Shape): StageSketch[] {
  const first = (tasks: number, partitions = 1): StageSketch => {
    return { name: "first", tasks, partitions, dependsOn: [] };
  };
  const after = (
    name: string,
    tasks: number,
    ...dependsOn: { readonly stage: string; readonly kind: DependencyKind }[]
  ): StageSketch => ({ name, tasks, partitions: 1, dependsOn });
  const few = random.integer(1, 5);
  switch (shape) {
    case "small":
      return [first(random.integer(1, 4), random.integer(1, 3))];
    case "wide":
      return [first(random.integer(10, 40), random.integer(1, 3))];
    case "all":
      return [first(few), after("second", random.integer(1, 3), { stage: "first", kind: all })];
    case "each":
      return [first(few), after("second", few, { stage: "first", kind: each })];
    case "partition":
      return [first(few, 3), after("second", 3, { stage: "first", kind: partition })];
    case "diamond":
      return [
        first(few),
        after("left", few, { stage: "first", kind: each }),
        after("right", 2, { stage: "first", kind: all }),
        after("last", few, { stage: "left", kind: each }, { stage: "right", kind: all }),
      ];
  }
}

/**
 * @param haste as in {@link drawPlan}
 * @param fitsBulk small enough to go with many others in one message
 */
export function drawSketch(
  random: Random,
  name: string,
  haste: number,
  fitsBulk = false,
): JobSketch {
  const shape = fitsBulk ? "small" : random.weighted(shapes);
  const payloads = new Map<string, readonly string[]>();
  const stages = stagesOf(random, shape).map((stage) => {
    const bodies = Array.from({ length: stage.tasks }, (_, index) =>
      payloadOf(name, stage.name, index, drawPlan(random, haste)),
    );
    payloads.set(stage.name, bodies);
    return {
      name: stage.name,
      taskType: random.pick(taskTypes),
      partitions: stage.partitions,
      dependsOn: stage.dependsOn.map((one) => ({ ...one })),
      demand: demandOf(random),
      constraints: random.chance(0.06) ? inZone : undefined,
      tasks: bodies.map((body) => taskOf(random, body)),
    };
  });
  const spec = JobSpec.fromPartial({
    name,
    stages,
    policy: {
      retry: {
        maxAttempts: random.pick([1, 2, 3, 3, 5]),
        backoffBaseMs: random.pick([0, 100, 2_000]),
        backoffCapMs: random.pick([2_000, 20_000]),
        nonRetryableTypes: ["Fatal"],
      },
      attemptTimeoutMs: hangs(payloads) ? random.integer(500, 5_000) : undefined,
      budgets: { lost: random.pick([1, 3, 10]), oom: random.pick([0, 1, 3]), deliveries: 40 },
    },
    onTaskFailure: { policy: policyOf(random) },
    uploadTtlMs: random.pick([10_000, 60_000]),
  });
  const hasKey = fitsBulk || random.chance(0.9);
  return {
    name,
    namespace: random.pick(namespaces),
    key: hasKey ? `key-${name}` : "",
    spec,
    payloads,
  };
}

const inZone = {
  required: [{ key: "zone", operator: LabelOperator.LABEL_OPERATOR_IN, values: ["a"] }],
};

/** Only a job with a time-out may have tasks that never end by themselves. */
function hangs(payloads: ReadonlyMap<string, readonly string[]>): boolean {
  return [...payloads.values()].some((bodies) => bodies.some((body) => body.includes("|hang|")));
}

function demandOf(random: Random) {
  if (random.chance(0.6)) return [];
  const demand = [{ name: "slots", milli: BigInt(random.pick([500, 1_000, 2_000])) }];
  if (random.chance(0.2)) demand.push({ name: "gpu", milli: BigInt(random.pick([250, 1_000])) });
  return demand;
}

function taskOf(random: Random, body: string) {
  const hosts = random.chance(0.2) ? [`host-${random.below(4)}`] : [];
  return {
    payload: Buffer.from(body),
    inputs: hosts.length > 0 ? [{ uri: "file://part", sizeBytes: 1_000n, hosts }] : [],
    delayMs: random.chance(0.04) ? random.integer(1, 30_000) : undefined,
  };
}

function policyOf(random: Random) {
  switch (random.below(4)) {
    case 0:
      return { $case: "failFast" as const, value: {} };
    case 1:
      return { $case: "continueJob" as const, value: {} };
    case 2:
      return {
        $case: "tolerate" as const,
        value: { limit: { $case: "count" as const, value: random.integer(1, 3) } },
      };
    default:
      return {
        $case: "tolerate" as const,
        value: { limit: { $case: "share" as const, value: 0.5 } },
      };
  }
}
