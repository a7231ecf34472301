import type { JobNo, JournalMs, LeaseNo, LeaseToken, TaskNo, WorkerNo } from "./ids.js";
import type {
  FailureDraft,
  JobSpec,
  OutputDraft,
  Resource,
  TaskDraft,
  WorkerSpec,
} from "./spec.js";

/**
 * Everything that can be asked of the core. Commands are imperative; `decide/<kind>.ts` answers
 * each. Those under `InternalCommand` come from the engine's own timers, never from outside.
 */

export interface StageTasks {
  /** Index into `JobSpec.stages`. */
  readonly stage: number;
  readonly tasks: readonly TaskDraft[];
}

export interface SubmitJob {
  readonly kind: "submit_job";
  readonly spec: JobSpec;
  /** Empty: the job has no key, and every submit makes a new one. */
  readonly idempotencyKey: string;
  /** SHA-256 of the decoded request, in hexadecimal. */
  readonly fingerprint: string;
  /** True: tasks stay blocked until the job is sealed. */
  readonly moreToUpload: boolean;
  /** The tasks that came with the request; their bodies are the command's blobs, in order. */
  readonly tasks: readonly StageTasks[];
}

export interface AppendTasks {
  readonly kind: "append_tasks";
  readonly namespace: string;
  readonly jobId: string;
  readonly stage: string;
  readonly firstIndex: number;
  readonly tasks: readonly TaskDraft[];
}

export interface SealJob {
  readonly kind: "seal_job";
  readonly namespace: string;
  readonly jobId: string;
  readonly counts: readonly { readonly stage: string; readonly count: number }[];
}

export interface CancelJob {
  readonly kind: "cancel_job";
  readonly namespace: string;
  readonly jobId: string;
  /** Why, in a person's words; empty if they gave none. */
  readonly note: string;
}

/** How far a worker has come with a lease that it says it holds. */
export type HeldState = "received" | "started" | "result_pending";

export interface HeldLease {
  readonly token: LeaseToken;
  readonly state: HeldState;
  /** What the lease occupies there. Only used when the master no longer knows the lease. */
  readonly demand: readonly Resource[];
}

export interface RegisterWorker {
  readonly kind: "register_worker";
  readonly spec: WorkerSpec;
  /** The number of the session that asks, unique in this process. */
  readonly session: number;
  readonly held: readonly HeldLease[];
}

export interface UpdateWorker {
  readonly kind: "update_worker";
  readonly worker: WorkerNo;
  readonly session: number;
  readonly capacity: readonly Resource[];
}

export interface DrainWorker {
  readonly kind: "drain_worker";
  readonly worker: WorkerNo;
  readonly session: number;
}

export interface CompleteLease {
  readonly kind: "complete_lease";
  readonly worker: WorkerNo | undefined;
  readonly token: LeaseToken;
  /** Sorted by partition; a partition that is not listed is empty. */
  readonly outputs: readonly OutputDraft[];
  readonly recordCount: number;
}

export interface FailLease {
  readonly kind: "fail_lease";
  /** Undefined when the failure is reported from outside a session. */
  readonly worker: WorkerNo | undefined;
  readonly token: LeaseToken;
  readonly failure: FailureDraft;
}

/** `recalled`: asked for; `drained`: the worker stops; `over_delivered`: beyond its credit. */
export type ReturnReason = "recalled" | "drained" | "over_delivered";

export interface ReturnLease {
  readonly kind: "return_lease";
  readonly worker: WorkerNo | undefined;
  readonly token: LeaseToken;
  readonly reason: ReturnReason;
}

export interface SaveCheckpoint {
  readonly kind: "save_checkpoint";
  readonly token: LeaseToken;
  readonly bodyBytes: number;
}

/**
 * A worker lists all that it holds. What was assigned to it up to `throughSequence` and is not in
 * the list has not arrived or is forgotten, and goes back in line uncharged.
 */
export interface ReconcileHeld {
  readonly kind: "reconcile_held";
  readonly worker: WorkerNo;
  readonly session: number;
  readonly throughSequence: number;
  readonly held: readonly LeaseToken[];
}

