import type { CompleteLease } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept, reject } from "../decision.js";
import type { CoreEvent, TaskSucceeded } from "../events.js";
import type { TaskNo } from "../ids.js";
import type { Stage } from "../state/stages.js";
import { taskAt } from "../state/stages.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";
import { answerLate, endOf, promotedAfter, standing } from "./shared.js";

const succeededOutcome = { kind: "succeeded" } as const;
const keepsBlobs = { keepsBlobs: true } as const;

/**
 * A worker brings a result. Only the holder of the live lease is heard; a worker that stalled
 * past its lease must not undo the delivery that replaced its own.
 */
export function decideCompleteLease(
  state: State,
  command: CompleteLease,
  context: Context,
): DecisionOn<CompleteLease> {
  const found = standing(state, command.token);
  if (found.kind !== "live" || isForeign(command.worker, found.lease.worker)) {
    return answerLate(state, command.token, context);
  }
  const { lease } = found;
  const stage = state.stageOf(lease.task);
  const partitions = stage.spec.partitions;
  const beyond = command.outputs.find(({ partition }) => partition >= partitions);
  if (beyond !== undefined) {
    return reject(
      "result_invalid",
      `partition ${beyond.partition} of an output: the stage has ${partitions}`,
      { partition: String(beyond.partition), partitions: String(partitions) },
    );
  }
  if (state.job(lease.job).state === "cancelling") {
    const end = endOf(state, lease, "none", false);
    return accept({ kind: "cancelled" }, [{ type: "delivery_cancelled", version: 1, ...end }]);
  }
  // Field by field, as in `endOf`: this is the event of which there are the most.
  const succeeded: TaskSucceeded = {
    type: "task_succeeded",
    version: 1,
    lease: lease.no,
    task: lease.task,
    worker: lease.worker,
    run: lease.run,
    generation: lease.generation,
    delivery: lease.delivery,
    attempt: lease.attempt,
    charge: "none",
    stopping: false,
    promoted: promotedAfter(state, lease),
    firstBlob: command.outputs.length > 0 ? context.firstBlob : 0,
    outputs: command.outputs,
    recordCount: command.recordCount,
  };
  const events: CoreEvent[] = [succeeded];
  const unblocked = unblockedBy(state, stage, lease.task);
  if (unblocked.length > 0) events.push({ type: "tasks_unblocked", version: 1, tasks: unblocked });
  return accept(succeededOutcome, events, command.outputs.length > 0 ? keepsBlobs : undefined);
}

/** Does a worker speak of a lease that another one holds? */
export function isForeign(speaker: number | undefined, holder: number): boolean {
  return speaker !== undefined && speaker !== holder;
}

const noTasks: readonly TaskNo[] = [];

/** Tasks of EACH stages that waited for this one last. */
function unblockedBy(state: State, stage: Stage, task: TaskNo): readonly TaskNo[] {
  const job = state.job(stage.job);
  if (job.stageCount === 1) return noTasks;
  const index = state.tasks.index.get(task);
  const unblocked: TaskNo[] = [];
  for (let i = 0; i < job.stageCount; i++) {
    const downstream = state.stage(job.firstStage + i);
    const each = downstream.spec.dependsOn.filter(({ kind }) => kind === "each");
    if (!each.some((dependency) => dependency.stage === stage.spec.name)) continue;
    const waiting = taskAt(downstream, index);
    if (waiting === undefined || state.tasks.state.get(waiting) !== TaskState.blocked) continue;
    const others = each.filter((dependency) => dependency.stage !== stage.spec.name);
    if (others.every((dependency) => hasSucceeded(state, job.no, dependency.stage, index))) {
      unblocked.push(waiting);
    }
  }
  return unblocked;
}

function hasSucceeded(state: State, jobNo: number, stageName: string, index: number): boolean {
  const job = state.job(jobNo);
  const position = job.spec.stages.findIndex(({ name }) => name === stageName);
  const task = taskAt(state.stage(job.firstStage + position), index);
  return task !== undefined && state.tasks.state.get(task) === TaskState.succeeded;
}
