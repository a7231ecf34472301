import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";

/** The job has come to its end. */
export function applyJobFinished(state: State, event: EventOf<"job_finished">, stamp: Stamp): void {
  const job = state.job(event.job);
  job.state = event.state;
  job.finishedWall = stamp.wall;
  job.revision += 1;
  state.toAdvance.delete(job.no);
}
