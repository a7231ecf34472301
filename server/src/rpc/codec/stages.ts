import type { StageDependency, StageSpec } from "@capstan/proto/capstan/v1/job.js";
import { DependencyKind } from "@capstan/proto/capstan/v1/common.js";
import type { Dependency, StageSpec as CoreStageSpec, TaskKind } from "../../core/index.js";
import { defaults, limits } from "../limits.js";
import type { Checker } from "./checker.js";
import type { JobPolicies } from "./job-policies.js";
import { decodeConstraints, decodeDemand } from "./kinds.js";

const noDependencies: readonly Dependency[] = [];

/** Decodes a stage, but for its tasks. The checker stands at it. */
export function decodeStage(
  checker: Checker,
  message: StageSpec,
  policies: JobPolicies,
): CoreStageSpec {
  const { taskType } = message;
  if (taskType !== "") checker.name(".task_type", taskType);
  const task: TaskKind = {
    type: taskType,
    demand: decodeDemand(checker, ".demand", message.demand),
    constraints: decodeConstraints(checker, ".constraints", message.constraints),
    policy: policies.policyOf(taskType),
  };
  return {
    name: checker.stageName(".name", message.name),
    dependsOn: decodeDependencies(checker, message.dependsOn),
    partitions: checker.optional(
      ".partitions",
      message.partitions,
      1,
      limits.partitions,
      defaults.partitions,
    ),
    task,
  };
}

function decodeDependencies(
  checker: Checker,
  messages: readonly StageDependency[],
): readonly Dependency[] {
  if (messages.length === 0) return noDependencies;
  if (!checker.count(".depends_on", messages.length, limits.dependencies)) return noDependencies;
  return messages.map(({ stage, kind }, i) => ({
    stage: checker.stageName(`.depends_on[${i}].stage`, stage),
    kind: decodeKind(checker, `.depends_on[${i}].kind`, kind),
  }));
}

function decodeKind(checker: Checker, field: string, kind: DependencyKind): Dependency["kind"] {
  switch (kind) {
    case DependencyKind.DEPENDENCY_KIND_UNSPECIFIED:
    case DependencyKind.DEPENDENCY_KIND_ALL:
      return "all";
    case DependencyKind.DEPENDENCY_KIND_PARTITION:
      return "partition";
    case DependencyKind.DEPENDENCY_KIND_EACH:
      return "each";
    default:
      checker.unknownValue(field, kind);
      return "all";
  }
}
