import { TaskState } from "@capstan/proto/capstan/v1/task.js";
import { jsonCodec, type Codec } from "../codec.js";
import { CapstanError, JobCancelledError, JobFailedError } from "../errors.js";
import type { JobDefinition } from "../job-definition.js";
import { refuseUnknown } from "../known-fields.js";
import { fromCaller } from "../call-error.js";
import { Connection } from "../rpc/connection.js";
import * as methods from "../rpc/methods.js";
import { startSend } from "../telemetry/spans.js";
import type { MasterInfo, WorkerRecord } from "../fleet-views.js";
import type { TaskOutput } from "../output-views.js";
import type { Failure, Job, JobProgress, TaskDetail, TaskRecord } from "../views.js";
import type { Page, SubmitOutcome } from "./answers.js";
import { type JobHandle, type CancelAnswer } from "./job-handle.js";
import { resultOf, type JobResult } from "./job-result.js";
import { jobStates, nameOf, taskStates, valueOf } from "./names.js";
import { known } from "./known-options.js";
import type {
  CancelOptions,
  ClientOptions,
  GetTaskOptions,
  KeyedJob,
  ListJobsOptions,
  ListTasksOptions,
  ListWorkersOptions,
  OutputsOptions,
  PageOptions,
  RunOptions,
  SubmitManyOptions,
  SubmitOptions,
  WaitOptions,
  WatchOptions,
} from "./options.js";
import { readOutputs } from "./read-outputs.js";
import { Outcomes, Submission, type SubmitAnswer } from "./submission.js";
import { Submitter } from "./submitter.js";
import { Arena } from "./task-chunks.js";
import { JobUpload, type UploadParts } from "./upload.js";
import { jobOf, masterOf, taskDetailOf, taskOf, workerOf } from "./views.js";
import { hasEnded, watchJob } from "./watch-job.js";

/**
 * Submits jobs to a master and looks at them. Every method throws {@link CapstanError} with a code and a
 * reason, or the reason of the signal that was given to it. A field of a job or an option that is not known is an
 * InvalidArgumentError that names it and the one that may be meant. It connects when it is first used, comes back by
 * itself, and may be shared by everything in a process.
 */
export class Client {
  readonly #namespace: string;
  readonly #codec: Codec;
  readonly #parts: UploadParts;
  readonly #connection: Connection;
  readonly #submitter: Submitter;

  /** @throws InvalidArgumentError for an address that is none or an option that is not known; `violations` names it */
  constructor(options: ClientOptions = {}) {
    fromCaller(() => refuseUnknown(options, known.client), Client);
    this.#namespace = options.namespace ?? "default";
    this.#codec = options.codec ?? jsonCodec;
    this.#parts = { namespace: this.#namespace, codec: this.#codec, arena: new Arena() };
    const limits = {
      callTimeoutMs: options.callTimeoutMs ?? 30_000,
      retryForMs: options.retryForMs ?? 30_000,
    };
    this.#connection = fromCaller(() => new Connection(options, limits), Client);
    this.#submitter = new Submitter(this.#connection, this.#namespace);
  }

  /**
   * Submits a job; it has been accepted, durably, when the promise resolves. A small one goes in one message,
   * together with others of the same turn of the event loop; a larger one is uploaded in parts, reading its
   * tasks as it goes, and sealed.
   * @throws InvalidArgumentError with the fields that the master refuses; AlreadyExistsError when the key
   *   was used with other content; InvalidPayloadError when a payload cannot be encoded
   */
  submit(job: JobDefinition, options: SubmitOptions = {}): Promise<JobHandle> {
    return new Promise((resolve, reject) => {
      refuseUnknown(options, known.submit);
      this.#submit(job, options, { accepted: resolve, refused: reject });
    });
  }

  /**
   * Submits many jobs, each by itself, in as few calls as their size allows.
   * @returns an outcome for each, in order: its handle, or why there is none
   */
  async submitMany(
    jobs: Iterable<JobDefinition | KeyedJob> | AsyncIterable<JobDefinition | KeyedJob>,
    options: SubmitManyOptions = {},
  ): Promise<SubmitOutcome<JobHandle>[]> {
    refuseUnknown(options, known.submitMany);
    const outcomes = new Outcomes();
    for await (const entry of inBursts(jobs)) {
      options.signal?.throwIfAborted();
      await this.#submitter.ready();
      for (const one of entry) {
        this.#submitOne(one, options, outcomes.next());
      }
    }
    const all = await outcomes.all();
    options.signal?.throwIfAborted();
    return all;
  }

