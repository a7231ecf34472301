import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";

/** The job has come to its end. */
export function applyJobFinished(state: State, event: EventOf<"job_finished">, stamp: Stamp): void {
  const job = state.job(event.job);
  job.state = event.state;
  job.finishedAt = stamp.now;
  job.finishedWall = stamp.wall;
  for (let i = 0; i < job.stageCount; i++) state.stage(job.firstStage + i).leaveTotals();
  state.jobs.active -= 1;
  state.finished.push(stamp.now, job.no);
  job.revision += 1;
  state.toAdvance.delete(job.no);
}
