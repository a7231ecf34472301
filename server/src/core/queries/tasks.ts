import { findJob } from "../decide/shared.js";
import type { FailureFacts, Level } from "../events.js";
import type { BlobId, TaskNo, WallMs, WorkerNo } from "../ids.js";
import type { Charge } from "../outcome.js";
import type { TaskKind } from "../spec.js";
import type { Job } from "../state/jobs.js";
import type { Stage } from "../state/stages.js";
import { taskAt } from "../state/stages.js";
import type { Lease } from "../state/leases.js";
import { isReceived } from "../state/leases.js";
import type { DeliveryRecord, State } from "../state/state.js";
import { isTerminal, TaskState } from "../state/tasks.js";
import { type PendingReason, PendingReasons } from "./obstacles.js";

/** How many tasks a list looks at, at the most, so that none stops the world. */
export const tasksScanMax = 20_000;

export type TaskStateName =
  "blocked" | "scheduled" | "pending" | "leased" | "running" | "succeeded" | "failed" | "cancelled";

export interface DeliveryView {
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly workerId: string;
  readonly host: string;
  readonly rack: string;
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

/** A failure of a task, and the delivery in which it happened. */
export interface FailureView {
  readonly facts: FailureFacts;
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly workerId: string;
  readonly host: string;
  readonly charge: Charge;
  readonly grantedWall: WallMs;
  readonly endedWall: WallMs | undefined;
}

export interface TaskView {
  readonly jobId: string;
  readonly stage: string;
  /** Position of its stage in the job's spec. */
  readonly stagePosition: number;
  readonly index: number;
  readonly state: TaskStateName;
  /** Why it waits; empty: it does not. */
  readonly reason: "" | "upload" | "dependency" | "backoff" | "delay" | PendingReason;
  /** Why it ended without success; empty: it has not. */
  readonly cause: "" | "failure" | "requested" | "upload_lapsed" | "job_failed" | "upstream_failed";
  readonly kind: TaskKind;
  readonly generation: number;
  readonly attempt: number;
  /** Number of its newest delivery; 0: it has had none. */
  readonly delivery: number;
  readonly body: BlobId;
  readonly bodyBytes: number;
  readonly inputBytes: number;
  /** 0: not declared. */
  readonly recordCount: number;
  /** 0: none. */
  readonly checkpoint: BlobId;
  /** Spent of the budgets of this generation. */
  readonly lost: number;
  readonly oom: number;
  readonly deliveriesUsed: number;
  /** Milliseconds until a scheduled task is due; 0 for others. */
  readonly dueInMs: number;
  readonly finishedWall: WallMs | undefined;
  readonly deadLetterId: string;
  readonly lastFailure: FailureView | undefined;
  readonly deliveries: readonly DeliveryView[];
  /** Deliveries left out of the middle of the list. */
  readonly deliveriesDropped: number;
  /**
   * Numbers of deliveries that have ended for the task, and whose worker has not answered for them: a handler may
   * still run. Empty in a list, which does not look.
   */
  readonly stopping: readonly number[];
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

export type TasksPage =
  | { readonly kind: "job_not_found" }
  | { readonly kind: "stage_not_found" }
  | {
      readonly kind: "page";
      readonly tasks: readonly TaskView[];
      /** Undefined: that was all. */
      readonly next: TaskCursor | undefined;
    };

/**
 * Tasks of a job, by stage and index.
 *
 * @param now journal time, for what is still to come
 * @param scanMax {@link tasksScanMax}, or fewer for a test
 */
export function listTasks(
  state: State,
  namespace: string,
  id: string,
  filter: TaskFilter,
  from: TaskCursor,
  limit: number,
  now: number,
  scanMax = tasksScanMax,
): TasksPage {
  const job = findJob(state, namespace, id);
  if (job === undefined) return { kind: "job_not_found" };
  if (filter.stage !== "" && !job.spec.stages.some(({ name }) => name === filter.stage)) {
    return { kind: "stage_not_found" };
  }
  const tasks: TaskView[] = [];
  const pending = new PendingReasons(state, now);
  let scanned = 0;
  for (let position = from.stage; position < job.stageCount; position++) {
    const stage = state.stage(job.firstStage + position);
    if (filter.stage !== "" && stage.spec.name !== filter.stage) continue;
    for (let index = position === from.stage ? from.index : 0; index < stage.taskCount; index++) {
      if (tasks.length >= limit || scanned >= scanMax) {
        return { kind: "page", tasks, next: { stage: position, index } };
      }
      scanned += 1;
      const task = taskAt(stage, index);
      if (task === undefined) continue;
      if (filter.states.length > 0 && !filter.states.includes(stateName(state, stage, task)))
        continue;
      tasks.push(taskView(state, job, stage, task, now, pending));
    }
  }
  return { kind: "page", tasks, next: undefined };
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
  if (task === undefined) return undefined;
  const view = taskView(state, job, stage, task, now, new PendingReasons(state, now));
  return { ...view, stopping: stoppingOf(state, task) };
}

/** A look at all that its workers hold: too much for a list. */
function stoppingOf(state: State, task: TaskNo): readonly number[] {
  const { tasks } = state;
  const records = state.extras.get(task)?.deliveries ?? [];
  const workers = new Set(records.map(({ worker }) => worker));
  // A sweep that took it from its worker leaves no record.
  if (tasks.delivery.get(task) > 0) workers.add(tasks.lastWorker.get(task));
  const found: number[] = [];
  for (const worker of workers) {
    for (const no of state.worker(worker).leases) {
      const lease = state.leases.get(no);
      if (lease?.task === task && lease.stopping) found.push(lease.delivery);
    }
  }
  return found;
}

/** The newest failure of a task. @returns undefined when it has had none */
export function lastFailure(state: State, task: TaskNo): FailureView | undefined {
  const records = state.extras.get(task)?.deliveries ?? [];
  for (let i = records.length - 1; i >= 0; i--) {
    const record = records[i];
    if (record?.failure !== undefined) return failureView(state, task, record, record.failure);
  }
  return undefined;
}

function failureView(
  state: State,
  task: TaskNo,
  record: DeliveryRecord,
  facts: FailureFacts,
): FailureView {
  const { generation, delivery, attempt, charge, grantedWall, endedWall } = record;
  const { workerId, host } = state.worker(record.worker).spec;
  const { attemptsMax } = state.placement.bag(state.tasks.bag.get(task)).kind.policy.retry;
  return {
    facts,
    generation,
    delivery,
    attempt,
    attemptsMax,
    workerId,
    host,
    charge,
    grantedWall,
    endedWall,
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

function reasonOf(
  state: State,
  job: Job,
  name: TaskStateName,
  task: TaskNo,
  pending: PendingReasons,
): TaskView["reason"] {
  if (name === "pending") return pending.of(job.spec.namespace, state.tasks.bag.get(task));
  if (name === "blocked") return job.state === "uploading" ? "upload" : "dependency";
  if (name !== "scheduled") return "";
  return state.tasks.delivery.get(task) === 0 ? "delay" : "backoff";
}

/** Why a task ended without success. @param cancelCause of its job; empty or undefined: it was not cancelled */
export function causeOf(
  cancelCause: string | undefined,
  pruned: boolean,
  name: TaskStateName,
): TaskView["cause"] {
  if (name === "failed") return "failure";
  if (name !== "cancelled") return "";
  if (cancelCause !== undefined && cancelCause !== "") {
    return cancelCause === "upload_lapsed" ? "upload_lapsed" : "requested";
  }
  return pruned ? "upstream_failed" : "job_failed";
}

function taskView(
  state: State,
  job: Job,
  stage: Stage,
  task: TaskNo,
  now: number,
  pending: PendingReasons,
): TaskView {
  const { tasks } = state;
  const extra = state.extras.get(task);
  const name = stateName(state, stage, task);
  return {
    jobId: job.id,
    stage: stage.spec.name,
    stagePosition: stage.position,
    index: tasks.index.get(task),
    state: name,
    reason: reasonOf(state, job, name, task, pending),
    cause: causeOf(job.cancelCause, stage.pruned, name),
    kind: state.placement.bag(tasks.bag.get(task)).kind,
    generation: tasks.generation.get(task),
    attempt: attemptOf(state, task),
    delivery: tasks.delivery.get(task),
    body: tasks.bodyBytes.get(task) > 0 ? tasks.body.get(task) : 0,
    bodyBytes: tasks.bodyBytes.get(task),
    inputBytes: tasks.inputBytes.get(task),
    recordCount: tasks.recordCount.get(task),
    checkpoint: extra?.checkpoint ?? 0,
    lost: tasks.lost.get(task),
    oom: tasks.oom.get(task),
    deliveriesUsed: tasks.deliveries.get(task),
    dueInMs: name === "scheduled" ? Math.max(0, tasks.runAt.get(task) - now) : 0,
    finishedWall: isTerminal(tasks.state.get(task))
      ? knownWall(tasks.endedWall.get(task))
      : undefined,
    deadLetterId: extra?.deadLetterId ?? "",
    lastFailure: lastFailure(state, task),
    deliveries: deliveriesOf(state, task, extra?.deliveries ?? []),
    deliveriesDropped: extra?.dropped ?? 0,
    stopping: [],
  };
}

/** A moment of a task. @returns undefined for one that nobody took note of: snapshots of before have such */
export function knownWall(wall: WallMs): WallMs | undefined {
  return wall === 0 ? undefined : wall;
}

/** The attempt that runs or comes next; of a task that failed for good, the one that was its last. */
function attemptOf(state: State, task: TaskNo): number {
  const attempt = state.tasks.attempt(task);
  if (state.tasks.state.get(task) !== TaskState.failed) return attempt;
  const records = state.extras.get(task)?.deliveries ?? [];
  return records[records.length - 1]?.attempt ?? attempt;
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
    end: endOf(state, taskState, lease),
    charge: "none",
    failure: undefined,
    progress: lease?.progress ?? 0,
    progressNote: lease?.progressNote ?? "",
  };
}

function endOf(state: State, taskState: number, lease: Lease | undefined): DeliveryView["end"] {
  if (lease !== undefined) {
    if (lease.startedAt >= 0) return "started";
    return isReceived(lease, state.worker(lease.worker)) ? "received" : "granted";
  }
  return taskState === TaskState.succeeded ? "succeeded" : "cancelled";
}

function workerNames(state: State, no: WorkerNo): { workerId: string; host: string; rack: string } {
  const { workerId, host, rack } = state.worker(no).spec;
  return { workerId, host, rack };
}
