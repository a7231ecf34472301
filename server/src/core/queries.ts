import type { TaskCounts } from "./state/jobs.js";
import type { Job, JobState, Stage } from "./state/jobs.js";
import { taskAt } from "./state/jobs.js";
import type { FailureFacts, Level } from "./events.js";
import type { BlobId, JobNo, LeaseNo, LeaseToken, TaskNo, WallMs, WorkerNo } from "./ids.js";
import type { Charge } from "./outcome.js";
import type { DependencyKind, JobSpec, Resource, TaskKind, WorkerSpec } from "./spec.js";
import type { Lease } from "./state/leases.js";
import { tokenOf } from "./state/leases.js";
import type { DeliveryRecord, State } from "./state/state.js";
import { TaskState } from "./state/tasks.js";
import type { Worker } from "./state/workers.js";
import { findJob } from "./decide/shared.js";

/** Reads for those who ask. Views are copies: nothing in them changes later. */

export type TaskStateName =
  | "blocked"
  | "scheduled"
  | "pending"
  | "leased"
  | "running"
  | "succeeded"
  | "failed"
  | "cancelled";

/** Tasks of a stage, by the names of design.md; `pending` only while the stage is open. */
export type CountsView = Readonly<Record<TaskStateName, number>>;

export interface StageView {
  readonly name: string;
  readonly taskCount: number;
  readonly opened: boolean;
  readonly counts: CountsView;
}

export interface JobView {
  readonly id: string;
  readonly spec: JobSpec;
  readonly state: JobState;
  readonly run: number;
  readonly cancelCause: string;
  readonly note: string;
  readonly submittedWall: WallMs;
  readonly finishedWall: WallMs | undefined;
  readonly stages: readonly StageView[];
  readonly revision: number;
}

export interface DeliveryView {
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly workerId: string;
  readonly host: string;
  readonly level: Level;
  readonly grantedWall: WallMs;
  /** Undefined while it goes on. */
  readonly endedWall: WallMs | undefined;
  readonly end: DeliveryRecord["end"] | "succeeded" | "granted" | "received" | "started";
  readonly charge: Charge;
  readonly failure: FailureFacts | undefined;
  readonly progress: number;
  readonly progressNote: string;
}

export interface TaskView {
  readonly jobId: string;
  readonly stage: string;
  readonly index: number;
  readonly state: TaskStateName;
  /** Why it waits, if it does: `upload`, `dependency`, `backoff`, `delay`; else empty. */
  readonly reason: "" | "upload" | "dependency" | "backoff" | "delay";
  readonly kind: TaskKind;
  readonly generation: number;
  readonly attempt: number;
  readonly delivery: number;
  readonly body: BlobId;
  readonly bodyBytes: number;
  readonly inputBytes: number;
  /** Milliseconds until a scheduled task is due; 0 for others. */
  readonly dueInMs: number;
  readonly deadLetterId: string;
  readonly outputBytes: number;
  readonly deliveries: readonly DeliveryView[];
  /** Deliveries left out of the middle of the list. */
  readonly deliveriesDropped: number;
}

export interface WorkerView {
  readonly no: WorkerNo;
  readonly spec: WorkerSpec;
  readonly capacity: readonly Resource[];
  readonly used: readonly Resource[];
  readonly connected: boolean;
  readonly lost: boolean;
  readonly draining: boolean;
  readonly leases: number;
  readonly creditTasks: number;
}

/** What the tasks of one bag have in common; the same object for all of them. */
export interface AssignmentContext {
  readonly namespace: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly spec: JobSpec;
  readonly stageName: string;
  readonly partitions: number;
  readonly kind: TaskKind;
  /** Upstream stages of which a task reads the partition of its own index. */
  readonly reads: readonly {
    readonly stage: string;
    readonly kind: DependencyKind;
    readonly taskCount: number;
    readonly partitions: number;
  }[];
}

/** All that an assignment says of a lease; bytes are fetched by their blobs. */
export interface AssignmentView {
  readonly lease: LeaseNo;
  readonly token: LeaseToken;
  readonly context: AssignmentContext;
  readonly index: number;
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly ahead: boolean;
  readonly level: Level;
  /** 0: neither payload nor inputs. */
  readonly body: BlobId;
  readonly bodyBytes: number;
  readonly recordCount: number;
  /** 0: none. */
  readonly checkpoint: BlobId;
  readonly previousFailure: FailureFacts | undefined;
}

/** @returns undefined when the namespace has no such job */
export function getJob(state: State, namespace: string, id: string): JobView | undefined {
  const job = findJob(state, namespace, id);
  return job === undefined ? undefined : jobView(state, job);
}

