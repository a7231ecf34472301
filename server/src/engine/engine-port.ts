import type {
  Annotation,
  AssignmentView,
  CancelReason,
  Command,
  CommandKind,
  CommandOf,
  CoreEvent,
  LeaseToken,
  RecallReason,
  Rejection,
  ReplyOf,
  Settings,
  Stamp,
  State,
  WorkerNo,
} from "../core/index.js";
import { Blobs } from "../journal/entry/index.js";
import type { BlobSpan } from "../payloads/payload-store.js";

export { Blobs };
export type { BlobSpan };

/** What a command came to. */
export type Result<R> =
  { readonly ok: true; readonly reply: R } | { readonly ok: false; readonly rejection: Rejection };

/** A command with the bytes that it brings: payloads, outputs, failures, in the command's order. */
export interface Submission {
  readonly command: Command;
  readonly blobs: Blobs;
}

/**
 * Submissions that are made one by one, each when there is room for it: what waits for the disk is then the
 * bytes of a request, and not thousands of objects.
 */
export interface SubmissionSource {
  /**
   * The engine has copied what it keeps of a submission's bytes before it asks this or any other source
   * again, so all may make theirs in the same memory.
   *
   * @returns undefined after the last. What it throws becomes the answer of the whole call
   */
  next(): Submission | undefined;
}

/** When a read was made. */
export interface Moment {
  readonly now: number;
  readonly termNow: number;
}

/** What is told to a session, in the order in which it was decided, once it is durable. */
export type SessionNotice =
  | AssignmentView
  | { readonly kind: "cancel"; readonly token: LeaseToken; readonly reason: CancelReason }
  | { readonly kind: "recall"; readonly token: LeaseToken; readonly reason: RecallReason }
  | { readonly kind: "superseded" };

/** Is told what has happened, once it is durable. Observes, decides nothing. */
export type EventObserver = (events: readonly CoreEvent[], stamp: Stamp) => void;

/** Where a session hears of what concerns its worker. */
export interface SessionListener {
  notify(notices: readonly SessionNotice[]): void;
}

/**
 * The single writer, as the edge sees it. Nothing that it answers leaves before the last index
 * that was applied when the answer was made is durable; refusals and reads are no exception.
 */
export interface Engine {
  readonly settings: Settings;
  /** The epoch of the journal's claim. */
  readonly epoch: number;
  /** Index of the last durable entry. */
  readonly durableIndex: number;
  /** Wall time at which this engine started, milliseconds since the epoch. */
  readonly startedWall: number;
  /**
   * @throws UnavailableError when the engine is stopping; DiskFullError while the disk is full
   */
  submit<K extends CommandKind>(
    command: CommandOf<K> & Command,
    blobs?: Blobs,
  ): Promise<Result<ReplyOf<K>>>;
  /**
   * Several commands in order, answered together: the hot path of sessions and bulk calls. Each
   * has its own result; one that is refused does not hold up the others.
   */
  submitMany(submissions: readonly Submission[]): Promise<readonly Result<unknown>[]>;
  /** The same for commands that bring new work, made as they are taken. */
  submitFrom(source: SubmissionSource): Promise<readonly Result<unknown>[]>;
  /** Notes volatile facts, in order with the commands submitted before and after. */
  note(annotation: Annotation): void;
  /** Reads the state in one turn; the answer waits until all that it saw is durable. */
  read<T>(query: (state: State, moment: Moment) => T): Promise<T>;
  /** Is there such a blob? Those of jobs that left the core are gone. */
  hasPayload(blob: number): boolean;
  /** The bytes of a blob: at once when they are in memory, else read back from the journal. */
  payload(blob: number): Uint8Array | Promise<Uint8Array>;
  /**
   * The bytes of a blob where they lie: good until the next call, for those who copy them at once.
   * @returns undefined when they are not in memory
   */
  findPayload(blob: number): BlobSpan | undefined;
  /** Sends a session's notices to a listener, from the registration on. */
  attach(session: number, listener: SessionListener): void;
  detach(session: number): void;
  /** Calls back after entries became durable; for watchers. @returns how to stop */
  onDurable(listener: (index: number) => void): () => void;
  /** The worker of a session that registered; undefined before. */
  workerOf(session: number): WorkerNo | undefined;
}

/** The master is stopping, or not ready yet: the same request may succeed elsewhere or later. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}

/** The journal's disk is full: nothing new is taken until there is room. */
export class DiskFullError extends Error {
  override readonly name = "DiskFullError";
}
