import type { Warning } from "@capstan/proto/capstan/v1/job.js";
import { WarningKind } from "@capstan/proto/capstan/v1/job.js";
import type {
  Constraint,
  GoneWorkers,
  Lack,
  Obstacle,
  State,
  SubmitJob,
  TaskKind,
} from "../core/index.js";
import { queries } from "../core/index.js";
import { limits } from "./limits.js";

/** A kind of tasks and the stage in which they are. */
export interface KindInStage {
  readonly stage: string;
  readonly kind: TaskKind;
}

/**
 * What the submitter would want to know: kinds of tasks that no known worker could ever run. Each trouble is
 * told once, however many stages and kinds of tasks have it.
 *
 * @param now journal time
 */
export function warningsOf(
  state: State,
  namespace: string,
  kinds: readonly KindInStage[],
  now: number,
): Warning[] {
  const warnings = new Map<string, Warning>();
  for (const { stage, kind } of kinds) {
    if (warnings.size >= limits.warnings) break;
    const obstacle = queries.obstacleTo(state, namespace, kind, now);
    if (obstacle.kind === "none") continue;
    const found = warning(stage, kind, obstacle);
    if (!warnings.has(found.message)) warnings.set(found.message, found);
  }
  return [...warnings.values()];
}

/** Tasks of a job that lose one worker after the other, while they still go on. */
export function lossesOf(state: State, namespace: string, jobId: string): Warning[] {
  return queries
    .losingTasks(state, namespace, jobId)
    .slice(0, limits.warnings)
    .map(({ stage, index, type, lostMax }) => ({
      kind: WarningKind.WARNING_KIND_TASK_LOSES_WORKERS,
      stage,
      message:
        `the task ${stage}/${index} has lost its worker more than once: it may be what ends them; ` +
        `it fails once it has lost more than ${lostMax}`,
      taskType: type,
    }));
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

function warning(
  stage: string,
  kind: TaskKind,
  obstacle: Exclude<Obstacle, { readonly kind: "none" }>,
): Warning {
  const isServed = obstacle.kind !== "no_worker";
  return {
    kind: isServed
      ? WarningKind.WARNING_KIND_INFEASIBLE
      : WarningKind.WARNING_KIND_NO_WORKER_OF_TYPE,
    stage,
    message: cut(messageOf(kind, obstacle)),
    taskType: kind.type,
  };
}

function messageOf(kind: TaskKind, obstacle: Exclude<Obstacle, { readonly kind: "none" }>): string {
  switch (obstacle.kind) {
    case "no_worker":
      return noWorker(kind.type, obstacle.gone);
    case "constraints":
      return noLabels(kind, obstacle.missing);
    case "infeasible":
      return tooLittle(kind, obstacle.lacking);
  }
}

function noWorker(type: string, { lost, draining, left, silentMs }: GoneWorkers): string {
  const heard = silentMs === undefined ? "" : `, last heard ${ago(silentMs)}`;
  const parts = [
    lost === 0 ? "" : `${lost} that served it ${isOrAre(lost)} lost${heard}`,
    draining === 0 ? "" : `${draining} that ${serves(draining)} it ${isOrAre(draining)} draining`,
    left === 0 ? "" : `${left} that served it ${left === 1 ? "has" : "have"} left`,
  ].filter((part) => part !== "");
  if (parts.length === 0) return `no known worker serves the type ${type}`;
  return `no worker serves the type ${type} now: ${parts.join("; ")}`;
}

function noLabels({ type, constraints }: TaskKind, missing: readonly Constraint[]): string {
  const wanted = labels(missing.length > 0 ? missing : constraints);
  const them = missing.length === 0 ? "all of them" : missing.length === 1 ? "it" : "them";
  return `a task of type ${type} needs ${wanted}; no known worker that serves it carries ${them}`;
}

function tooLittle({ type, demand, constraints }: TaskKind, lacking: readonly Lack[]): string {
  const one = constraints.length === 0 ? "" : ` and carries ${labels(constraints)}`;
  if (lacking.length === 0) {
    const wanted = some(demand.map(({ name, milli }) => amount(name, milli)));
    return `a task of type ${type} needs ${wanted}; no known worker that serves it${one} has all of that`;
  }
  const wanted = some(lacking.map(({ name, milli }) => amount(name, milli)));
  const most = some(lacking.map(({ name, mostMilli }) => amount(name, mostMilli)));
  return `a task of type ${type} needs ${wanted}; a known worker that serves it${one} has at most ${most}`;
}

function labels(constraints: readonly Constraint[]): string {
  const words = constraints.map(({ label, value }) => `${label}=${value}`);
  return `the label${words.length === 1 ? "" : "s"} ${some(words)}`;
}

/** The first of many, and how many more there are. */
function some(words: readonly string[]): string {
  const most = 4;
  const more = words.length - most;
  return words.slice(0, most).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

const isOrAre = (count: number) => (count === 1 ? "is" : "are");
const serves = (count: number) => (count === 1 ? "serves" : "serve");
const amount = (name: string, milli: number) => `${name} ${milli / 1_000}`;

/** `40 s ago`, `3 min ago`, `2 h ago`, `5 days ago`. */
function ago(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

const messageBytes = 1_024;

/** What the contract allows: labels may be long. */
function cut(message: string): string {
  if (Buffer.byteLength(message) <= messageBytes) return message;
  // A character that is cut in two becomes three bytes, which are taken off before.
  return `${Buffer.from(message)
    .subarray(0, messageBytes - 6)
    .toString("utf8")}…`;
}
