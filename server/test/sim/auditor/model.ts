import type {
  EventOf,
  JobSpec,
  LeaseToken,
  OnTaskFailure,
  Resource,
  StageSpec,
  TaskKind,
  WorkerSpec,
} from "../../../src/core/index.js";

/** The auditor's own account of what the journal says: objects and maps, nothing clever. */
export class Model {
  readonly jobs: JobModel[] = [];
  readonly jobById = new Map<string, JobModel>();
  /** By namespace and key, the job that holds the key now. */
  readonly jobByKey = new Map<string, JobModel>();
  readonly stages: StageModel[] = [];
  readonly tasks: TaskModel[] = [];
  readonly leases = new Map<number, LeaseModel>();
  readonly workers: WorkerModel[] = [];
  /** Time and wall of the last entry. */
  lastNow = 0;

  /** The very lease that a token was made for; undefined: nobody made that token. */
  leaseOf(token: LeaseToken | undefined): LeaseModel | undefined {
    if (token === undefined) return undefined;
    const lease = this.leases.get(token.lease);
    if (lease === undefined) return undefined;
    const { epoch, job, task, delivery, drawHigh, drawLow } = lease.token;
    const isIt =
      token.epoch === epoch &&
      token.job === job &&
      token.task === task &&
      token.delivery === delivery &&
      token.drawHigh === drawHigh &&
      token.drawLow === drawLow;
    return isIt ? lease : undefined;
  }

  workerById(id: string): WorkerModel | undefined {
    return this.workers.find((worker) => worker.spec.workerId === id);
  }
}

export type JobStateModel =
  "uploading" | "running" | "failing" | "cancelling" | "succeeded" | "failed" | "cancelled";

export interface JobModel {
  readonly no: number;
  readonly id: string;
  readonly namespace: string;
  readonly key: string;
  readonly spec: JobSpec;
  readonly stages: StageModel[];
  state: JobStateModel;
  lapsed: boolean;
  finishedAt: number;
  /** It has left the master's memory. */
  retired: boolean;
}

export interface StageModel {
  readonly no: number;
  readonly job: JobModel;
  readonly spec: StageSpec;
  readonly tasks: TaskModel[];
}

export interface TaskModel {
  readonly no: number;
  readonly stage: StageModel;
  readonly index: number;
  readonly kind: TaskKind;
  state: "open" | "leased" | "succeeded" | "failed" | "cancelled";
  /** Not before this time of the journal. */
  runAt: number;
  deliveries: number;
  failures: number;
  lost: number;
  oom: number;
  /** The live lease. */
  lease: LeaseModel | undefined;
  /** The last delivery whose worker was answered. */
  settled: LeaseModel | undefined;
  deadLetterId: string;
}

/** How a delivery ended, by its event. */
export type LeaseEnd =
  | EventOf<"task_succeeded">
  | EventOf<"attempt_failed">
  | EventOf<"task_failed">
  | EventOf<"delivery_requeued">
  | EventOf<"delivery_cancelled">
  | EventOf<"tasks_cancelled">;

export interface LeaseModel {
  readonly token: LeaseToken;
  readonly task: TaskModel | undefined;
  readonly job: JobModel | undefined;
  readonly worker: WorkerModel;
  readonly attempt: number;
  readonly demand: readonly Resource[];
  readonly grantedAt: number;
  ahead: boolean;
  end: LeaseEnd | undefined;
  /** Its room was given back. */
  freed: boolean;
}

export interface WorkerModel {
  readonly no: number;
  spec: WorkerSpec;
  capacity: readonly Resource[];
  /** By resource, what fit and stopping leases take. */
  readonly used: Map<string, number>;
  readonly leases: Set<LeaseModel>;
  lost: boolean;
  draining: boolean;
}

export function isOver(job: JobModel): boolean {
  return job.state === "succeeded" || job.state === "failed" || job.state === "cancelled";
}

export function keyOf(namespace: string, key: string): string {
  return `${namespace}\n${key}`;
}

/** How many tasks of a stage may die without its failing. */
export function boundOf(rule: OnTaskFailure, tasks: number): number {
  if (rule.kind === "tolerate_count") return rule.count;
  if (rule.kind === "tolerate_share") return Math.floor((rule.shareMillionths * tasks) / 1_000_000);
  return 0;
}

export function countIn(stage: StageModel, state: TaskModel["state"]): number {
  let count = 0;
  for (const task of stage.tasks) if (task.state === state) count += 1;
  return count;
}

export function nameOf(task: TaskModel): string {
  return `${task.stage.job.id}/${task.stage.spec.name}/${task.index}`;
}

export function charge(worker: WorkerModel, demand: readonly Resource[], sign: 1 | -1): void {
  for (const { name, milli } of demand) {
    worker.used.set(name, (worker.used.get(name) ?? 0) + sign * milli);
  }
}

/** What of the demand is beyond the worker's capacity, as things stand; undefined: nothing. */
export function overcommitted(
  worker: WorkerModel,
  demand: readonly Resource[],
): string | undefined {
  for (const { name, milli } of demand) {
    if (milli === 0) continue;
    const has = worker.capacity.reduce((sum, one) => sum + (one.name === name ? one.milli : 0), 0);
    const used = worker.used.get(name) ?? 0;
    if (used > has) return `${used} of ${has} ${name}`;
  }
  return undefined;
}
