import type { CancelJob } from "../commands.js";
import type { DecisionOn } from "../decision.js";
import { accept, reject } from "../decision.js";
import { isFinished } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { findJob } from "./shared.js";

/** A person or a program calls a job off. Twice is as good as once. */
export function decideCancelJob(state: State, command: CancelJob): DecisionOn<CancelJob> {
  const job = findJob(state, command.namespace, command.jobId);
  if (job === undefined) return reject("job_not_found", `no job ${command.jobId}`);
  if (isFinished(job.state) || job.state === "cancelling") return accept({ state: job.state });
  return accept({ state: "cancelling" }, [
    {
      type: "job_cancel_started",
      version: 1,
      job: job.no,
      run: job.run,
      cause: "request",
      note: command.note,
    },
  ]);
}
