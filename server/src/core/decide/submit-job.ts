import type { SubmitJob } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn, JobReply } from "../decision.js";
import { accept, reject } from "../decision.js";
import type { CoreEvent } from "../events.js";
import { makeId } from "../ids.js";
import type { Job } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { jobOfKey } from "../state/state.js";

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
  const known = idempotencyKey === "" ? undefined : jobOfKey(state, spec.namespace, idempotencyKey);
  if (known !== undefined) {
    const job = state.job(known);
    if (job.fingerprint === command.fingerprint) return accept(replyOf(state, job, false));
    return reject(
      "idempotency_conflict",
      `key ${idempotencyKey} was used for another request, which made ${job.id}`,
      { job_id: job.id },
    );
  }
  let id = makeId("job_", context.wall, context.draw);
  // 80 bits of draw do not collide; if they ever did, one job would answer for two.
  while (state.jobById.has(id)) id = makeId("job_", context.wall, context.draw);
  const events = eventsOf(state, command, id, context);
  return accept(freshReply(command, id), events, { keepsBlobs: true });
}

function eventsOf(state: State, command: SubmitJob, id: string, context: Context): CoreEvent[] {
  const job = state.jobs.length;
  const events: CoreEvent[] = [
    {
      type: "job_submitted",
      version: 1,
      job,
      id,
      idempotencyKey: command.idempotencyKey,
      fingerprint: command.fingerprint,
      uploading: command.moreToUpload,
      spec: command.spec,
    },
  ];
  let firstTask = state.tasks.count;
  let firstBlob = context.firstBlob;
  for (const { stage, tasks } of command.tasks) {
    if (tasks.length === 0) continue;
    events.push({
      type: "tasks_added",
      version: 1,
      job,
      stage: state.stages.length + stage,
      firstTask,
      firstIndex: 0,
      firstBlob,
      tasks,
    });
    firstTask += tasks.length;
    firstBlob += tasks.length;
  }
  return events;
}

function freshReply(command: SubmitJob, jobId: string): JobReply {
  return {
    jobId,
    created: true,
    state: command.moreToUpload ? "uploading" : "running",
    nextIndexes: command.spec.stages.map(({ name }, position) => ({
      stage: name,
      nextIndex: command.tasks.find(({ stage }) => stage === position)?.tasks.length ?? 0,
    })),
  };
}

function replyOf(state: State, job: Job, created: boolean): JobReply {
  return {
    jobId: job.id,
    created,
    state: job.state,
    nextIndexes: job.spec.stages.map(({ name }, position) => ({
      stage: name,
      nextIndex: state.stage(job.firstStage + position).taskCount,
    })),
  };
}
