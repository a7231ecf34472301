import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";
import { beginSweep } from "./job-cancel-started.js";

/** Effective at once: nothing of the job starts or retries. A sweep ends what is not leased. */
export function applyJobFailing(state: State, event: EventOf<"job_failing">): void {
  const job = state.job(event.job);
  job.state = "failing";
  beginSweep(state, job, "unleased");
}
