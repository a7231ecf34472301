import type { AppendTasks } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept, reject } from "../decision.js";
import type { State } from "../state/state.js";
import { refuseBeyondNumbers } from "./numbers.js";
import { findJob, notUploading } from "./shared.js";

/**
 * Tasks that continue an upload. What lies wholly below the next index was appended before and
 * changes nothing; anything but the next index is a gap.
 */
export function decideAppendTasks(
  state: State,
  command: AppendTasks,
  context: Context,
): DecisionOn<AppendTasks> {
  const job = findJob(state, command.namespace, command.jobId);
  if (job === undefined) return reject("job_not_found", `no job ${command.jobId}`);
  const position = job.spec.stages.findIndex(({ name }) => name === command.stage);
  if (position === -1) {
    return reject("stage_not_found", `job ${job.id} has no stage ${command.stage}`);
  }
  const stage = state.stage(job.firstStage + position);
  const { firstIndex, tasks } = command;
  const nextIndex = stage.taskCount;
  // A repetition is answered as before, also once the job is sealed: the first answer was lost.
  if (firstIndex + tasks.length <= nextIndex) return accept({ nextIndex });
  if (job.state !== "uploading") {
    return job.state === "running"
      ? reject("upload_sealed", `job ${job.id} is sealed`)
      : notUploading(job);
  }
  if (firstIndex !== nextIndex) {
    return reject(
      "upload_gap",
      `stage ${command.stage} of ${job.id} goes on at index ${nextIndex}, not ${firstIndex}`,
      { next_index: String(nextIndex) },
    );
  }
  const refusal = refuseBeyondNumbers(state, 0, 0, tasks.length);
  if (refusal !== undefined) return refusal;
  return accept(
    { nextIndex: nextIndex + tasks.length },
    [
      {
        type: "tasks_added",
        version: 1,
        job: job.no,
        stage: stage.no,
        firstTask: state.tasks.count,
        firstIndex,
        firstBlob: context.firstBlob,
        tasks,
      },
    ],
    { keepsBlobs: true },
  );
}
