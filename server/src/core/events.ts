import type { BlobId, JobNo, JournalMs, LeaseNo, StageNo, TaskNo, WorkerNo } from "./ids.js";
import type { ReturnReason, StageTasks } from "./commands.js";
import type { Charge } from "./outcome.js";
import type { FailureKind, JobSpec, OutputDraft, Resource, TaskDraft, WorkerSpec } from "./spec.js";

/**
 * Everything that has happened. Events are facts: `apply/<event>.ts` copies them into the state,
 * live and on replay alike, and decides nothing. A published version is never edited, only
 * superseded (`journal/entry/` holds their bytes).
 */

interface Versioned<T extends string> {
  readonly type: T;
  readonly version: 1;
}

/** A delivery, by all its numbers. Every event that concerns one carries them. */
export interface DeliveryFacts {
  readonly lease: LeaseNo;
  readonly task: TaskNo;
  readonly worker: WorkerNo;
  readonly run: number;
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
}

/** What every event that ends a delivery says besides. */
export interface DeliveryEnd extends DeliveryFacts {
  readonly charge: Charge;
  /**
   * True: the task moves on, but the lease keeps its resources as *stopping* until its worker
   * answers for it. False: the ledger is freed at once.
   */
  readonly stopping: boolean;
  /** Leases of the same worker that were ahead and fit now, oldest first. */
  readonly promoted: readonly LeaseNo[];
}

/** What is kept in the state of a failure; the whole is a blob. */
export interface FailureFacts {
  readonly kind: FailureKind;
  readonly type: string;
  readonly message: string;
  /** 0: there is no more than these facts. */
  readonly body: BlobId;
}

export interface JobSubmitted extends Versioned<"job_submitted"> {
  readonly job: JobNo;
  readonly id: string;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly uploading: boolean;
  readonly spec: JobSpec;
  /** Places of the stages whose tasks may be placed at once: those that depend on no other. */
  readonly opened: readonly number[];
  /** The tasks that came with it: numbers from `firstTask`, blobs from `firstBlob`, stage by stage. */
  readonly firstTask: TaskNo;
  readonly firstBlob: BlobId;
  readonly tasks: readonly StageTasks[];
}

/** Tasks in one stretch: numbers from `firstTask`, indexes from `firstIndex`, blobs from `firstBlob`. */
export interface TasksAdded extends Versioned<"tasks_added"> {
  readonly job: JobNo;
  readonly stage: StageNo;
  readonly firstTask: TaskNo;
  readonly firstIndex: number;
  readonly firstBlob: BlobId;
  readonly tasks: readonly TaskDraft[];
}

export interface JobSealed extends Versioned<"job_sealed"> {
  readonly job: JobNo;
}

/** A task that reads a partition given by reference, and the hosts that hold the most of it. */
export interface LocatedTask {
  readonly task: TaskNo;
  /** Numbers of hosts, most first: by the order in which the journal first names them. */
  readonly hosts: readonly number[];
  /** What these hosts hold of it. */
  readonly bytes: number;
}

/** The stage's dependencies are met: its tasks may be placed. */
export interface StageOpened extends Versioned<"stage_opened"> {
  readonly stage: StageNo;
  /** Tasks of which it is known only now where their data lies. */
  readonly located: readonly LocatedTask[];
}

/** Tasks whose run-at or backoff has come. */
export interface TasksReleased extends Versioned<"tasks_released"> {
  readonly tasks: readonly TaskNo[];
}

/** Tasks of an EACH stage whose counterparts upstream have succeeded. */
export interface TasksUnblocked extends Versioned<"tasks_unblocked"> {
  readonly tasks: readonly TaskNo[];
}

/** How near the data: 0 the same host, 1 the same rack, 2 anywhere, 3 the task has no preference. */
export type Level = 0 | 1 | 2 | 3;

export interface LeaseGranted extends Versioned<"lease_granted">, DeliveryFacts {
  readonly epoch: number;
  readonly drawHigh: number;
  readonly drawLow: number;
  /** Beyond what fits: starts only once promoted. */
  readonly ahead: boolean;
  readonly level: Level;
}

export interface TaskSucceeded extends Versioned<"task_succeeded">, DeliveryEnd {
  /** Blobs of the listed outputs, in their order. */
  readonly firstBlob: BlobId;
  readonly outputs: readonly OutputDraft[];
  readonly recordCount: number;
}

/** The attempt failed and the task will be tried again. */
export interface AttemptFailed extends Versioned<"attempt_failed">, DeliveryEnd {
  readonly failure: FailureFacts;
  /** When the task may be placed again; equal to the event's own time for at once. */
  readonly retryAt: JournalMs;
}

/** The failure is final. */
export interface TaskFailed extends Versioned<"task_failed">, DeliveryEnd {
  readonly failure: FailureFacts;
  readonly deadLetterId: string;
}

/** Why a delivery ended with nobody's failure. */
export type RequeueReason = ReturnReason | "unreceived" | "forgotten" | "expired" | "worker_lost";

/** The delivery ended without result and the task waits again, in the same attempt. */
export interface DeliveryRequeued extends Versioned<"delivery_requeued">, DeliveryEnd {
  readonly reason: RequeueReason;
}

/** The task was cancelled under a delivery that was ending: its job is failing. */
export interface DeliveryCancelled extends Versioned<"delivery_cancelled">, DeliveryEnd {
  /** The failure that the worker reported, if it was one. */
  readonly failure?: FailureFacts;
}