export interface JobFilter {
  readonly namespace: string;
  readonly states: readonly JobState[];
  /** Jobs whose name begins so; empty: all. */
  readonly namePrefix: string;
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
  const jobs: JobView[] = [];
  let no = Math.min(before, state.jobs.length);
  for (let scanned = 0; no > 0 && jobs.length < limit && scanned < scanMax; scanned++) {
    no -= 1;
    const job = state.job(no);
    if (job.spec.namespace !== filter.namespace) continue;
    if (filter.states.length > 0 && !filter.states.includes(job.state)) continue;
    if (!job.spec.name.startsWith(filter.namePrefix)) continue;
    jobs.push(jobView(state, job));
  }
  return { jobs, next: no > 0 ? no : undefined };
}

export interface TaskFilter {
  /** Empty: all stages. */
  readonly stage: string;
  readonly states: readonly TaskStateName[];
}

/** Where a listing of tasks goes on. */
export interface TaskCursor {
  /** Position of the stage in the job's spec. */
  readonly stage: number;
  readonly index: number;
}

/** Tasks of a job, by stage and index. @returns undefined when there is no such job */
export function listTasks(
  state: State,
  namespace: string,
  id: string,
  filter: TaskFilter,
  from: TaskCursor,
  limit: number,
  now: number,
  scanMax = 20_000,
): { readonly tasks: readonly TaskView[]; readonly next: TaskCursor | undefined } | undefined {
  const job = findJob(state, namespace, id);
  if (job === undefined) return undefined;
  const tasks: TaskView[] = [];
  let scanned = 0;
  for (let position = from.stage; position < job.stageCount; position++) {
    const stage = state.stage(job.firstStage + position);
    if (filter.stage !== "" && stage.spec.name !== filter.stage) continue;
    for (let index = position === from.stage ? from.index : 0; index < stage.taskCount; index++) {
      if (tasks.length >= limit || scanned >= scanMax) return { tasks, next: { stage: position, index } };
      scanned += 1;
      const task = taskAt(stage, index);
      if (task === undefined) continue;
      if (filter.states.length > 0 && !filter.states.includes(stateName(state, stage, task))) continue;
      tasks.push(taskView(state, job, stage, task, now));
    }
  }
  return { tasks, next: undefined };
}

/** @returns undefined when there is no such task in the namespace */
export function getTask(
  state: State,
  namespace: string,
  id: string,
  stageName: string,
  index: number,
  now: number,
): TaskView | undefined {
  const job = findJob(state, namespace, id);
  const position = job?.spec.stages.findIndex(({ name }) => name === stageName) ?? -1;
  if (job === undefined || position === -1) return undefined;
  const stage = state.stage(job.firstStage + position);
  const task = taskAt(stage, index);
  return task === undefined ? undefined : taskView(state, job, stage, task, now);
}

/** Workers that serve a namespace (empty: all), by number. */
export function listWorkers(
  state: State,
  namespace: string,
  from: WorkerNo,
  limit: number,
): { readonly workers: readonly WorkerView[]; readonly next: WorkerNo | undefined } {
  const workers: WorkerView[] = [];
  for (let no = from; no < state.workers.length; no++) {
    if (workers.length >= limit) return { workers, next: no };
    const worker = state.worker(no);
    if (namespace !== "" && !worker.spec.namespaces.includes(namespace)) continue;
    workers.push(workerView(state, worker));
  }
  return { workers, next: undefined };
}

/** What a worker is told of a lease. @returns undefined when it is gone or stopping already */
export function assignment(state: State, no: LeaseNo): AssignmentView | undefined {
  const lease = state.leases.get(no);
  if (lease === undefined || lease.stopping) return undefined;
  const { tasks } = state;
  const extra = state.extras.get(lease.task);
  const bodyBytes = tasks.bodyBytes.get(lease.task);
  return {
    lease: no,
    token: tokenOf(lease),
    context: contextOf(state, tasks.bag.get(lease.task)),
    index: tasks.index.get(lease.task),
    generation: lease.generation,
    delivery: lease.delivery,
    attempt: lease.attempt,
    ahead: lease.ahead,
    level: tasks.lastLevel.get(lease.task) as Level,
    body: bodyBytes > 0 ? tasks.body.get(lease.task) : 0,
    bodyBytes,
    recordCount: tasks.recordCount.get(lease.task),
    checkpoint: extra?.checkpoint ?? 0,
    previousFailure: extra?.lastFailure,
  };
}

