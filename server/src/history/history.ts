import type {
  JobFilter,
  JobView,
  OutputsFilter,
  OutputsPage,
  OutputView,
  TaskCursor,
  TaskFilter,
  TasksPage,
  TaskView,
  WallMs,
} from "../core/index.js";

/**
 * History: what happened, for people and for filters. A projection of the journal that can be thrown
 * away and built again, so nothing is decided from it. It answers for jobs that have ended, in the
 * views of the core's own queries, so that whoever reads a job does not see that it left the core.
 *
 * It lives in a thread of its own and reads the journal for itself; the engine only tells it how far
 * the journal is durable, and never waits for it.
 */
export interface History {
  /**
   * Index of the last entry whose rows are synced to disk. The journal is cut below it at most, and
   * after a restart the projection goes on from here. It falls when a file that went bad is built anew.
   */
  readonly checkpoint: number;

  /** Index of the last entry that queries know of; at least the checkpoint. */
  readonly projected: number;

  /**
   * The first job that it has, where it was lost and the journal no longer has its first entries: jobs before this
   * one, which may still be in the core, it will never know. 0: it has all. Infinity: none has come so far.
   */
  readonly firstJob: number;

  /** Says that the journal is durable up to an index, so that entries up to it may be projected. */
  follow(durableIndex: number): void;

  /** Calls back when the checkpoint has moved, or the first job is another. @returns how to stop */
  onSynced(listener: (checkpoint: number) => void): () => void;

  /**
   * Resolves when every entry up to an index can be seen by queries (which is before it is synced).
   * For a reader that must see its own writes.
   */
  caughtUp(index: number): Promise<void>;

  /**
   * Removes, little by little, what is past its retention. @param wall the time that it is
   * @returns when all of it is gone; never fails: what is left then is removed another time
   */
  expire(wall: WallMs): Promise<void>;

  // Queries wait for a history that is being built anew: until then it would deny what it once had.
  // They throw HistoryError when the history has failed.

  /** @returns undefined when no such job of the namespace has ended, or is kept no longer */
  job(namespace: string, id: string): Promise<JobView | undefined>;

  /**
   * Jobs that have ended, newest first.
   *
   * @param before only jobs with a smaller number; Infinity: from the newest
   * @param floor only jobs whose number is not smaller
   * @returns the views, and where to go on; `next` undefined: that was all
   */
  jobs(filter: JobFilter, before: number, floor: number, limit: number): Promise<JobsPage>;

  /** As the core's `listTasks`. */
  tasks(
    namespace: string,
    jobId: string,
    filter: TaskFilter,
    from: TaskCursor,
    limit: number,
  ): Promise<TasksPage>;

  /** As the core's `getTask`. */
  task(
    namespace: string,
    jobId: string,
    stage: string,
    index: number,
  ): Promise<TaskView | undefined>;

  /** As the core's `readOutputs`, with the bytes of each output; ends by its bytes too. */
  outputs(
    namespace: string,
    jobId: string,
    filter: OutputsFilter,
    tasksMax: number,
    outputsMax: number,
  ): Promise<HistoryOutputs>;

  /** The bytes of a blob of a job that has ended. @returns undefined when it is not kept */
  payload(blob: number): Promise<Uint8Array | undefined>;

  /** Syncs what has been projected and ends the thread. Idempotent. */
  close(): Promise<void>;
}

export interface JobsPage {
  readonly jobs: readonly JobView[];
  /** Jobs below this number are still to be looked at; undefined: there are none. */
  readonly next: number | undefined;
}

export type HistoryOutputs =
  | Exclude<OutputsPage, { kind: "page" }>
  | {
      readonly kind: "page";
      readonly outputs: readonly (OutputView & { readonly bytes: Uint8Array })[];
      readonly next: number | undefined;
    };

/** How long jobs are kept that do not say so themselves (`JobSpec.retention_ms`), from their end. */
export interface Retention {
  /** Default 604,800,000 (7 days). */
  readonly succeededMs: number;
  /** Of failed and cancelled ones. Default 2,592,000,000 (30 days). */
  readonly otherMs: number;
}

export const defaultRetention: Retention = {
  succeededMs: 7 * 86_400_000,
  otherMs: 30 * 86_400_000,
};

/** Why there is no history to ask. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}
