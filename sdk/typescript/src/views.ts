import type { DependencyKind, ResourceUnits, TaskInput } from "./job-definition.js";

/** Where a job stands. `"unknown"` is a state that this SDK does not know. */
export type JobState =
  | "unknown"
  | "uploading"
  | "running"
  | "failing"
  | "cancelling"
  | "succeeded"
  | "failed"
  | "cancelled";

/** Why a job or a task ended otherwise than by its own success; `"none"` when it did not. */
export type EndCause =
  | "none"
  | "failure"
  | "requested"
  | "job_failed"
  | "deadline"
  | "upload_lapsed"
  | "upstream_failed"
  | "unknown";

/** Where a task stands. */
export type TaskState =
  | "unknown"
  | "blocked"
  | "scheduled"
  | "pending"
  | "leased"
  | "running"
  | "succeeded"
  | "failed"
  | "cancelled";

/** What a task waits for; `"none"` when it does not wait. */
export type WaitReason =
  | "none"
  | "upload"
  | "stage"
  | "order"
  | "poison"
  | "delay"
  | "backoff"
  | "breaker"
  | "job_paused"
  | "queue_paused"
  | "queue_limit"
  | "quota"
  | "no_worker"
  | "infeasible"
  | "constraints"
  | "no_room"
  | "locality"
  | "excluded"
  | "fairness"
  | "unknown";

/** What sort of thing went wrong. */
export type FailureKind =
  | "error"
  | "timeout"
  | "worker_lost"
  | "out_of_memory"
  | "rejected"
  | "cancelled"
  | "invalid"
  | "unknown";

/** Which budget the end of a delivery was charged to; `"unknown"` while it has not ended. */
export type Charge = "none" | "attempt" | "lost" | "drain" | "oom" | "breaker" | "unknown";

/** What went wrong in one delivery of a task, or with one record of it. */
export interface Failure {
  /** What sort of thing. */
  readonly kind: FailureKind;
  /** The class of the exception, as its language names it. */
  readonly type: string;
  /** What it says. */
  readonly message: string;
  /** Where it was thrown; empty where it was left out. */
  readonly stack: string;
  /** What caused it, the nearest cause first. */
  readonly causes: readonly FailureCause[];
  /** Whether another attempt could help, if that was said. */
  readonly retryable?: boolean;
  /** The dependency that is to blame; empty when none. */
  readonly dependency: string;
  /** The delivery in which it happened; 0 when none was under way. */
  readonly delivery: number;
  /** The attempt in which it happened, from 1. */
  readonly attempt: number;
  /** How many attempts the task may have in a generation. */
  readonly maxAttempts: number;
  /** Whether that attempt was the last one of its generation. */
  readonly isLastAttempt: boolean;
  /** The generation of the task, from 1. */
  readonly generation: number;
  /** The worker on which it happened; empty when there was none. */
  readonly workerId: string;
  /** That worker's host. */
  readonly host: string;
  /** What it was charged to. */
  readonly charge: Charge;
  /** The records concerned, by their index in the task's input; empty: the whole attempt. */
  readonly recordIndexes: readonly number[];
  /** The W3C id of the trace in which it happened; empty when there was none. */
  readonly traceId: string;
  /** The W3C id of the span; empty when there was none. */
  readonly spanId: string;
  /** When the delivery was granted. */
  readonly startedAt?: Date;
  /** When the master recorded it. */
  readonly failedAt?: Date;
}

/** One link of the chain of causes. */
export interface FailureCause {
  /** The class of the exception. */
  readonly type: string;
  /** What it says. */
  readonly message: string;
  /** Where it was thrown. */
  readonly stack: string;
}

