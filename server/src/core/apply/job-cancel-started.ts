import type { EventOf } from "../events.js";
import type { Job } from "../state/jobs.js";
import type { State } from "../state/state.js";

/** Effective at once: nothing of the job is placed any more. A sweep ends its tasks. */
export function applyJobCancelStarted(state: State, event: EventOf<"job_cancel_started">): void {
  const job = state.job(event.job);
  job.state = "cancelling";
  job.cancelCause = event.cause;
  job.note = event.note;
  beginSweep(state, job, "all");
}

/** Takes the job's bags out of line and puts the sweep at its first task. */
export function beginSweep(state: State, job: Job, scope: "all" | "unleased"): void {
  for (let i = 0; i < job.stageCount; i++) {
    for (const bag of state.stage(job.firstStage + i).bags) state.placement.bag(bag).open = false;
  }
  job.sweep = { scope, stage: job.firstStage, index: 0 };
  job.revision += 1;
  state.toSweep.add(job.no);
}
