/**
 * History: what happened, for people and for filters. A projection of the journal that can be thrown
 * away and built again, so nothing is decided from it: a filter becomes a list of ids here, and the
 * core decides about each id.
 *
 * It lives in a thread of its own and reads the journal for itself; the engine only tells it how far
 * the journal is durable, and never waits for it.
 */
export interface History {
  /**
   * Index of the last entry whose rows are synced to disk. The journal is cut below it at most, and
   * after a restart the projection goes on from here.
   */
  readonly checkpoint: number;

  /** Says that the journal is durable up to an index, so that entries up to it may be projected. */
  follow(durableIndex: number): void;

  /**
   * Resolves when every entry up to an index can be seen by queries (which is before it is synced).
   * For a reader that must see its own writes.
   */
  caughtUp(index: number): Promise<void>;

  /** Jobs that match, newest first. */
  jobs(filter: HistoryJobFilter, page: PageRequest): Promise<Page<HistoryJob>>;

  /** Tasks that match, by job and then by position in it. */
  tasks(filter: HistoryTaskFilter, page: PageRequest): Promise<Page<HistoryTask>>;

  /** Every delivery of a task that is still kept, in order, over all its generations. */
  deliveries(namespace: string, taskId: string): Promise<readonly HistoryDelivery[]>;

  /** Dead letters that match, newest first. */
  deadLetters(filter: HistoryDeadLetterFilter, page: PageRequest): Promise<Page<HistoryDeadLetter>>;

  /**
   * Ids of the dead letters that match, oldest first, in steps of at most `page.limit`: what a redrive
   * by filter is made of.
   */
  deadLetterIds(filter: HistoryDeadLetterFilter, page: PageRequest): Promise<Page<string>>;

  /** Syncs what has been projected and ends the thread. Idempotent. */
  close(): Promise<void>;
}

/** Which page of an answer. */
export interface PageRequest {
  /** Rows on it at most, 1 to 1,000. */
  readonly limit: number;
  /** As the page before gave it; absent for the first. */
  readonly after?: string;
}

export interface Page<T> {
  readonly rows: readonly T[];
  /** Absent on the last page. */
  readonly next?: string;
  /** Index of the journal up to which the answer is complete. */
  readonly index: number;
}

export interface HistoryJobFilter {
  readonly namespace: string;
  readonly nameStartsWith?: string;
  readonly states?: readonly string[];
  /** Submitted within [from, until), Unix milliseconds. */
  readonly submittedFromAt?: number;
  readonly submittedUntilAt?: number;
}

export interface HistoryTaskFilter {
  readonly namespace: string;
  readonly jobId: string;
  readonly stage?: string;
  readonly states?: readonly string[];
}

export interface HistoryDeadLetterFilter {
  readonly namespace: string;
  readonly jobId?: string;
  readonly taskType?: string;
  /** The exception's class, as reported. */
  readonly failureType?: string;
  readonly failedFromAt?: number;
  readonly failedUntilAt?: number;
}

export interface HistoryJob {
  readonly jobId: string;
  readonly name: string;
  readonly state: string;
  readonly run: number;
  readonly submittedAt: number;
  readonly endedAt?: number;
  readonly taskCount: number;
  readonly failedTaskCount: number;
}

export interface HistoryTask {
  readonly taskId: string;
  readonly jobId: string;
  readonly stage: string;
  readonly position: number;
  readonly type: string;
  readonly state: string;
  readonly attempt: number;
  readonly endedAt?: number;
}

export interface HistoryDelivery {
  readonly delivery: number;
  readonly generation: number;
  readonly attempt: number;
  readonly workerId: string;
  readonly grantedAt: number;
  readonly endedAt?: number;
  /** How it ended, and to which budget that was charged. */
  readonly outcome?: string;
  readonly charge?: string;
  /** Its failure, encoded as `capstan.v1.Failure`. */
  readonly failure?: Uint8Array;
}

export interface HistoryDeadLetter {
  readonly deadLetterId: string;
  readonly jobId: string;
  readonly taskId: string;
  readonly taskType: string;
  readonly failureType: string;
  readonly message: string;
  readonly deadAt: number;
}
