import type { BlobId, DurationMs, JobNo, JournalMs, TaskNo } from "../ids.js";
import type { JobSpec } from "../spec.js";
import type { Cursor, Job } from "./jobs.js";
import { isFinished } from "./jobs.js";
import { taskAt } from "./stages.js";
import type { State } from "./state.js";

/** How what has ended leaves the core: tasks with their bytes first, then the job, last its key. */

/** The first task of a job; undefined: it has none. */
export function firstCursor(state: State, job: Job): Cursor | undefined {
  return nextCursor(state, job, { stage: job.firstStage, index: 0 });
}

/** The cursor, or the first place after it where there is a task; undefined: there is none. */
export function nextCursor(state: State, job: Job, { stage, index }: Cursor): Cursor | undefined {
  const end = job.firstStage + job.stageCount;
  for (let no = stage, at = index; no < end; no++, at = 0) {
    if (at < state.stage(no).taskCount) return { stage: no, index: at };
  }
  return undefined;
}

/** Has the job come to its end, and does no worker hold anything of it? */
export function mayRetire(state: State, job: Job): boolean {
  return isFinished(job.state) && job.heldLeases === 0 && !state.toSweep.has(job.no);
}

/** How much later a job is looked at again that a worker still holds something of. */
const lookAgainMs = 1_000;

/** Puts a job back in line to leave. @param retireAfterMs how long after its time in the line it may */
export function lookAgainLater(
  state: State,
  job: JobNo,
  now: JournalMs,
  retireAfterMs: DurationMs,
): void {
  state.finished.push(now - retireAfterMs + lookAgainMs, job);
}

/** How many tasks a job has, in all its stages. */
export function taskCountOf(state: State, job: Job): number {
  let count = 0;
  for (let i = 0; i < job.stageCount; i++) count += state.stage(job.firstStage + i).taskCount;
  return count;
}

/** Tasks at indexes [from, to) of a stage leave, and their bytes are free. */
export function forgetTasks(state: State, stageNo: number, from: number, to: number): void {
  const stage = state.stage(stageNo);
  for (let index = from; index < to; index++) {
    const task = taskAt(stage, index) as TaskNo;
    freeBlobs(state, task);
    state.hostPool.forget(state.tasks.hostsAt.get(task), state.tasks.hostsCount.get(task));
    state.extras.delete(task);
    state.outputPartitions.delete(task);
    state.tasks.forget(task);
  }
}

/** All tasks of a job have left: so do its bags and stages, and the job itself but for a key that is to be kept. */
export function forgetJob(state: State, no: JobNo): void {
  const job = state.job(no);
  const end = job.firstStage + job.stageCount;
  for (let stage = job.firstStage; stage < end; stage++) {
    for (const bag of state.stage(stage).bags) state.placement.forget(bag);
    state.stages.forget(stage);
  }
  state.jobs.leaving.delete(no);
  state.toLeave.delete(no);
  if (job.idempotencyKey === "") {
    forgetRow(state, no);
    return;
  }
  // A key needs no more of it than whose it is.
  state.jobs.spec.set(no, keySpecOf(state, job.spec.namespace));
  state.keyed.push(job.submittedAt, no);
}

/** What is left of the specs of jobs of which only the key is kept: one and the same for all of a namespace. */
function keySpecOf(state: State, namespace: string): JobSpec {
  let spec = state.keySpecs.get(namespace);
  if (spec === undefined) {
    spec = {
      namespace,
      name: "",
      labels: [],
      onTaskFailure: { kind: "fail_fast" },
      trace: { traceparent: "", tracestate: "", baggage: "" },
      uploadTtlMs: 0,
      stages: [],
    };
    state.keySpecs.set(namespace, spec);
  }
  return spec;
}

/** Nothing of the job is left, its key neither. */
export function forgetRow(state: State, no: JobNo): void {
  const job = state.job(no);
  if (job.idempotencyKey !== "") {
    state.jobByKey.get(job.spec.namespace)?.remove(job.idempotencyKey, no);
  }
  state.jobs.forget(no);
}

function freeBlobs(state: State, task: TaskNo): void {
  const { tasks } = state;
  free(state, tasks.body.get(task));
  const outputs = tasks.outputs.get(task);
  for (let i = 0; i < tasks.outputsCount.get(task); i++) free(state, outputs + i);
  const extra = state.extras.get(task);
  if (extra === undefined) return;
  free(state, extra.checkpoint);
  for (const { failure } of extra.deliveries) free(state, failure?.body ?? 0);
  // It outlives its delivery's record when many deliveries without failure come after it.
  const { lastFailure } = extra;
  if (lastFailure === undefined) return;
  const isRecorded = extra.deliveries.some(({ failure }) => failure === lastFailure);
  if (!isRecorded) free(state, lastFailure.body);
}

/** The bytes of a blob are asked for no more. @param blob 0: there is none */
export function free(state: State, blob: BlobId): void {
  if (blob !== 0) state.freedBlobs.push(blob);
}
