import { eventTasksMax } from "../context.js";
import type { EventOf } from "../events.js";
import { forgetJob, forgetTasks, taskCountOf } from "../state/retirement.js";
import type { State } from "../state/state.js";

/** Jobs that have ended leave. */
export function applyJobsRetired(state: State, event: EventOf<"jobs_retired">): void {
  for (const no of event.jobs) {
    const job = state.job(no);
    state.jobById.remove(job.id, no);
    state.jobs.retire(no);
    if (taskCountOf(state, job) > eventTasksMax) {
      state.toLeave.add(no);
      continue;
    }
    for (let i = 0; i < job.stageCount; i++) {
      const stage = job.firstStage + i;
      forgetTasks(state, stage, 0, state.stage(stage).taskCount);
    }
    forgetJob(state, no);
  }
}
