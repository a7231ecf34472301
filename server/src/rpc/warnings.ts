import type { Warning } from "@capstan/proto/capstan/v1/job.js";
import { WarningKind } from "@capstan/proto/capstan/v1/job.js";
import type { Obstacle, State, SubmitJob, TaskKind } from "../core/index.js";
import { queries } from "../core/index.js";
import { limits } from "./limits.js";

/** A kind of tasks and the stage in which they are. */
export interface KindInStage {
  readonly stage: string;
  readonly kind: TaskKind;
}

/** What the submitter would want to know: kinds of tasks that no known worker could ever run. */
export function warningsOf(
  state: State,
  namespace: string,
  kinds: readonly KindInStage[],
): Warning[] {
  const warnings: Warning[] = [];
  for (const { stage, kind } of kinds) {
    if (warnings.length >= limits.warnings) break;
    const obstacle = queries.obstacleTo(state, namespace, kind);
    if (obstacle !== "none") warnings.push(warning(stage, kind, obstacle));
  }
  return warnings;
}

/** The kinds of tasks that a submit brings, and those that its stages announce. */
export function kindsOf(command: SubmitJob): readonly KindInStage[] {
  const { stages } = command.spec;
  const kinds = stages.flatMap(({ name, task }) =>
    task.type === "" ? [] : [{ stage: name, kind: task }],
  );
  for (const { stage: position, tasks } of command.tasks) {
    const stage = stages[position]?.name ?? "";
    const own = new Set<TaskKind>();
    for (const { kind } of tasks) if (kind !== undefined) own.add(kind);
    for (const kind of own) {
      if (kinds.length >= 2 * limits.warnings) return kinds;
      kinds.push({ stage, kind });
    }
  }
  return kinds;
}

function warning(stage: string, kind: TaskKind, obstacle: Exclude<Obstacle, "none">): Warning {
  if (obstacle === "no_worker_of_type") {
    return {
      kind: WarningKind.WARNING_KIND_NO_WORKER_OF_TYPE,
      stage,
      message: `no known worker serves the type ${kind.type}`,
    };
  }
  const demand = kind.demand.map(({ name, milli }) => `${name} ${milli / 1_000}`).join(", ");
  return {
    kind: WarningKind.WARNING_KIND_INFEASIBLE,
    stage,
    message: `no known worker could ever give a task of type ${kind.type} what it needs (${demand})`,
  };
}
