import type { Codec } from "../codec.js";
import type { ConnectionOptions } from "../connection.js";
import type { JobDefinition } from "../job-definition.js";
import type { JobProgress, JobState, TaskState } from "../views.js";

/** How a {@link Client} is set up. */
export interface ClientOptions extends ConnectionOptions {
  /** The namespace of all its calls. Default `default`. */
  readonly namespace?: string;
  /** The deadline of each unary call, one try of it. Milliseconds; default 30,000. */
  readonly callTimeoutMs?: number;
  /**
   * For how long a call that finds the master unavailable is repeated before its error is thrown.
   * Milliseconds; 0 never repeats, Infinity for ever; default 30,000. `watch` and `runJob`, once the job
   * is submitted, repeat for ever.
   */
  readonly retryForMs?: number;
  /** What payloads and outputs that are no raw bytes go through. Default JSON. */
  readonly codec?: Codec;
}

/** How a job is submitted. */
export interface SubmitOptions {
  /**
   * The name under which the submit can be repeated, also by another process: the same key and content give
   * the same job. At most 128 bytes. Default: one drawn for this call, so that its own retries are safe.
   */
  readonly idempotencyKey?: string;
  /** Ends the call early. A job already submitted is not cancelled by it. */
  readonly signal?: AbortSignal;
}

/** A job for {@link Client.submitMany} that brings its own idempotency key. */
export interface KeyedJob {
  /** The job. */
  readonly job: JobDefinition;
  /** As {@link SubmitOptions.idempotencyKey}. */
  readonly idempotencyKey: string;
}

/** How many jobs are submitted. */
export interface SubmitManyOptions {
  /** Ends the call early. Jobs already submitted are not cancelled by it. */
  readonly signal?: AbortSignal;
}

/** How {@link Client.runJob} runs a job. */
export interface RunOptions extends SubmitOptions {
  /** Called with each news of the job, a few times a second at most, and at its end. */
  readonly onProgress?: (progress: JobProgress) => void;
}

/** How the end of a job is waited for. */
export type WaitOptions = Pick<RunOptions, "onProgress" | "signal">;

/** How a job is cancelled. */
export interface CancelOptions {
  /** Why, for handlers and for whoever reads it later. At most 1,024 bytes. */
  readonly note?: string;
}

/** How much of a task is read. */
export interface GetTaskOptions {
  /** Whether payload, inputs and demand come too. Default false. */
  readonly includeContent?: boolean;
}

/** How a job is watched. */
export interface WatchOptions {
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal;
  /** The shortest time between two news. Milliseconds, 50 to 60,000; default 250. */
  readonly minIntervalMs?: number;
}

/** Which outputs to read. */
export interface OutputsOptions {
  /** The stage. Default `main`. */
  readonly stage?: string;
  /** Only this partition. Default all. */
  readonly partition?: number;
  /** Only the task of this index. Default all. */
  readonly taskIndex?: number;
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Which page of a list. */
export interface PageOptions {
  /** How many items at most. 1 to 1,000; default 100. */
  readonly pageSize?: number;
  /** `nextPageToken` of the page before. */
  readonly pageToken?: string;
}

/** Which jobs to list. */
export interface ListJobsOptions extends PageOptions {
  /** Only jobs in one of these states. */
  readonly states?: readonly JobState[];
  /** Only jobs of this name. */
  readonly name?: string;
  /** Only jobs with all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Which tasks to list. */
export interface ListTasksOptions extends PageOptions {
  /** Only tasks of this stage. */
  readonly stage?: string;
  /** Only tasks in one of these states. */
  readonly states?: readonly TaskState[];
}

/** Which workers to list. */
export interface ListWorkersOptions extends PageOptions {
  /** Whether to list those of all namespaces. Default false. */
  readonly allNamespaces?: boolean;
}
