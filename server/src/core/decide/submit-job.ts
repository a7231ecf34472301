import type { SubmitJob } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn, JobReply } from "../decision.js";
import { accept, reject } from "../decision.js";
import type { JobSubmitted } from "../events.js";
import { makeId } from "../ids.js";
import type { Job } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { refuseBeyondNumbers } from "./numbers.js";

/**
 * A client submits a job: new, or by its key the one that it made before. The same key with
 * other content is refused, so that a mistake cannot pass for a repetition.
 */
export function decideSubmitJob(
  state: State,
  command: SubmitJob,
  context: Context,
): DecisionOn<SubmitJob> {
  const { spec, idempotencyKey } = command;
  const known = idempotencyKey === "" ? undefined : state.jobOfKey(spec.namespace, idempotencyKey);
  if (known !== undefined) {
    const job = state.job(known);
    if (job.fingerprint === command.fingerprint) return accept(knownReply(state, job));
    return reject(
      "idempotency_conflict",
      `key ${idempotencyKey} was used for another request, which made ${job.id}`,
      { job_id: job.id },
    );
  }
  const refusal = refuseBeyondNumbers(state, 1, spec.stages.length, countOf(command));
  if (refusal !== undefined) return refusal;
  // 80 bits of draw, and another millisecond for most: they do not collide.
  const id = makeId("job_", context.wall, context.draw);
  return accept(freshReply(command, id), [submitted(state, command, id, context)], keepsBlobs);
}

function countOf({ tasks }: SubmitJob): number {
  let count = 0;
  for (const stage of tasks) count += stage.tasks.length;
  return count;
}

const keepsBlobs = { keepsBlobs: true } as const;

function submitted(state: State, command: SubmitJob, id: string, context: Context): JobSubmitted {
  const { spec, tasks } = command;
  return {
    type: "job_submitted",
    version: 1,
    job: state.jobs.count,
    id,
    idempotencyKey: command.idempotencyKey,
    fingerprint: command.fingerprint,
    uploading: command.moreToUpload,
    spec,
    opened: command.moreToUpload ? noStages : rootsOf(spec),
    firstTask: tasks.length === 0 ? 0 : state.tasks.count,
    firstBlob: tasks.length === 0 ? 0 : context.firstBlob,
    tasks,
  };
}

const noStages: readonly number[] = [];
const onlyStage: readonly number[] = [0];

/** Places of the stages that wait for no other. */
function rootsOf({ stages }: SubmitJob["spec"]): readonly number[] {
  if (stages.length === 1) return onlyStage;
  return stages.flatMap(({ dependsOn }, position) => (dependsOn.length === 0 ? [position] : []));
}

function freshReply(command: SubmitJob, jobId: string): JobReply {
  if (!command.moreToUpload) {
    return { jobId, created: true, state: "running", nextIndexes: noIndexes };
  }
  return {
    jobId,
    created: true,
    state: "uploading",
    nextIndexes: command.spec.stages.map(({ name }, position) => ({
      stage: name,
      nextIndex: command.tasks.find(({ stage }) => stage === position)?.tasks.length ?? 0,
    })),
  };
}

const noIndexes: JobReply["nextIndexes"] = [];

function knownReply(state: State, job: Job): JobReply {
  return {
    jobId: job.id,
    created: false,
    state: job.state,
    nextIndexes: job.spec.stages.map(({ name }, position) => ({
      stage: name,
      nextIndex: state.stage(job.firstStage + position).taskCount,
    })),
  };
}
