import type { CommandOf } from "../commands.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { CoreEvent } from "../events.js";
import type { OnTaskFailure } from "../spec.js";
import type { Job } from "../state/jobs.js";
import type { Stage } from "../state/stages.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";
import { locatedTasks } from "./locate.js";

/**
 * What follows for a job from what its tasks have come to: a stage opens, the job fails, ends.
 * Asked again after each of its own events until nothing follows.
 */
export function decideAdvanceJob(
  state: State,
  command: CommandOf<"advance_job">,
): DecisionOn<CommandOf<"advance_job">> {
  const job = state.job(command.job);
  // A sweep under way comes first: counts are exact only when it has ended.
  if (job.sweep !== undefined) return accept(undefined);
  switch (job.state) {
    case "running":
      return accept(undefined, advance(state, job));
    case "failing":
      return accept(undefined, job.liveLeases === 0 ? [finished(job, "failed")] : []);
    case "cancelling":
      return accept(undefined, [finished(job, "cancelled")]);
    case "uploading":
    case "succeeded":
    case "failed":
    case "cancelled":
      return accept(undefined);
  }
}

function advance(state: State, job: Job): readonly CoreEvent[] {
  if (job.stageCount === 1) return advanceOnly(state, state.stage(job.firstStage), job);
  const stages = stagesOf(state, job);
  const rule = job.spec.onTaskFailure;
  if (stages.some((stage) => hasFailed(stage, rule))) return [failing(job)];
  // One at a time: it may say of thousands of tasks where their data lies.
  const next = stages.find((stage) => canOpen(stage, stages, rule));
  if (next !== undefined) return [openedStage(state, next)];
  const unreachable = stages.find((stage) => canPrune(stage, stages));
  if (unreachable !== undefined) {
    return [{ type: "stage_pruned", version: 1, stage: unreachable.no }];
  }
  if (!stages.every((stage) => !stage.opened || isDone(stage))) return nothing;
  if (stages.every((stage) => isSatisfied(stage, rule))) return [finished(job, "succeeded")];
  // CONTINUE, and all that can run has run: what still waits is called off, then the job fails.
  return [failing(job)];
}

const nothing: readonly CoreEvent[] = [];

/** The same for a job of one stage, as small jobs are: it waits for no other. */
function advanceOnly(state: State, stage: Stage, job: Job): readonly CoreEvent[] {
  const rule = job.spec.onTaskFailure;
  if (hasFailed(stage, rule)) return [failing(job)];
  if (!stage.opened) return [openedStage(state, stage)];
  if (!isDone(stage)) return nothing;
  return [isSatisfied(stage, rule) ? finished(job, "succeeded") : failing(job)];
}

/** More tasks have died than the stage may lose, so that the job is to fail now. */
function hasFailed(stage: Stage, rule: OnTaskFailure): boolean {
  return rule.kind !== "continue" && stage.countIn(TaskState.failed) > bound(rule, stage);
}

function openedStage(state: State, stage: Stage): CoreEvent {
  const located = locatedTasks(state, stage);
  return { type: "stage_opened", version: 1, stage: stage.no, located };
}

function failing(job: Job): CoreEvent {
  return { type: "job_failing", version: 1, job: job.no, run: job.run };
}

function finished(job: Job, state: "succeeded" | "failed" | "cancelled"): CoreEvent {
  return { type: "job_finished", version: 1, job: job.no, run: job.run, state };
}

function stagesOf(state: State, job: Job): readonly Stage[] {
  return state.stages.slice(job.firstStage, job.stageCount);
}

/** How many tasks of the stage may die without the stage failing. */
function bound(rule: OnTaskFailure, stage: Stage): number {
  switch (rule.kind) {
    case "fail_fast":
    case "continue":
      return 0;
    case "tolerate_count":
      return rule.count;
    case "tolerate_share":
      return Math.floor((rule.shareMillionths * stage.taskCount) / 1_000_000);
  }
}

/** Every task has come to its end. */
function isDone(stage: Stage): boolean {
  const ended =
    stage.countIn(TaskState.succeeded) +
    stage.countIn(TaskState.failed) +
    stage.countIn(TaskState.cancelled);
  return stage.opened && ended === stage.taskCount;
}

/** Done, and well enough for what depends on it. Cancelled tasks are those that were pruned. */
function isSatisfied(stage: Stage, rule: OnTaskFailure): boolean {
  if (!isDone(stage) || stage.countIn(TaskState.failed) > bound(rule, stage)) return false;
  return (
    stage.countIn(TaskState.cancelled) === 0 ||
    rule.kind === "tolerate_count" ||
    rule.kind === "tolerate_share"
  );
}

function canOpen(stage: Stage, stages: readonly Stage[], rule: OnTaskFailure): boolean {
  if (stage.opened) return false;
  return stage.spec.dependsOn.every(({ stage: name, kind }) => {
    const upstream = stages.find((other) => other.spec.name === name);
    if (upstream === undefined) return false;
    // Task by task: it opens with its upstream, or it would wait for what can never come.
    return kind === "each" ? upstream.opened : isSatisfied(upstream, rule);
  });
}

/** Some tasks wait for counterparts that have come to their end without success. */
function canPrune(stage: Stage, stages: readonly Stage[]): boolean {
  if (!stage.opened || stage.pruned || stage.countIn(TaskState.blocked) === 0) return false;
  return stage.spec.dependsOn
    .filter(({ kind }) => kind === "each")
    .every(({ stage: name }) => {
      const upstream = stages.find((other) => other.spec.name === name);
      return upstream !== undefined && isDone(upstream);
    });
}
