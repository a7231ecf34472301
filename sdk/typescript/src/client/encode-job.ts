import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  type LabelOperator,
  type Constraints as WireConstraints,
  type LabelRequirement as WireRequirement,
} from "@capstan/proto/capstan/v1/common.js";
import { JobSpec, StageSpec, TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import {
  LocalityMode,
  PlacementStrategy,
  RecordFailurePolicy,
  type OnTaskFailure as WireOnTaskFailure,
  type PlacementPolicy as WirePlacement,
  type TaskPolicy as WirePolicy,
} from "@capstan/proto/capstan/v1/policy.js";
import { encodeValue, type Codec } from "../codec.js";
import type {
  Constraints,
  JobDefinition,
  LabelRequirement,
  OnTaskFailure,
  PlacementPolicy,
  StageDefinition,
  TaskDefinition,
  TaskInput,
  TaskPolicy,
} from "../job-definition.js";
import { dependencyKinds, valueOf } from "./names.js";
import { milliOf } from "./units.js";

/** Empty between any two calls: a writer of its own for each message would zero a buffer each time. */
const writer = new BinaryWriter();

function encoded<T>(
  type: { encode(message: T, writer: BinaryWriter): BinaryWriter },
  message: T,
): Uint8Array {
  try {
    return type.encode(message, writer).finish();
  } catch (error) {
    writer.finish();
    throw error;
  }
}

/**
 * The spec of a job without its name and its stages: they follow, written apart.
 * @returns undefined when it says nothing else, as small jobs do
 */
export function encodeJobHead(job: JobDefinition): Uint8Array | undefined {
  if (saysOnly(job, jobNames)) return undefined;
  return encoded(JobSpec, {
    name: "",
    stages: [],
    policy: job.policy && policyOf(job.policy),
    typePolicies: Object.fromEntries(
      Object.entries(job.typePolicies ?? {}).map(([type, policy]) => [type, policyOf(policy)]),
    ),
    onTaskFailure: job.onTaskFailure === undefined ? undefined : onTaskFailureOf(job.onTaskFailure),
    labels: { ...job.labels },
    priority: job.priority ?? 0,
    deadlineMs: job.deadlineMs,
    uploadTtlMs: job.uploadTtlMs,
    retentionMs: job.retentionMs === undefined ? undefined : BigInt(job.retentionMs),
    placement: job.placement && placementOf(job.placement),
    open: undefined,
  });
}

/**
 * The spec of a stage without its name, type and tasks: they follow, written apart.
 * @returns undefined when it says nothing else
 */
export function encodeStageHead(stage: StageDefinition): Uint8Array | undefined {
  if (saysOnly(stage, stageNames)) return undefined;
  return encoded(StageSpec, {
    name: "",
    taskType: "",
    dependsOn: (stage.dependsOn ?? []).map((dependency) => ({
      stage: dependency.stage,
      kind: Math.max(1, dependencyKinds.lastIndexOf(dependency.kind ?? "all")),
    })),
    partitions: stage.partitions,
    demand: milliOf(stage.demand ?? {}),
    constraints: stage.constraints && constraintsOf(stage.constraints),
    tasks: [],
  });
}

/** What is written apart. */
const jobNames: readonly string[] = ["name", "stages"];
const stageNames: readonly string[] = ["name", "taskType", "tasks"];

function saysOnly(definition: object, names: readonly string[]): boolean {
  for (const name in definition) if (!names.includes(name)) return false;
  return true;
}

/**
 * The bytes of a task.
 * @throws InvalidPayloadError when the codec does not take its payload; RangeError for an amount that is none
 */
export function encodeTask(task: TaskDefinition, codec: Codec): Uint8Array {
  return encoded(TaskSpec, {
    payload: encodeValue(codec, task.payload) as Buffer,
    inputs: task.inputs === undefined ? [] : task.inputs.map(inputOf),
    recordCount: task.recordCount,
    taskType: task.taskType ?? "",
    demand: task.demand === undefined ? [] : milliOf(task.demand),
    constraints: task.constraints && constraintsOf(task.constraints),
    attemptTimeoutMs: task.attemptTimeoutMs,
    deadlineMs: task.deadlineMs,
    delayMs: task.delayMs,
    priority: task.priority,
  });
}

/** Whether a task is a payload and nothing else, as most are where there are many. */
export function isPlain(task: TaskDefinition): boolean {
  // A program in JavaScript may have given the payload itself: that is no task.
  if (typeof (task as unknown) !== "object" || (task as unknown) === null) return false;
  for (const name in task) if (name !== "payload") return false;
  return true;
}

function inputOf(input: TaskInput): {
  uri: string;
  offsetBytes: bigint;
  sizeBytes: bigint;
  hosts: string[];
} {
  return {
    uri: input.uri,
    offsetBytes: BigInt(input.offsetBytes ?? 0),
    sizeBytes: BigInt(input.sizeBytes ?? 0),
    hosts: input.hosts === undefined ? [] : [...input.hosts],
  };
}

function policyOf(policy: TaskPolicy): WirePolicy {
  const { retry, budgets } = policy;
  return {
    retry: retry && {
      maxAttempts: retry.maxAttempts,
      backoffBaseMs: retry.backoffBaseMs,
      backoffFactor: retry.backoffFactor,
      backoffCapMs: retry.backoffCapMs,
      nonRetryableTypes: [...(retry.nonRetryableTypes ?? [])],
      classes: (retry.classes ?? []).map((one) => ({
        type: one.type,
        maxAttempts: one.maxAttempts,
        backoffBaseMs: one.backoffBaseMs,
        backoffFactor: one.backoffFactor,
        backoffCapMs: one.backoffCapMs,
      })),
    },
    attemptTimeoutMs: policy.attemptTimeoutMs,
    deadlineMs: policy.deadlineMs,
    queueTtlMs: policy.queueTtlMs,
    budgets: budgets && {
      lost: budgets.lost,
      oom: budgets.oom,
      deliveries: budgets.deliveries,
      breaker: budgets.breaker,
    },
    recordFailures: recordFailuresOf(policy.recordFailures),
    speculate: policy.speculate,
  };
}

function recordFailuresOf(choice: TaskPolicy["recordFailures"]): RecordFailurePolicy {
  switch (choice) {
    case undefined:
      return RecordFailurePolicy.RECORD_FAILURE_POLICY_UNSPECIFIED;
    case "retry":
      return RecordFailurePolicy.RECORD_FAILURE_POLICY_RETRY;
    case "dead_letter":
      return RecordFailurePolicy.RECORD_FAILURE_POLICY_DEAD_LETTER;
  }
}

function onTaskFailureOf(choice: OnTaskFailure): WireOnTaskFailure {
  if (choice === "fail_fast") return { policy: { $case: "failFast", value: {} } };
  if (choice === "continue") return { policy: { $case: "continueJob", value: {} } };
  const limit =
    "tolerateCount" in choice
      ? ({ $case: "count", value: choice.tolerateCount } as const)
      : ({ $case: "share", value: choice.tolerateShare } as const);
  return { policy: { $case: "tolerate", value: { limit } } };
}

function placementOf(placement: PlacementPolicy): WirePlacement {
  return {
    locality: placement.locality === undefined ? 0 : localities[placement.locality],
    hostPatienceMs: placement.hostPatienceMs,
    rackPatienceMs: placement.rackPatienceMs,
    strategy: placement.strategy === undefined ? 0 : strategies[placement.strategy],
  };
}

const localities = {
  prefer: LocalityMode.LOCALITY_MODE_PREFER,
  ignore: LocalityMode.LOCALITY_MODE_IGNORE,
} as const;

const strategies = {
  balance: PlacementStrategy.PLACEMENT_STRATEGY_BALANCE,
  spread: PlacementStrategy.PLACEMENT_STRATEGY_SPREAD,
  pack: PlacementStrategy.PLACEMENT_STRATEGY_PACK,
} as const;

const operators = ["unspecified", "in", "not_in", "exists", "not_exists"] as const;

function requirementOf(requirement: LabelRequirement): WireRequirement {
  return {
    key: requirement.key,
    operator: valueOf(operators, requirement.operator ?? "in") as LabelOperator,
    values: [...(requirement.values ?? [])],
  };
}

function constraintsOf({ required = [], preferred = [] }: Constraints): WireConstraints {
  return {
    required: required.map(requirementOf),
    preferred: preferred.map((one) => ({ condition: requirementOf(one), weight: one.weight })),
  };
}
