import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";

/** The upload is whole: from here on stages may open. */
export function applyJobSealed(state: State, event: EventOf<"job_sealed">): void {
  const job = state.job(event.job);
  job.state = "running";
  job.revision += 1;
  state.toAdvance.add(job.no);
}
