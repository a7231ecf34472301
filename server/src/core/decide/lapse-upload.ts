import type { CommandOf } from "../commands.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { State } from "../state/state.js";

/** An upload that nobody sealed in time is called off: its tasks must not stay for ever. */
export function decideLapseUpload(
  state: State,
  command: CommandOf<"lapse_upload">,
): DecisionOn<CommandOf<"lapse_upload">> {
  if (!state.jobs.has(command.job)) return accept(undefined);
  const job = state.job(command.job);
  if (job.state !== "uploading") return accept(undefined);
  return accept(undefined, [
    {
      type: "job_cancel_started",
      version: 1,
      job: job.no,
      run: job.run,
      cause: "upload_lapsed",
      note: `not sealed within ${job.spec.uploadTtlMs} ms`,
    },
  ]);
}
