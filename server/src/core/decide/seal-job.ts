import type { SealJob } from "../commands.js";
import type { DecisionOn, Rejected } from "../decision.js";
import { accept, reject } from "../decision.js";
import { checkCounts } from "../graph.js";
import type { Job } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { findJob, notUploading } from "./shared.js";

/** The upload is whole, says the client, and names the counts, so that nothing was lost on the way. */
export function decideSealJob(state: State, command: SealJob): DecisionOn<SealJob> {
  const job = findJob(state, command.namespace, command.jobId);
  if (job === undefined) return reject("job_not_found", `no job ${command.jobId}`);
  const problem = compare(state, job, command);
  if (problem !== undefined) return problem;
  // Sealed before, with the same counts: the first answer was lost on its way.
  if (job.state !== "uploading") {
    return job.cancelCause === undefined ? accept({ state: job.state }) : notUploading(job);
  }
  const counts = job.spec.stages.map((_, i) => state.stage(job.firstStage + i).taskCount);
  const [wrong] = checkCounts(job.spec.stages, counts);
  if (wrong !== undefined) {
    const stage = job.spec.stages[wrong.stage]?.name ?? "";
    return reject("stage_counts_differ", wrong.description, { stage });
  }
  return accept({ state: "running" }, [{ type: "job_sealed", version: 1, job: job.no }]);
}

/** What the client counts and what there is; a stage that it does not name must have none. */
function compare(state: State, job: Job, command: SealJob): Rejected | undefined {
  for (const { stage: name, count } of command.counts) {
    const position = job.spec.stages.findIndex((stage) => stage.name === name);
    if (position === -1) return mismatch(name, 0, `job ${job.id} has no stage ${name}`);
    const has = state.stage(job.firstStage + position).taskCount;
    if (has !== count) return mismatch(name, has, `stage ${name} has ${has} tasks, not ${count}`);
  }
  for (const [position, { name }] of job.spec.stages.entries()) {
    const has = state.stage(job.firstStage + position).taskCount;
    if (has > 0 && !command.counts.some((counted) => counted.stage === name)) {
      return mismatch(name, has, `stage ${name} has ${has} tasks, and the seal does not name it`);
    }
  }
  return undefined;
}

function mismatch(stage: string, nextIndex: number, message: string): Rejected {
  return reject("upload_count_mismatch", message, { stage, next_index: String(nextIndex) });
}