export type InternalCommand =
  | {
      readonly kind: "place";
      readonly worker: WorkerNo;
      readonly reach: 0 | 1 | 2;
      /** May the task wait at the worker until it fits? Only once nobody has room for it now. */
      readonly ahead: boolean;
    }
  | { readonly kind: "expire_lease"; readonly lease: LeaseNo }
  | { readonly kind: "recall_lease"; readonly lease: LeaseNo }
  | { readonly kind: "time_out_attempt"; readonly lease: LeaseNo }
  | { readonly kind: "lose_worker"; readonly worker: WorkerNo }
  | { readonly kind: "release_tasks"; readonly tasks: readonly TaskNo[] }
  | { readonly kind: "lapse_upload"; readonly job: JobNo }
  | { readonly kind: "advance_job"; readonly job: JobNo }
  | { readonly kind: "sweep_job"; readonly job: JobNo }
  | { readonly kind: "retire_jobs"; readonly jobs: readonly JobNo[] }
  | { readonly kind: "retire_tasks"; readonly job: JobNo }
  | { readonly kind: "forget_keys"; readonly jobs: readonly JobNo[] };

/** Commands that change durable state, by way of events. */
export type Command =
  | SubmitJob
  | AppendTasks
  | SealJob
  | CancelJob
  | RegisterWorker
  | UpdateWorker
  | DrainWorker
  | CompleteLease
  | FailLease
  | ReturnLease
  | SaveCheckpoint
  | ReconcileHeld
  | InternalCommand;

export type CommandKind = Command["kind"];
export type CommandOf<K extends CommandKind> = Extract<Command, { kind: K }>;

/**
 * What is noted of the volatile tier: never journaled, never hashed, answered at once. Handled by
 * `annotate/<kind>.ts`.
 */
export type Annotation =
  | {
      readonly kind: "begin_session";
      readonly worker: WorkerNo;
      readonly session: number;
      readonly resumed: readonly { readonly lease: LeaseNo; readonly started: boolean }[];
    }
  | { readonly kind: "end_session"; readonly worker: WorkerNo; readonly session: number }
  | {
      readonly kind: "grant_credit";
      readonly worker: WorkerNo;
      readonly session: number;
      readonly tasks: number;
      readonly bytes: number;
    }
  | { readonly kind: "note_granted"; readonly leases: readonly LeaseNo[] }
  | {
      readonly kind: "note_assigned";
      readonly worker: WorkerNo;
      readonly session: number;
      readonly leases: readonly LeaseNo[];
      readonly sequence: number;
    }
  | {
      readonly kind: "note_received";
      readonly worker: WorkerNo;
      readonly session: number;
      readonly throughSequence: number;
    }
  | {
      readonly kind: "note_started";
      readonly worker: WorkerNo;
      readonly tokens: readonly LeaseToken[];
    }
  | {
      readonly kind: "note_progress";
      readonly token: LeaseToken;
      /** 0 to 1; undefined: as before. */
      readonly fraction: number | undefined;
      /** Empty: as before. */
      readonly note: string;
    }
  | {
      readonly kind: "renew_leases";
      readonly worker: WorkerNo;
      readonly tokens: readonly LeaseToken[];
    }
  | { readonly kind: "note_alive"; readonly worker: WorkerNo; readonly session: number }
  /** History has, for good, all that was decided before a moment: what has ended by then may leave. */
  | { readonly kind: "note_projected"; readonly through: JournalMs }
  /** History knows nothing of jobs before this one, and never will: those that are still here stay. */
  | { readonly kind: "note_history_begins"; readonly job: JobNo }
  /** Jobs were to leave, and a worker holds something of them again: they are looked at later. */
  | { readonly kind: "note_held_back"; readonly jobs: readonly JobNo[] };

export type AnnotationKind = Annotation["kind"];
export type AnnotationOf<K extends AnnotationKind> = Extract<Annotation, { kind: K }>;