/** How many tasks stand where. */
export interface TaskCounts {
  /** All that are known. */
  readonly total: number;
  /** Waiting for the upload, a stage or an earlier batch. */
  readonly blocked: number;
  /** Waiting for a moment: a delay, a backoff, a breaker. */
  readonly scheduled: number;
  /** Ready, waiting for a worker. */
  readonly pending: number;
  /** Given to a worker that has not started them. */
  readonly leased: number;
  /** Started. */
  readonly running: number;
  /** Succeeded, dropped ones included. */
  readonly succeeded: number;
  /** Failed for good. */
  readonly failed: number;
  /** Cancelled. */
  readonly cancelled: number;
  /** Of those succeeded: dropped by somebody's decision. */
  readonly dropped: number;
  /** Attempts beyond each task's first. */
  readonly retries: number;
  /** Records that failed for good in tasks that succeeded. */
  readonly deadRecords: number;
}

/** A job as it stands. */
export interface Job {
  /** Its id (`job_…`). */
  readonly jobId: string;
  /** The namespace that it lives in. */
  readonly namespace: string;
  /** Its name, as submitted. */
  readonly name: string;
  /** Where it stands. */
  readonly state: JobState;
  /** Whether nothing new of it is given out. */
  readonly paused: boolean;
  /** How many times it has been set going. */
  readonly run: number;
  /** Whether it is a stream of batches. */
  readonly open: boolean;
  /** Whether its tasks are complete. */
  readonly sealed: boolean;
  /** How its tasks stand, over all stages. */
  readonly counts: TaskCounts;
  /** Its stages, as submitted. Empty in `listJobs`. */
  readonly stages: readonly Stage[];
  /** Its labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its priority. */
  readonly priority: number;
  /** Why it ended as it did, or is ending. */
  readonly cause: EndCause;
  /** The failure that decided it, or the newest final one. Without stack and causes in `listJobs`. */
  readonly failure?: Failure;
  /** The task whose failure that is; empty when there is none. */
  readonly failedTaskId: string;
  /** Why a person cancelled or paused it. */
  readonly note: string;
  /** When it was accepted. */
  readonly createdAt?: Date;
  /** When its tasks were complete. */
  readonly sealedAt?: Date;
  /** When a task of it was first started. */
  readonly startedAt?: Date;
  /** When it ended. */
  readonly finishedAt?: Date;
  /** What is left of its deadline. Milliseconds. */
  readonly deadlineRemainingMs?: number;
  /** The key that it was submitted with; empty when there was none. */
  readonly idempotencyKey: string;
  /** How many dead letters of it are open. */
  readonly deadLetterCount: number;
  /** What waits to be put right. */
  readonly warnings: readonly Warning[];
}

/** A stage as it stands. */
export interface Stage {
  /** Its name. */
  readonly name: string;
  /** The type of its tasks; empty when they differ. */
  readonly taskType: string;
  /** What it waits for. */
  readonly dependsOn: readonly { readonly stage: string; readonly kind: DependencyKind }[];
  /** Into how many partitions its outputs are divided. */
  readonly partitions: number;
  /** How its tasks stand. */
  readonly counts: TaskCounts;
  /** The index that the next task of an upload gets. */
  readonly nextIndex: number;
}

/** Something that is not an error but that the submitter would want to know. */
export interface Warning {
  /** What it is about. */
  readonly kind: "unknown" | "infeasible" | "no_worker_of_type" | "task_loses_workers";
  /** The stage concerned, the first of several with the same trouble; empty when it is the whole job. */
  readonly stage: string;
  /** The task type concerned; empty when it is all of them. */
  readonly taskType: string;
  /** The same in words. */
  readonly message: string;
}

