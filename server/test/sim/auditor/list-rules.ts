import { TaskState } from "@capstan/proto/capstan/v1/task.js";
import type { Task } from "@capstan/proto/capstan/v1/task.js";
import type * as wire from "@capstan/proto/capstan/v1/master_service.js";
import type { Auditor } from "./auditor.js";
import type { JobModel, StageModel } from "./model.js";

/**
 * What a list leaves out. It may be a little older than what is durable as it leaves, never older than what was as
 * it was asked for: that is noted here, by request.
 */
export class ListRules {
  readonly #auditor: Auditor;
  /** How many jobs there were. */
  readonly #jobs = new WeakMap<object, number>();
  /** How many tasks there were, by stage of the job that is asked about. */
  readonly #tasks = new WeakMap<object, readonly number[]>();

  constructor(auditor: Auditor) {
    this.#auditor = auditor;
  }

  askedForJobs(request: wire.ListJobsRequest): void {
    this.#jobs.set(request, this.#auditor.model.jobs.length);
  }

  askedForTasks(request: wire.ListTasksRequest): void {
    const job = this.#auditor.model.jobById.get(request.jobId);
    this.#tasks.set(request, job?.stages.map(({ tasks }) => tasks.length) ?? []);
  }

  /** A first page without a filter: newest first, each once, and none that was there is missing. */
  jobs(request: wire.ListJobsRequest, { jobs, nextPageToken }: wire.ListJobsResponse): void {
    const { verdict, model } = this.#auditor;
    const { namespace } = request;
    const listed = jobs.map(({ jobId }) => model.jobById.get(jobId)?.no ?? -1);
    verdict.check(
      listed.every((no, i) => i === 0 || no < (listed[i - 1] ?? 0)),
      () => `jobs of ${namespace} are listed out of order: ${listed.join(", ")}`,
    );
    const foreign = jobs.find(({ jobId }) => model.jobById.get(jobId)?.namespace !== namespace);
    verdict.check(
      foreign === undefined,
      () => `job ${foreign?.jobId} is listed in ${namespace}, where it is not`,
    );
    // What lies behind the last one is on the next page, if there is one.
    const floor = nextPageToken === "" ? 0 : (listed.at(-1) ?? Infinity);
    const seen = new Set(listed);
    for (let no = (this.#jobs.get(request) ?? 0) - 1; no >= floor; no--) {
      const job = model.jobs[no] as JobModel;
      if (job.namespace !== namespace || job.retired) continue;
      verdict.check(seen.has(no), () => `job ${job.id}, which is durable, is not listed`);
    }
    if (listed.length > 1) this.#auditor.gate("several jobs were listed");
  }

  /** A first page without a filter: by stage and index, none missing, each as the disk has it or older. */
  tasks(request: wire.ListTasksRequest, { tasks, nextPageToken }: wire.ListTasksResponse): void {
    const { verdict, model } = this.#auditor;
    const job = model.jobById.get(request.jobId);
    if (job === undefined) return;
    const byStage = new Map<string, Task[]>();
    for (const task of tasks) {
      const row = byStage.get(task.stage);
      if (row === undefined) byStage.set(task.stage, [task]);
      else row.push(task);
      this.#task(job, task);
    }
    const names = [...byStage.keys()];
    const wanted = job.stages.map(({ spec }) => spec.name).filter((name) => byStage.has(name));
    verdict.check(
      names.join() === wanted.join(),
      () => `stages of ${job.id} are listed as ${names.join(", ")}`,
    );
    const last = nextPageToken === "" ? undefined : names.at(-1);
    for (const [position, least] of (this.#tasks.get(request) ?? []).entries()) {
      const { name } = (job.stages[position] as StageModel).spec;
      const listed = byStage.get(name) ?? [];
      verdict.check(
        listed.every(({ index }, i) => index === i),
        () => `tasks of ${job.id}/${name} are left out of a list`,
      );
      // Where the page ends, and behind that, tasks are on the next one.
      if (nextPageToken !== "" && (last === undefined || name === last)) break;
      verdict.check(
        listed.length >= least,
        () => `${least} tasks of ${job.id}/${name} are durable, and ${listed.length} listed`,
      );
    }
    if (tasks.length > 1) this.#auditor.gate("several tasks were listed");
  }

  #task(job: JobModel, { taskId, stage, index, state, deliveryCount }: Task): void {
    const { verdict } = this.#auditor;
    const known = job.stages.find(({ spec }) => spec.name === stage)?.tasks[index];
    if (known === undefined) return verdict.fail(`${taskId} is listed and is not durable`);
    verdict.check(
      deliveryCount <= known.deliveries,
      () => `${taskId} is listed in delivery ${deliveryCount}, which is not durable`,
    );
    const end = ends[state];
    verdict.check(
      end === undefined || known.state === end,
      () => `${taskId} is listed as ${end}, and is durable as ${known.state}`,
    );
  }
}

/** States that a task does not leave again. */
const ends: { readonly [state: number]: "succeeded" | "failed" | "cancelled" | undefined } = {
  [TaskState.TASK_STATE_SUCCEEDED]: "succeeded",
  [TaskState.TASK_STATE_FAILED]: "failed",
  [TaskState.TASK_STATE_CANCELLED]: "cancelled",
};
