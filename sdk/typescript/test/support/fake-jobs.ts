import { JobState, type TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import {
  AppendTasksRequest,
  AppendTasksResponse,
  SealJobRequest,
  SealJobResponse,
  SubmitJobRequest,
  SubmitJobResponse,
  SubmitJobsRequest,
  SubmitJobsResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { errorOf, status, type Unary } from "./scripted-master.js";

export interface FakeJob {
  readonly jobId: string;
  readonly request: SubmitJobRequest;
  readonly stages: Map<string, TaskSpec[]>;
  sealed: boolean;
}

const bytes = (message: { finish(): Uint8Array }): Buffer => Buffer.from(message.finish());

/** The part of a master that takes jobs: keeps the rules of uploads, and fails where a test says so. */
export class FakeJobs {
  readonly jobs = new Map<string, FakeJob>();
  readonly calls: string[] = [];
  /** Names of jobs for which there is no room, each for one time. */
  readonly busyFor = new Set<string>();
  /** Called before each call; what it throws is the answer. */
  before: (call: string, request: unknown) => void | Promise<void> = () => undefined;
  /** Called after each call has done its work; what it throws is the answer all the same. */
  after: (call: string) => void = () => undefined;

  unary(): Record<string, Unary> {
    const path = (name: string): string => `/capstan.v1.MasterService/${name}`;
    return {
      [path("SubmitJob")]: (request) =>
        this.#call("SubmitJob", SubmitJobRequest.decode(request), (decoded) =>
          bytes(SubmitJobResponse.encode(this.#submit(decoded))),
        ),
      [path("SubmitJobs")]: (request) =>
        this.#call("SubmitJobs", SubmitJobsRequest.decode(request), (decoded) => {
          const results = decoded.items.map((item) => {
            if (item.job?.name === "bad") {
              const error = { code: 3, message: "bad name", details: [] };
              return { result: { $case: "error" as const, value: error } };
            }
            if (this.busyFor.delete(item.job?.name ?? "")) {
              const error = { code: 14, message: "no room", details: [] };
              return { result: { $case: "error" as const, value: error } };
            }
            const value = this.#submit({ ...item, namespace: decoded.namespace });
            return { result: { $case: "job" as const, value } };
          });
          return bytes(SubmitJobsResponse.encode({ results }));
        }),
      [path("AppendTasks")]: (request) =>
        this.#call("AppendTasks", AppendTasksRequest.decode(request), (decoded) =>
          bytes(AppendTasksResponse.encode({ nextIndex: this.#append(decoded) })),
        ),
      [path("SealJob")]: (request) =>
        this.#call("SealJob", SealJobRequest.decode(request), (decoded) => {
          this.#seal(decoded);
          return bytes(SealJobResponse.encode({ state: JobState.JOB_STATE_RUNNING, warnings: [] }));
        }),
    };
  }

  async #call<T>(name: string, request: T, answer: (request: T) => Buffer): Promise<Buffer> {
    this.calls.push(name);
    await this.before(name, request);
    const response = answer(request);
    this.after(name);
    return response;
  }

  #submit(request: SubmitJobRequest): SubmitJobResponse {
    const known = this.jobs.get(request.idempotencyKey);
    const job: FakeJob = known ?? {
      jobId: `job_${this.jobs.size + 1}`,
      request,
      stages: new Map((request.job?.stages ?? []).map((s) => [s.name || "main", [...s.tasks]])),
      sealed: !request.moreToUpload,
    };
    this.jobs.set(request.idempotencyKey, job);
    return {
      jobId: job.jobId,
      state: job.sealed ? JobState.JOB_STATE_RUNNING : JobState.JOB_STATE_UPLOADING,
      existing: known !== undefined,
      nextIndexes: job.sealed
        ? []
        : [...job.stages].map(([stage, tasks]) => ({ stage, count: tasks.length })),
      warnings: [],
    };
  }

  #append({ jobId, stage, firstIndex, tasks }: AppendTasksRequest): number {
    const there = this.#find(jobId).stages.get(stage || "main")!;
    if (firstIndex + tasks.length <= there.length) return there.length;
    if (firstIndex !== there.length) {
      const metadata = { next_index: String(there.length) };
      throw errorOf(status.FAILED_PRECONDITION, "UPLOAD_GAP", { metadata });
    }
    there.push(...tasks);
    return there.length;
  }

  #seal({ jobId, counts }: SealJobRequest): void {
    const job = this.#find(jobId);
    for (const [stage, tasks] of job.stages) {
      const count = counts.find((one) => one.stage === stage)?.count ?? 0;
      if (count !== tasks.length) {
        throw errorOf(status.FAILED_PRECONDITION, "UPLOAD_COUNT_MISMATCH");
      }
    }
    job.sealed = true;
  }

  #find(jobId: string): FakeJob {
    return [...this.jobs.values()].find((job) => job.jobId === jobId)!;
  }
}
