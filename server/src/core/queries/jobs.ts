import { findJob } from "../decide/shared.js";
import type { JobNo, TaskNo, WallMs } from "../ids.js";
import type { JobSpec, TaskKind } from "../spec.js";
import type { JobState } from "../state/jobs.js";
import { isFinished, Job } from "../state/jobs.js";
import type { Stage } from "../state/stages.js";
import type { State } from "../state/state.js";
import type { FailureView, TaskStateName } from "./tasks.js";
import { lastFailure } from "./tasks.js";

/** Tasks of a stage, by the names of design.md; `pending` only while the stage is open. */
export type CountsView = Readonly<Record<TaskStateName, number>>;

export interface StageView {
  readonly name: string;
  readonly taskCount: number;
  readonly opened: boolean;
  readonly counts: CountsView;
  /** Attempts that failed and were followed by another, so far. */
  readonly retries: number;
}

export interface JobView {
  readonly no: JobNo;
  readonly id: string;
  readonly spec: JobSpec;
  readonly idempotencyKey: string;
  readonly state: JobState;
  readonly run: number;
  readonly cancelCause: string;
  readonly note: string;
  readonly submittedWall: WallMs;
  readonly finishedWall: WallMs | undefined;
  readonly stages: readonly StageView[];
  /** The failure that decided it, or the newest final one. */
  readonly failure: FailureView | undefined;
  /** The task whose failure that is. */
  readonly failedTask: { readonly stage: string; readonly index: number } | undefined;
  readonly revision: number;
}

/** A task that a worker said it has started. */
export interface RunningView {
  readonly stage: string;
  readonly index: number;
  readonly workerId: string;
  readonly attempt: number;
  readonly progress: number;
  readonly progressNote: string;
  readonly runningMs: number;
}

/** @returns undefined when the namespace has no such job */
export function getJob(state: State, namespace: string, id: string): JobView | undefined {
  const job = findJob(state, namespace, id);
  return job === undefined ? undefined : jobView(job, state);
}

/** A job that failed, and why, in short. */
export interface FailedJobView {
  readonly jobId: string;
  readonly namespace: string;
  readonly name: string;
  /** `stage/index` of the task whose failure decided it; empty: none did alone. */
  readonly failedTask: string;
  readonly failure: FailureView | undefined;
}

/** @returns undefined when it has left the core */
export function failedJob(state: State, no: JobNo): FailedJobView | undefined {
  if (!state.jobs.has(no)) return undefined;
  const { id: jobId, spec, failedTask, failure } = jobView(new Job(state.jobs, no), state);
  const { namespace, name } = spec;
  const task = failedTask === undefined ? "" : `${failedTask.stage}/${String(failedTask.index)}`;
  return { jobId, namespace, name, failedTask: task, failure };
}

/** What a client said of a job when it submitted it: all that a later part of its upload needs. */
export function getJobSpec(state: State, namespace: string, id: string): JobSpec | undefined {
  return findJob(state, namespace, id)?.spec;
}

/** When the job last changed, as a number that only grows, and whether that was for the last time. */
export interface JobStanding {
  readonly revision: number;
  readonly isFinished: boolean;
}

/** @returns undefined when there is no such job */
export function jobStanding(state: State, namespace: string, id: string): JobStanding | undefined {
  const job = findJob(state, namespace, id);
  return job && { revision: job.revision, isFinished: isFinished(job.state) };
}

