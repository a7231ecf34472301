import type { Annotation, Command, CommandKind } from "./commands.js";
import type { Rejection, RejectionKind } from "./errors.js";
import type { CoreEvent } from "./events.js";
import type { DurationMs, LeaseNo, LeaseToken, WorkerNo } from "./ids.js";
import type { Outcome } from "./outcome.js";

/** Why a worker is told to stop a lease. */
export type CancelReason = "job" | "task" | "lease_lost" | "copy_won" | "timeout" | "deadline";

/** Why a worker is asked to give back what it has not started. */
export type RecallReason = "not_received" | "job_failing" | "does_not_fit";

/**
 * Something to tell a worker, once the events that it follows from are durable. Assignments are not
 * among them: what a round of placement granted is told by `queries.assignment`.
 */
export type Notice =
  | {
      readonly kind: "cancel";
      readonly worker: WorkerNo;
      readonly token: LeaseToken;
      readonly reason: CancelReason;
    }
  | {
      readonly kind: "recall";
      readonly worker: WorkerNo;
      readonly token: LeaseToken;
      readonly reason: RecallReason;
    }
  | { readonly kind: "supersede"; readonly worker: WorkerNo; readonly session: number };

export interface JobReply {
  readonly jobId: string;
  /** False: the key was known, and this is the job that it made. */
  readonly created: boolean;
  readonly state: string;
  /** Next index to append, for each stage in the spec's order; of a new job that is whole: none. */
  readonly nextIndexes: readonly { readonly stage: string; readonly nextIndex: number }[];
}

export interface RegisterReply {
  readonly worker: WorkerNo;
  readonly resumed: readonly { readonly token: LeaseToken; readonly remainingMs: DurationMs }[];
  readonly settled: readonly { readonly token: LeaseToken; readonly outcome: Outcome }[];
  readonly lost: readonly LeaseToken[];
}

/** What the asker of each command is answered, where it is answered more than "done". */
interface Replies {
  submit_job: JobReply;
  append_tasks: { readonly nextIndex: number };
  seal_job: { readonly state: string };
  cancel_job: { readonly state: string };
  register_worker: RegisterReply;
  complete_lease: Outcome;
  fail_lease: Outcome;
  return_lease: Outcome;
  /** The lease that was granted; 0: there is nothing for the worker. */
  place: LeaseNo;
  /** False: the token was not live, and nothing was saved. */
  save_checkpoint: { readonly saved: boolean };
}

export type ReplyOf<K extends CommandKind> = K extends keyof Replies ? Replies[K] : undefined;
export type Reply = ReplyOf<CommandKind>;

export interface Accepted<R = Reply> {
  readonly ok: true;
  readonly events: readonly CoreEvent[];
  readonly reply: R;
  readonly notices: readonly Notice[];
  /** Volatile facts that follow from the events; noted right after they are applied. */
  readonly annotations: readonly Annotation[];
  /** True: the command's blobs belong to the events and are kept. */
  readonly keepsBlobs: boolean;
}

export interface Rejected {
  readonly ok: false;
  readonly rejection: Rejection;
}

export type Decision<R = Reply> = Accepted<R> | Rejected;
export type DecisionOn<C extends Command> = Decision<ReplyOf<C["kind"]>>;

const none: readonly never[] = [];

/** Accepts, with what goes along. */
export function accept<R>(
  reply: R,
  events: readonly CoreEvent[] = none,
  extra?: Partial<Pick<Accepted, "notices" | "annotations" | "keepsBlobs">>,
): Accepted<R> {
  return {
    ok: true,
    events,
    reply,
    notices: extra?.notices ?? none,
    annotations: extra?.annotations ?? none,
    keepsBlobs: extra?.keepsBlobs ?? false,
  };
}

/** Says no; nothing changes. */
export function reject(
  kind: RejectionKind,
  message: string,
  metadata?: Readonly<Record<string, string>>,
): Rejected {
  return {
    ok: false,
    rejection: metadata === undefined ? { kind, message } : { kind, message, metadata },
  };
}
