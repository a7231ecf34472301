import type { CommandOf } from "../commands.js";
import { eventTasksMax } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { JobNo } from "../ids.js";
import type { Job } from "../state/jobs.js";
import { firstCursor, mayRetire, nextCursor, taskCountOf } from "../state/retirement.js";
import type { State } from "../state/state.js";

/**
 * Jobs that have ended leave, the largest of them step by step. Those that a worker has come back to since they
 * were due stay, and are looked at again.
 */
export function decideRetireJobs(
  state: State,
  { jobs: due }: CommandOf<"retire_jobs">,
): DecisionOn<CommandOf<"retire_jobs">> {
  const jobs: JobNo[] = [];
  const leaving: JobNo[] = [];
  const held: JobNo[] = [];
  for (const no of due) {
    if (!state.jobs.has(no)) continue;
    const job = state.job(no);
    if (!mayRetire(state, job)) held.push(no);
    else if (taskCountOf(state, job) > eventTasksMax) leaving.push(no);
    else jobs.push(no);
  }
  return accept(
    undefined,
    jobs.length + leaving.length === 0
      ? undefined
      : [{ type: "jobs_retired", version: 1, jobs, leaving }],
    held.length === 0 ? undefined : { annotations: [{ kind: "note_held_back", jobs: held }] },
  );
}

/** One step of a job with many tasks that leaves. */
export function decideRetireTasks(
  state: State,
  command: CommandOf<"retire_tasks">,
): DecisionOn<CommandOf<"retire_tasks">> {
  // Steps are asked for again before the last is known to be taken.
  if (!state.toLeave.has(command.job)) return accept(undefined);
  const job: Job = state.job(command.job);
  const cursor = state.jobs.leaving.get(job.no) ?? firstCursor(state, job);
  if (cursor === undefined) return accept(undefined);
  const { taskCount } = state.stage(cursor.stage);
  const toIndex = Math.min(taskCount, cursor.index + eventTasksMax);
  const next = nextCursor(state, job, { stage: cursor.stage, index: toIndex });
  const { stage, index: fromIndex } = cursor;
  return accept(undefined, [
    { type: "tasks_retired", version: 1, job: job.no, stage, fromIndex, toIndex, next },
  ]);
}

/** Keys whose time is over. */
export function decideForgetKeys(
  state: State,
  { jobs: due }: CommandOf<"forget_keys">,
): DecisionOn<CommandOf<"forget_keys">> {
  const jobs = due.filter((no) => state.jobs.isKept(no) && !state.jobs.has(no));
  if (jobs.length === 0) return accept(undefined);
  return accept(undefined, [{ type: "keys_forgotten", version: 1, jobs }]);
}
