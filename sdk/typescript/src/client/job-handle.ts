import type { SubmitJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { TaskOutput } from "../output-views.js";
import type { Job, JobProgress, JobState, Warning } from "../views.js";
import type { JobResult } from "./job-result.js";
import { jobStates, nameOf } from "./names.js";
import type { CancelOptions, OutputsOptions, WaitOptions, WatchOptions } from "./options.js";
import { warningsOf } from "./views.js";

/** The calls about a job that a handle passes on. */
export interface JobCalls {
  getJob(jobId: string): Promise<Job>;
  watch(jobId: string, options?: WatchOptions): AsyncIterable<JobProgress>;
  waitForJob(jobId: string, options?: WaitOptions): Promise<JobResult>;
  outputs(jobId: string, options?: OutputsOptions): AsyncIterable<TaskOutput>;
  cancel(jobId: string, options?: CancelOptions): Promise<CancelAnswer>;
}

/** What a cancel found. */
export interface CancelAnswer {
  /** Where the job stands now. */
  readonly state: JobState;
  /** How many tasks of it have been started and not ended. */
  readonly stillRunning: number;
}

/** A job that was submitted: its id, and the calls about it. */
export class JobHandle {
  /** Its id (`job_…`). */
  readonly jobId: string;
  /** Where it stood when it was submitted (or sealed). */
  readonly state: JobState;
  /** Whether the idempotency key had been used before, so that this is the job of that time. */
  readonly existing: boolean;
  /** What the submitter would want to know. */
  readonly warnings: readonly Warning[];
  readonly #calls: JobCalls;

  /** @internal */
  constructor(response: SubmitJobResponse, existing: boolean, calls: JobCalls) {
    this.jobId = response.jobId;
    this.state = nameOf(jobStates, response.state);
    this.existing = existing;
    this.warnings = warningsOf(response.warnings);
    this.#calls = calls;
  }

  /** Reads it. */
  get(): Promise<Job> {
    return this.#calls.getJob(this.jobId);
  }

  /** As `client.watch`. */
  watch(options?: WatchOptions): AsyncIterable<JobProgress> {
    return this.#calls.watch(this.jobId, options);
  }

  /** As `client.waitForJob`. */
  result(options?: WaitOptions): Promise<JobResult> {
    return this.#calls.waitForJob(this.jobId, options);
  }

  /** As `client.outputs`. */
  outputs(options?: OutputsOptions): AsyncIterable<TaskOutput> {
    return this.#calls.outputs(this.jobId, options);
  }

  /** As `client.cancel`. */
  cancel(options?: CancelOptions): Promise<CancelAnswer> {
    return this.#calls.cancel(this.jobId, options);
  }
}