  /**
   * Submits a job and waits for its end. A signal that is aborted ends the waiting, not the job.
   * @throws as submit; JobFailedError with the failures; JobCancelledError
   */
  async runJob(job: JobDefinition, options: RunOptions = {}): Promise<JobResult> {
    refuseUnknown(options, known.run);
    const { jobId } = await new Promise<JobHandle>((resolve, reject) => {
      this.#submit(job, options, { accepted: resolve, refused: reject });
    });
    return this.#waitFor(jobId, options);
  }

  /**
   * Waits for the end of a job that was submitted before.
   * @throws JobFailedError with the failures; JobCancelledError; NotFoundError
   */
  async waitForJob(jobId: string, options: WaitOptions = {}): Promise<JobResult> {
    refuseUnknown(options, known.wait);
    return this.#waitFor(jobId, options);
  }

  async #waitFor(jobId: string, options: WaitOptions): Promise<JobResult> {
    const { signal, onProgress } = options;
    let last: Job | undefined;
    for await (const progress of this.watch(jobId, signal === undefined ? {} : { signal })) {
      last = progress.job;
      onProgress?.(progress);
    }
    if (last === undefined || !hasEnded(last.state)) {
      throw new CapstanError(`job ${jobId} cannot be watched`, { code: "INTERNAL" });
    }
    if (last.state === "cancelled") throw new JobCancelledError(last);
    if (last.state === "failed") throw new JobFailedError(last, await this.#failuresOf(last));
    return resultOf(last, (query) => this.outputs(jobId, query));
  }