/** Made once for each bag: a million assignments share it. */
function contextOf(state: State, bagNo: number): AssignmentContext {
  const bag = state.placement.bag(bagNo);
  if (bag.context !== undefined) return bag.context as AssignmentContext;
  const stage = state.stage(bag.stage);
  const job = state.job(stage.job);
  const context: AssignmentContext = {
    namespace: job.spec.namespace,
    jobId: job.id,
    jobName: job.spec.name,
    spec: job.spec,
    stageName: stage.spec.name,
    partitions: stage.spec.partitions,
    kind: bag.kind,
    reads: stage.spec.dependsOn.map(({ stage: name, kind }) => {
      const position = job.spec.stages.findIndex((other) => other.name === name);
      const upstream = state.stage(job.firstStage + position);
      return { stage: name, kind, taskCount: upstream.taskCount, partitions: upstream.spec.partitions };
    }),
  };
  bag.context = context;
  return context;
}

/** One output partition of one task. */
export interface OutputView {
  readonly index: number;
  readonly attempt: number;
  readonly partition: number;
  readonly blob: BlobId;
}

export type OutputsPage =
  | { readonly kind: "job_not_found" }
  | { readonly kind: "stage_not_found" }
  | { readonly kind: "not_ready"; readonly index: number }
  | {
      readonly kind: "page";
      readonly outputs: readonly OutputView[];
      /** Task index at which to go on; undefined: that was all. */
      readonly next: number | undefined;
    };

/**
 * Outputs of a stage in the order of its tasks.
 *
 * A task that has not come to its end stops the page (`not_ready` if it is the first asked for):
 * outputs are read in order, without gaps.
 *
 * @param partition undefined: all partitions
 */
export function readOutputs(
  state: State,
  namespace: string,
  id: string,
  stageName: string,
  partition: number | undefined,
  fromIndex: number,
  limit: number,
): OutputsPage {
  const job = findJob(state, namespace, id);
  if (job === undefined) return { kind: "job_not_found" };
  const position = job.spec.stages.findIndex(({ name }) => name === stageName);
  if (position === -1) return { kind: "stage_not_found" };
  const stage = state.stage(job.firstStage + position);
  const outputs: OutputView[] = [];
  let index = fromIndex;
  for (; index < stage.taskCount && index - fromIndex < limit; index++) {
    const task = taskAt(stage, index);
    if (task === undefined) break;
    const taskState = state.tasks.state.get(task);
    if (taskState < TaskState.succeeded) {
      return index === fromIndex ? { kind: "not_ready", index } : { kind: "page", outputs, next: index };
    }
    collect(state, task, index, partition, outputs);
  }
  return { kind: "page", outputs, next: index < stage.taskCount ? index : undefined };
}

function collect(
  state: State,
  task: TaskNo,
  index: number,
  partition: number | undefined,
  outputs: OutputView[],
): void {
  const first = state.tasks.outputs.get(task);
  if (first === 0) return;
  const attempt = state.tasks.attempt(task);
  for (const [i, own] of (state.outputPartitions.get(task) ?? []).entries()) {
    if (partition !== undefined && partition !== own) continue;
    outputs.push({ index, attempt, partition: own, blob: first + i });
  }
}

/** Totals for GetMaster and the logs. */
export function totals(state: State) {
  return {
    jobs: state.jobs.length,
    tasks: state.tasks.count,
    leases: state.leases.size,
    workers: state.workers.filter((worker) => !worker.lost).length,
  };
}

/** The worker's live and stopping leases, with how they stand; for directives of a heartbeat. */
export function tokenStanding(state: State, token: LeaseToken): "live" | "stopping" | "over" {
  const lease = state.leases.get(token.lease);
  if (lease === undefined || lease.drawHigh !== token.drawHigh || lease.drawLow !== token.drawLow) {
    return "over";
  }
  return lease.stopping ? "stopping" : "live";
}

/** @returns undefined when no worker of that id ever registered */
export function findWorker(state: State, workerId: string): WorkerView | undefined {
  const no = state.workerById.get(workerId);
  return no === undefined ? undefined : workerView(state, state.worker(no));
}

/** When the job last changed, as a number that only grows; undefined: there is no such job. */
export function jobRevision(state: State, namespace: string, id: string): number | undefined {
  return findJob(state, namespace, id)?.revision;
}

function jobView(state: State, job: Job): JobView {
  const stages = state.stages.slice(job.firstStage, job.firstStage + job.stageCount);
  return {
    id: job.id,
    spec: job.spec,
    state: job.state,
    run: job.run,
    cancelCause: job.cancelCause ?? "",
    note: job.note,
    submittedWall: job.submittedWall,
    finishedWall: job.finishedWall,
    stages: stages.map((stage) => ({
      name: stage.spec.name,
      taskCount: stage.taskCount,
      opened: stage.opened,
      counts: countsView(stage),
    })),
    revision: job.revision,
  };
}

/** Whether a leased task has started is known of its lease only: `running` counts as leased here. */
function countsView(stage: Stage): CountsView {
  const counts: TaskCounts = stage.counts;
  return {
    blocked: counts.blocked + (stage.opened ? 0 : counts.waiting),
    pending: stage.opened ? counts.waiting : 0,
    scheduled: counts.scheduled,
    leased: counts.leased,
    running: 0,
    succeeded: counts.succeeded,
    failed: counts.failed,
    cancelled: counts.cancelled,
  };
}