/** A stopping lease was answered for, or its worker is gone: the ledger is freed. */
export interface LeaseFreed extends Versioned<"lease_freed"> {
  readonly lease: LeaseNo;
  readonly worker: WorkerNo;
  readonly promoted: readonly LeaseNo[];
}

/** A worker holds a lease that the master gave up: it keeps room for it until it is answered for. */
export interface LeaseAdopted extends Versioned<"lease_adopted"> {
  readonly lease: LeaseNo;
  readonly worker: WorkerNo;
  readonly job: JobNo;
  readonly task: TaskNo;
  readonly delivery: number;
  readonly epoch: number;
  readonly drawHigh: number;
  readonly drawLow: number;
  readonly demand: readonly Resource[];
}

export interface CheckpointSaved extends Versioned<"checkpoint_saved">, DeliveryFacts {
  readonly body: BlobId;
}

export type CancelCause = "request" | "upload_lapsed";

/** From here on nothing of the job starts, retries or counts; sweeps do the rest. */
export interface JobCancelStarted extends Versioned<"job_cancel_started"> {
  readonly job: JobNo;
  readonly run: number;
  readonly cause: CancelCause;
  readonly note: string;
}

/** From here on nothing of the job starts or retries; what has started may finish. */
export interface JobFailing extends Versioned<"job_failing"> {
  readonly job: JobNo;
  readonly run: number;
}

/**
 * What a sweep cancels. `all`: every unfinished task, the leases of leased ones become stopping
 * (the job was cancelled). `unleased`: all but the leased (the job is failing). `blocked`: tasks
 * of one EACH stage whose counterparts upstream will never succeed.
 */
export type SweepScope = "all" | "unleased" | "blocked";

/** The blocked tasks of an EACH stage can no longer be reached: a sweep cancels them. */
export interface StagePruned extends Versioned<"stage_pruned"> {
  readonly stage: StageNo;
}

/** One step of a sweep: indexes [from, to) of a stage, then the cursor stands at the next. */
export interface TasksCancelled extends Versioned<"tasks_cancelled"> {
  readonly job: JobNo;
  readonly stage: StageNo;
  readonly fromIndex: number;
  readonly toIndex: number;
  readonly scope: SweepScope;
  /** Where the sweep goes on; undefined: it has ended. */
  readonly next: { readonly stage: StageNo; readonly index: number } | undefined;
}

export interface JobFinished extends Versioned<"job_finished"> {
  readonly job: JobNo;
  readonly run: number;
  readonly state: "succeeded" | "failed" | "cancelled";
}

/** Jobs that have ended leave the core: nobody finds them here any more, and history has them. Keys stay. */
export interface JobsRetired extends Versioned<"jobs_retired"> {
  /** Those that go with all their tasks. */
  readonly jobs: readonly JobNo[];
  /** Those whose tasks follow step by step: they have more than one event is to cover. */
  readonly leaving: readonly JobNo[];
}

/** One step of a large job that leaves: indexes [from, to) of a stage, then the cursor stands at the next. */
export interface TasksRetired extends Versioned<"tasks_retired"> {
  readonly job: JobNo;
  readonly stage: StageNo;
  readonly fromIndex: number;
  readonly toIndex: number;
  /** Where it goes on; undefined: all are gone. */
  readonly next: { readonly stage: StageNo; readonly index: number } | undefined;
}

/** Keys of jobs that have left are kept no longer: a submit with one of them makes a new job. */
export interface KeysForgotten extends Versioned<"keys_forgotten"> {
  readonly jobs: readonly JobNo[];
}

/** A worker came, came back, or came back as another process. */
export interface WorkerRegistered extends Versioned<"worker_registered"> {
  readonly worker: WorkerNo;
  readonly spec: WorkerSpec;
}

export interface WorkerUpdated extends Versioned<"worker_updated"> {
  readonly worker: WorkerNo;
  readonly capacity: readonly Resource[];
}

/** The worker has more room than it had: leases that were ahead of what fits move up. */
export interface LeasesPromoted extends Versioned<"leases_promoted"> {
  readonly worker: WorkerNo;
  /** Oldest first. */
  readonly promoted: readonly LeaseNo[];
}

export interface WorkerDraining extends Versioned<"worker_draining"> {
  readonly worker: WorkerNo;
}

export interface WorkerLost extends Versioned<"worker_lost"> {
  readonly worker: WorkerNo;
}

export type CoreEvent =
  | JobSubmitted
  | TasksAdded
  | JobSealed
  | StageOpened
  | TasksReleased
  | TasksUnblocked
  | LeaseGranted
  | TaskSucceeded
  | AttemptFailed
  | TaskFailed
  | DeliveryRequeued
  | DeliveryCancelled
  | LeaseFreed
  | LeaseAdopted
  | CheckpointSaved
  | JobCancelStarted
  | JobFailing
  | StagePruned
  | TasksCancelled
  | JobFinished
  | JobsRetired
  | TasksRetired
  | KeysForgotten
  | WorkerRegistered
  | WorkerUpdated
  | LeasesPromoted
  | WorkerDraining
  | WorkerLost;

export type EventType = CoreEvent["type"];
export type EventOf<T extends EventType> = Extract<CoreEvent, { type: T }>;
