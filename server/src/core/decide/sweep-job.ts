import type { CommandOf } from "../commands.js";
import { isSwept } from "../apply/tasks-cancelled.js";
import { eventTasksMax } from "../context.js";
import type { DecisionOn, Notice } from "../decision.js";
import { accept } from "../decision.js";
import type { Job, Sweep } from "../state/jobs.js";
import type { Stage } from "../state/stages.js";
import { taskAt } from "../state/stages.js";
import { tokenOf } from "../state/leases.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** One step of a sweep: at most as many tasks as one event covers. */
export function decideSweepJob(
  state: State,
  command: CommandOf<"sweep_job">,
): DecisionOn<CommandOf<"sweep_job">> {
  const job = state.job(command.job);
  const { sweep } = job;
  if (sweep === undefined) return accept(undefined);
  const stage = state.stage(sweep.stage);
  const toIndex = Math.min(stage.taskCount, sweep.index + eventTasksMax);
  const notices = noticesOf(state, stage, { ...sweep, toIndex });
  const next = nextOf(state, job, sweep, toIndex);
  return accept(
    undefined,
    [
      {
        type: "tasks_cancelled",
        version: 1,
        job: job.no,
        stage: stage.no,
        fromIndex: sweep.index,
        toIndex,
        scope: sweep.scope,
        next,
      },
    ],
    { notices },
  );
}

function nextOf(state: State, job: Job, sweep: Sweep, toIndex: number) {
  if (toIndex < state.stage(sweep.stage).taskCount) return { stage: sweep.stage, index: toIndex };
  if (sweep.scope === "blocked") return undefined;
  const end = job.firstStage + job.stageCount;
  for (let stage = sweep.stage + 1; stage < end; stage++) {
    if (state.stage(stage).taskCount > 0) return { stage, index: 0 };
  }
  return undefined;
}

/** Workers are told to stop what is cancelled, or to give back what they have not started. */
function noticesOf(state: State, stage: Stage, sweep: Sweep & { toIndex: number }): Notice[] {
  const notices: Notice[] = [];
  if (stage.countIn(TaskState.leased) === 0) return notices;
  for (let index = sweep.index; index < sweep.toIndex; index++) {
    const task = taskAt(stage, index);
    if (task === undefined || state.tasks.state.get(task) !== TaskState.leased) continue;
    const lease = state.leases.get(state.tasks.lease.get(task));
    if (lease === undefined) continue;
    const to = { worker: lease.worker, token: tokenOf(lease) };
    if (isSwept(state, task, sweep.scope)) notices.push({ kind: "cancel", ...to, reason: "job" });
    else if (sweep.scope === "unleased" && lease.startedAt < 0)
      notices.push({ kind: "recall", ...to, reason: "job_failing" });
  }
  return notices;
}