/** A task as it stands. */
export interface TaskRecord {
  /** Its id: `job/stage/index`. */
  readonly taskId: string;
  /** Its job. */
  readonly jobId: string;
  /** Its stage. */
  readonly stage: string;
  /** Its index in the stage, from 0. */
  readonly index: number;
  /** Its type. */
  readonly taskType: string;
  /** Where it stands. */
  readonly state: TaskState;
  /** What it waits for, while it waits. */
  readonly waitReason: WaitReason;
  /** How long until it can be given out, when it is scheduled. Milliseconds. */
  readonly readyInMs?: number;
  /** Its generation, from 1. */
  readonly generation: number;
  /** Its attempt, from 1. */
  readonly attempt: number;
  /** How many attempts it has in a generation. */
  readonly maxAttempts: number;
  /** How many deliveries it has had in its life. */
  readonly deliveryCount: number;
  /** The worker that holds its newest live lease; empty when none does. */
  readonly workerId: string;
  /** How far it says that it is, from 0 to 1. */
  readonly progress?: number;
  /** What it says about that. */
  readonly progressNote: string;
  /** Its newest failure. Without stack and causes in `listTasks`. */
  readonly lastFailure?: Failure;
  /** Why it ended otherwise than by success. */
  readonly cause: EndCause;
  /** Whether it counts as succeeded only because it was dropped. */
  readonly dropped: boolean;
  /** How many records its input has, if that is known. */
  readonly recordCount?: number;
  /** How many of them are still to be done after some failed. */
  readonly pendingRecordCount: number;
  /** How many of them failed for good. */
  readonly deadRecordCount: number;
  /** The open dead letter; empty when there is none. */
  readonly deadLetterId: string;
  /** When it was first given out. */
  readonly firstLeasedAt?: Date;
  /** When it ended. */
  readonly finishedAt?: Date;
}

/** A task with its history. */
export interface TaskDetail {
  /** The task. */
  readonly task: TaskRecord;
  /** Its deliveries, the oldest first. */
  readonly deliveries: readonly DeliveryRecord[];
  /** How many deliveries of the middle were left out. */
  readonly deliveriesLeftOut: number;
  /** What it was given; only if `includeContent` asked for it. */
  readonly content?: {
    /** The payload's bytes. */
    readonly payload: Uint8Array;
    /** The inputs. */
    readonly inputs: readonly TaskInput[];
    /** What it needs, in units. */
    readonly demand: ResourceUnits;
    /** Its newest checkpoint; empty when there is none. */
    readonly checkpoint: Uint8Array;
  };
}

/** One lease of a task, from grant to end. */
export interface DeliveryRecord {
  /** Its number in the task's life, from 1. */
  readonly delivery: number;
  /** The generation that it belongs to. */
  readonly generation: number;
  /** The attempt that it belongs to. */
  readonly attempt: number;
  /** Whether that attempt was the last of its generation. */
  readonly isLastAttempt: boolean;
  /** The worker that it went to. */
  readonly workerId: string;
  /** That worker's host. */
  readonly host: string;
  /** That worker's rack. */
  readonly rack: string;
  /** Where the lease stands. */
  readonly state:
    "unknown" | "granted" | "received" | "started" | "deciding" | "stopping" | "ended";
  /** How it ended; `"none"` while it is live. */
  readonly end:
    | "none"
    | "succeeded"
    | "failed"
    | "returned"
    | "expired"
    | "worker_lost"
    | "cancelled"
    | "copy_lost"
    | "not_received"
    | "dropped"
    | "unknown";
  /** What the end was charged to. */
  readonly charge: Charge;
  /** What went wrong, if something did. */
  readonly failure?: Failure;
  /** Whether it was a speculative copy. */
  readonly speculative: boolean;
  /** How near to its data it was placed. */
  readonly locality: "unknown" | "none" | "host" | "rack" | "any";
  /** When the lease was granted. */
  readonly grantedAt?: Date;
  /** When the worker started it. */
  readonly startedAt?: Date;
  /** When it ended. */
  readonly endedAt?: Date;
  /** How long it ran. Milliseconds. */
  readonly runMs?: number;
}

/** How a job stands, as `watch` tells it. */
export interface JobProgress {
  /** The job, with its stages. */
  readonly job: Job;
  /** What is running, at most 100 of the newest. */
  readonly running: readonly RunningTask[];
  /** How many tasks a second ended in about the last 10 s; 0 when not known. */
  readonly tasksPerSecond: number;
}

/** A task that runs. */
export interface RunningTask {
  /** Its id. */
  readonly taskId: string;
  /** Where. */
  readonly workerId: string;
  /** How far it says that it is, from 0 to 1. */
  readonly progress?: number;
  /** What it says about that. */
  readonly progressNote: string;
  /** The attempt. */
  readonly attempt: number;
  /** How long it has been running. Milliseconds. */
  readonly runningMs: number;
}