  /**
   * Follows a job: how it stands, at once and then whenever that has changed, and at last when it has ended.
   * Steps in between may be left out, never the last. Comes back for ever while the master is away.
   */
  watch(jobId: string, options: WatchOptions = {}): AsyncIterable<JobProgress> {
    refuseUnknown(options, known.watch);
    return watchJob(this.#connection, { namespace: this.#namespace, jobId }, options);
  }

  /**
   * Reads the outputs of a stage, ordered by task, then attempt, then partition; empty ones are left out.
   * Goes on by its cursor after a break of the link.
   * @throws CapstanError with reason OUTPUT_NOT_READY while tasks of the stage (or the one asked for) run
   */
  outputs(jobId: string, options: OutputsOptions = {}): AsyncIterable<TaskOutput> {
    refuseUnknown(options, known.outputs);
    const { stage = "", partition, taskIndex, signal } = options;
    const query = { namespace: this.#namespace, jobId, stage, partition, taskIndex, signal };
    return readOutputs(this.#connection, query, this.#codec);
  }

  /** Reads a job. */
  async getJob(jobId: string): Promise<Job> {
    const { job } = await this.#call(methods.getJob, { namespace: this.#namespace, jobId });
    return jobOf(expected(job));
  }

  /** Lists jobs, the newest first. Stages, and the stacks of failures, are left out. */
  async listJobs(options: ListJobsOptions = {}): Promise<Page<Job>> {
    refuseUnknown(options, known.listJobs);
    const response = await this.#call(methods.listJobs, {
      namespace: this.#namespace,
      states: (options.states ?? []).map((state) => valueOf(jobStates, state)),
      name: options.name ?? "",
      labels: { ...options.labels },
      page: pageOf(options),
    });
    return pageOfItems(response.jobs.map(jobOf), response.nextPageToken);
  }

  /** Lists the tasks of a job, by stage and index. */
  async listTasks(jobId: string, options: ListTasksOptions = {}): Promise<Page<TaskRecord>> {
    refuseUnknown(options, known.listTasks);
    const response = await this.#call(methods.listTasks, {
      namespace: this.#namespace,
      jobId,
      stage: options.stage ?? "",
      states: (options.states ?? []).map((state) => valueOf(taskStates, state)),
      page: pageOf(options),
    });
    return pageOfItems(response.tasks.map(taskOf), response.nextPageToken);
  }

  /**
   * Reads a task with its deliveries.
   * @param taskId `job/stage/index`
   */
  async getTask(taskId: string, options: GetTaskOptions = {}): Promise<TaskDetail> {
    refuseUnknown(options, known.getTask);
    const includeContent = options.includeContent ?? false;
    const request = { namespace: this.#namespace, taskId, includeContent };
    return expected(taskDetailOf(await this.#call(methods.getTask, request)));
  }

  /**
   * Cancels a job in whatever state it is; one that has ended stays as it is. Tasks that have started are
   * told to stop.
   */
  async cancel(jobId: string, options: CancelOptions = {}): Promise<CancelAnswer> {
    refuseUnknown(options, known.cancel);
    const request = { namespace: this.#namespace, jobId, note: options.note ?? "" };
    const { state, stillRunning } = await this.#call(methods.cancelJob, request);
    return { state: nameOf(jobStates, state), stillRunning };
  }

  /** Lists the workers that serve the namespace, by id. */
  async listWorkers(options: ListWorkersOptions = {}): Promise<Page<WorkerRecord>> {
    refuseUnknown(options, known.listWorkers);
    const response = await this.#call(methods.listWorkers, {
      namespace: this.#namespace,
      allNamespaces: options.allNamespaces ?? false,
      connections: [],
      admissions: [],
      page: pageOf(options),
    });
    return pageOfItems(response.workers.map(workerOf), response.nextPageToken);
  }

  /** Asks the master what it is and how it fares. */
  async getMaster(): Promise<MasterInfo> {
    return masterOf(await this.#call(methods.getMaster, {}));
  }

  /** Closes its connections; calls that are under way fail. */
  close(): void {
    this.#connection.close();
  }

  #call<Request, Response>(
    method: methods.Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    return this.#connection.unary(method, request);
  }

  #submitOne(
    one: JobDefinition | KeyedJob,
    options: SubmitManyOptions,
    answer: SubmitAnswer,
  ): void {
    if (!("job" in one)) {
      this.#submit(one, options, answer);
      return;
    }
    const { job, idempotencyKey } = one;
    try {
      refuseUnknown(one, known.keyedJob);
    } catch (error) {
      answer.refused(error);
      return;
    }
    this.#submit(job, { ...options, idempotencyKey }, answer);
  }

  #submit(job: JobDefinition, options: SubmitOptions, answer: SubmitAnswer): void {
    let submission: Submission;
    try {
      options.signal?.throwIfAborted();
      const upload = new JobUpload(job, this.#parts, options.idempotencyKey);
      const span = startSend(job.name, this.#parts.namespace);
      submission = new Submission(upload, span, options, answer, this);
    } catch (error) {
      answer.refused(error);
      return;
    }
    submission.begin(this.#submitter, this.#connection);
  }

  async #failuresOf(job: Job): Promise<Failure[]> {
    const failures = job.failure === undefined ? [] : [job.failure];
    const failed = await this.#call(methods.listTasks, {
      namespace: this.#namespace,
      jobId: job.jobId,
      stage: "",
      states: [TaskState.TASK_STATE_FAILED],
      page: { pageSize: 100, pageToken: "" },
    }).catch(() => undefined);
    for (const { lastFailure } of failed?.tasks.map(taskOf) ?? []) {
      const known = failures.some((one) => isSame(one, lastFailure));
      if (lastFailure !== undefined && !known) failures.push(lastFailure);
    }
    return failures;
  }
}

/** Whether two views tell of one failure; lists leave out stacks, so they are not compared. */
function isSame(one: Failure, other: Failure | undefined): boolean {
  return (
    one.failedAt?.getTime() === other?.failedAt?.getTime() &&
    one.workerId === other?.workerId &&
    one.message === other.message
  );
}

function expected<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new CapstanError("the master's answer is empty", { code: "INTERNAL" });
}

function pageOf({ pageSize = 0, pageToken = "" }: PageOptions): {
  pageSize: number;
  pageToken: string;
} {
  return { pageSize, pageToken };
}

function pageOfItems<T>(items: readonly T[], nextPageToken: string): Page<T> {
  return nextPageToken === "" ? { items } : { items, nextPageToken };
}

const burst = 1_024;

/** Items in groups: a group is submitted in one turn, so that it goes in few calls. */
async function* inBursts<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[]> {
  let group: T[] = [];
  if (Symbol.iterator in items) {
    for (const item of items) {
      group.push(item);
      if (group.length < burst) continue;
      yield group;
      group = [];
    }
  } else {
    for await (const item of items) {
      group.push(item);
      if (group.length < burst) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}
