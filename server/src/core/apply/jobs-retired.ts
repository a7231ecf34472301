import type { EventOf } from "../events.js";
import type { JobNo } from "../ids.js";
import { forgetJob, forgetTasks, taskCountOf } from "../state/retirement.js";
import type { State } from "../state/state.js";

/**
 * Journals of before `leaving` name their large jobs among the others, and the steps in which the tasks of those
 * leave follow all the same. Part of the format: it stays, whatever one event covers later.
 */
const tasksAtOnceMax = 4_096;

/** Jobs that have ended leave, with their tasks or before them. */
export function applyJobsRetired(state: State, event: EventOf<"jobs_retired">): void {
  for (const no of event.jobs) {
    retire(state, no);
    if (taskCountOf(state, state.job(no)) > tasksAtOnceMax) {
      state.toLeave.add(no);
      continue;
    }
    const { firstStage, stageCount } = state.job(no);
    for (let stage = firstStage; stage < firstStage + stageCount; stage++) {
      forgetTasks(state, stage, 0, state.stage(stage).taskCount);
    }
    forgetJob(state, no);
  }
  for (const no of event.leaving) {
    retire(state, no);
    state.toLeave.add(no);
  }
}

function retire(state: State, no: JobNo): void {
  state.jobById.remove(state.job(no).id, no);
  state.jobs.retire(no);
}