/** Which jobs are asked for; what is empty leaves all. */
export interface JobFilter {
  readonly namespace: string;
  readonly states: readonly JobState[];
  readonly name: string;
  /** Labels that a job must have, with these values. */
  readonly labels: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Jobs of a namespace, newest first.
 *
 * @param before only jobs with a smaller number; Infinity: from the newest
 * @param scanMax how many jobs are looked at, at the most, so that no list stops the world
 * @returns the views, and where to go on; `next` undefined: that was all
 */
export function listJobs(
  state: State,
  filter: JobFilter,
  before: number,
  limit: number,
  scanMax = 10_000,
): { readonly jobs: readonly JobView[]; readonly next: JobNo | undefined } {
  const found: Job[] = [];
  let no = Math.min(before, state.jobs.count);
  const { first } = state.jobs;
  for (let scanned = 0; no > first && found.length < limit && scanned < scanMax; scanned++) {
    no -= 1;
    if (!state.jobs.has(no)) continue;
    const job = new Job(state.jobs, no);
    if (matches(job, filter)) found.push(job);
  }
  return {
    jobs: found.map((job) => jobView(job, state)),
    next: no > first ? no : undefined,
  };
}

function matches(job: Job, filter: JobFilter): boolean {
  const { spec } = job;
  return (
    spec.namespace === filter.namespace &&
    (filter.states.length === 0 || filter.states.includes(job.state)) &&
    (filter.name === "" || spec.name === filter.name) &&
    hasLabels(spec, filter.labels)
  );
}

/** Has a job all the labels that are asked for? */
export function hasLabels(spec: JobSpec, wanted: JobFilter["labels"]): boolean {
  return wanted.every((label) =>
    spec.labels.some(({ name, value }) => name === label.name && value === label.value),
  );
}

/** The tasks of a job that run, the ones granted last first. */
export function runningTasks(
  state: State,
  jobNo: JobNo,
  limit: number,
  termNow: number,
): readonly RunningView[] {
  const found: RunningView[] = [];
  const running = stagesOf(state, state.job(jobNo)).reduce((sum, stage) => sum + stage.running, 0);
  const most = Math.min(limit, running);
  // Most jobs that are watched run nothing just now: the walk over all leases is for those that do.
  const leases = most === 0 ? [] : [...state.leases.values()];
  for (let i = leases.length - 1; i >= 0 && found.length < most; i--) {
    const lease = leases[i];
    if (lease === undefined || lease.job !== jobNo || lease.stopping || lease.startedAt < 0)
      continue;
    found.push({
      stage: state.stageOf(lease.task).spec.name,
      index: state.tasks.index.get(lease.task),
      workerId: state.worker(lease.worker).spec.workerId,
      attempt: lease.attempt,
      progress: lease.progress,
      progressNote: lease.progressNote,
      runningMs: Math.max(0, termNow - lease.startedAt),
    });
  }
  return found;
}

/** How many leases of a job were started and have not ended, stopping ones too. */
export function startedLeases(state: State, namespace: string, id: string): number {
  const job = findJob(state, namespace, id);
  let count = 0;
  for (const lease of state.leases.values()) {
    if (lease.job === job?.no && lease.startedAt >= 0) count += 1;
  }
  return count;
}

/** Stages of a job that still have tasks to do, with the kinds of their tasks. */
export function openKinds(
  state: State,
  namespace: string,
  id: string,
): readonly { readonly stage: string; readonly kind: TaskKind }[] {
  const job = findJob(state, namespace, id);
  if (job === undefined || isFinished(job.state)) return [];
  const kinds: { stage: string; kind: TaskKind }[] = [];
  for (const stage of stagesOf(state, job)) {
    const { succeeded, failed, cancelled } = stage.counts;
    if (succeeded + failed + cancelled === stage.taskCount) continue;
    for (const no of stage.bags) {
      kinds.push({ stage: stage.spec.name, kind: state.placement.bag(no).kind });
    }
  }
  return kinds;
}

/** A task that goes on although it lost its worker several times. */
export interface LosingTask {
  readonly stage: string;
  readonly index: number;
  readonly type: string;
  /** How many losses it may have in a generation; one more is its end. */
  readonly lostMax: number;
}

/** Of each stage of a job a task that has lost its worker more than once and goes on, if there is one. */
export function losingTasks(state: State, namespace: string, id: string): readonly LosingTask[] {
  const job = findJob(state, namespace, id);
  if (job === undefined) return [];
  return stagesOf(state, job).flatMap((stage) => {
    const [task] = state.losing.get(stage.no) ?? [];
    if (task === undefined) return [];
    const { type, policy } = state.placement.bag(state.tasks.bag.get(task)).kind;
    return { ...placeOf(state, task), type, lostMax: policy.lostMax };
  });
}

function stagesOf(state: State, job: Job): readonly Stage[] {
  return state.stages.slice(job.firstStage, job.stageCount);
}

function jobView(job: Job, state: State): JobView {
  return {
    no: job.no,
    id: job.id,
    spec: job.spec,
    idempotencyKey: job.idempotencyKey,
    state: job.state,
    run: job.run,
    cancelCause: job.cancelCause ?? "",
    note: job.note,
    submittedWall: job.submittedWall,
    finishedWall: job.finishedWall,
    stages: stagesOf(state, job).map((stage) => ({
      name: stage.spec.name,
      taskCount: stage.taskCount,
      opened: stage.opened,
      counts: countsView(stage),
      retries: stage.retries,
    })),
    failure: job.failedTask === undefined ? undefined : lastFailure(state, job.failedTask),
    failedTask: job.failedTask === undefined ? undefined : placeOf(state, job.failedTask),
    revision: job.revision,
  };
}

function placeOf(state: State, task: TaskNo): { stage: string; index: number } {
  return { stage: state.stageOf(task).spec.name, index: state.tasks.index.get(task) };
}

function countsView({ counts, opened, running }: Stage): CountsView {
  return {
    blocked: counts.blocked + (opened ? 0 : counts.waiting),
    pending: opened ? counts.waiting : 0,
    scheduled: counts.scheduled,
    leased: counts.leased - running,
    running,
    succeeded: counts.succeeded,
    failed: counts.failed,
    cancelled: counts.cancelled,
  };
}