function stateName(state: State, stage: Stage, task: TaskNo): TaskStateName {
  switch (state.tasks.state.get(task)) {
    case TaskState.blocked:
      return "blocked";
    case TaskState.waiting:
      return stage.opened ? "pending" : "blocked";
    case TaskState.scheduled:
      return "scheduled";
    case TaskState.leased: {
      const lease = state.leases.get(state.tasks.lease.get(task));
      return lease !== undefined && lease.startedAt >= 0 ? "running" : "leased";
    }
    case TaskState.succeeded:
      return "succeeded";
    case TaskState.failed:
      return "failed";
    default:
      return "cancelled";
  }
}

function reasonOf(state: State, job: Job, name: TaskStateName, task: TaskNo): TaskView["reason"] {
  if (name === "blocked") return job.state === "uploading" ? "upload" : "dependency";
  if (name !== "scheduled") return "";
  return state.tasks.delivery.get(task) === 0 ? "delay" : "backoff";
}

function taskView(state: State, job: Job, stage: Stage, task: TaskNo, now: number): TaskView {
  const { tasks } = state;
  const extra = state.extras.get(task);
  const name = stateName(state, stage, task);
  return {
    jobId: job.id,
    stage: stage.spec.name,
    index: tasks.index.get(task),
    state: name,
    reason: reasonOf(state, job, name, task),
    kind: state.placement.bag(tasks.bag.get(task)).kind,
    generation: tasks.generation.get(task),
    attempt: tasks.attempt(task),
    delivery: tasks.delivery.get(task),
    body: tasks.bodyBytes.get(task) > 0 ? tasks.body.get(task) : 0,
    bodyBytes: tasks.bodyBytes.get(task),
    inputBytes: tasks.inputBytes.get(task),
    dueInMs: name === "scheduled" ? Math.max(0, tasks.runAt.get(task) - now) : 0,
    deadLetterId: extra?.deadLetterId ?? "",
    outputBytes: 0,
    deliveries: deliveriesOf(state, task, extra?.deliveries ?? []),
    deliveriesDropped: extra?.dropped ?? 0,
  };
}

function deliveriesOf(
  state: State,
  task: TaskNo,
  records: readonly DeliveryRecord[],
): readonly DeliveryView[] {
  const views: DeliveryView[] = records.map((record) => ({
    ...record,
    ...workerNames(state, record.worker),
    progress: 0,
    progressNote: "",
  }));
  const last = latestDelivery(state, task, records);
  if (last !== undefined) views.push(last);
  return views;
}

/** The delivery that goes on, or that succeeded: records hold only those that ended otherwise. */
function latestDelivery(
  state: State,
  task: TaskNo,
  records: readonly DeliveryRecord[],
): DeliveryView | undefined {
  const { tasks } = state;
  const delivery = tasks.delivery.get(task);
  if (delivery === 0 || records[records.length - 1]?.delivery === delivery) return undefined;
  const taskState = tasks.state.get(task);
  const lease = state.leases.get(tasks.lease.get(task));
  return {
    generation: tasks.generation.get(task),
    delivery,
    attempt: tasks.attempt(task),
    ...workerNames(state, tasks.lastWorker.get(task)),
    level: tasks.lastLevel.get(task) as Level,
    grantedWall: tasks.grantedWall.get(task),
    endedWall: lease === undefined ? tasks.endedWall.get(task) : undefined,
    end: endOf(taskState, lease),
    charge: "none",
    failure: undefined,
    progress: lease?.progress ?? 0,
    progressNote: lease?.progressNote ?? "",
  };
}

function endOf(taskState: number, lease: Lease | undefined): DeliveryView["end"] {
  if (lease !== undefined) {
    if (lease.startedAt >= 0) return "started";
    return lease.received ? "received" : "granted";
  }
  return taskState === TaskState.succeeded ? "succeeded" : "cancelled";
}

function workerNames(state: State, no: WorkerNo): { workerId: string; host: string } {
  const { workerId, host } = state.worker(no).spec;
  return { workerId, host };
}

function workerView(state: State, worker: Worker): WorkerView {
  const { resources } = state.placement;
  return {
    no: worker.no,
    spec: worker.spec,
    capacity: worker.capacity,
    used: worker.used.flatMap((milli, kind) =>
      milli === 0 ? [] : [{ name: resources.name(kind), milli }],
    ),
    connected: worker.session !== 0,
    lost: worker.lost,
    draining: worker.draining,
    leases: worker.leases.size,
    creditTasks: worker.creditTasks,
  };
}
