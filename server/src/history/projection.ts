import type { Database, Statement } from "./sqlite.js";
import type {
  Charge,
  CoreEvent,
  DeliveryEnd,
  EventOf,
  FailureFacts,
  JobNo,
  Stamp,
  TaskDraft,
  TaskKind,
} from "../core/index.js";
import { unreachable } from "../core/index.js";
import type { DecodedEntry } from "../journal/entry/index.js";
import type { JobBook } from "./job-book.js";
import type { JobRecord, StageRecord } from "./job-record.js";
import { grow, taskAt } from "./job-record.js";
import type { Sections } from "./sections.js";
import { pageTasks, TaskCode, type TaskPage } from "./task-page.js";
import type { TaskPages } from "./task-pages.js";
import type { EndedDelivery, Troubles } from "./troubles.js";

/** Where rows go. */
export interface Tables {
  readonly jobs: JobBook;
  readonly pages: TaskPages;
  readonly troubles: Troubles;
  readonly sections: Sections;
}

/**
 * From events to rows. What the core's appliers do to its state, this does to the history, as far as
 * anybody can ask for it: a job that left the core is answered for as it was in there.
 *
 * Events of jobs and tasks that are not known are passed over: a history that was lost begins anew in
 * the middle of a journal.
 */
export class Projection {
  readonly #jobs: JobBook;
  readonly #pages: TaskPages;
  readonly #troubles: Troubles;
  readonly #sections: Sections;
  readonly #setWorker: Statement;
  /** The number of the next stage: stages are numbered in the order of their jobs. */
  nextStage: number;
  /** The first job that it knows; 0: it knows all. Infinity: it begins in the middle, and none has come so far. */
  firstJob = 0;

  constructor(database: Database, tables: Tables, nextStage: number) {
    this.#jobs = tables.jobs;
    this.#pages = tables.pages;
    this.#troubles = tables.troubles;
    this.#sections = tables.sections;
    this.nextStage = nextStage;
    this.#setWorker = database.prepare(
      "INSERT OR REPLACE INTO worker (no, id, host, rack) VALUES (?, ?, ?, ?)",
    );
  }

  /** Takes in an entry. */
  project({ events, stamp, firstBlob, lengths, section }: DecodedEntry): void {
    this.#sections.add(firstBlob, lengths, section);
    for (const event of events) this.#take(event, stamp);
  }

  #take(event: CoreEvent, stamp: Stamp): void {
    switch (event.type) {
      case "lease_granted":
        return this.#granted(event, stamp);
      case "task_succeeded":
        return this.#succeeded(event, stamp);
      case "job_submitted":
        return this.#submitted(event, stamp);
      case "tasks_added":
        return this.#added(event);
      case "job_finished":
        return this.#finished(event, stamp);
      case "attempt_failed":
        return this.#attemptFailed(event, stamp);
      case "task_failed":
        return this.#taskFailed(event, stamp);
      case "delivery_requeued":
        return this.#requeued(event, stamp);
      case "delivery_cancelled":
        return this.#deliveryCancelled(event, stamp);
      case "tasks_cancelled":
        return this.#tasksCancelled(event, stamp);
      case "tasks_unblocked":
        for (const task of event.tasks) this.#setState(task, TaskCode.waiting);
        return;
      case "checkpoint_saved":
        return this.#checkpoint(event);
      case "stage_opened":
        return this.#opened(event);
      case "stage_pruned":
      case "job_sealed":
      case "job_cancel_started":
      case "job_failing":
        return this.#jobChanged(event);
      case "worker_registered": {
        const { workerId, host, rack } = event.spec;
        this.#setWorker.run(event.worker, workerId, host, rack);
        return;
      }
      case "tasks_released":
      case "lease_freed":
      case "lease_adopted":
      case "jobs_retired":
      case "tasks_retired":
      case "keys_forgotten":
      case "worker_updated":
      case "leases_promoted":
      case "worker_draining":
      case "worker_lost":
        return;
      default:
        return unreachable(event);
    }
  }

  #submitted(event: EventOf<"job_submitted">, { wall }: Stamp): void {
    this.firstJob = Math.min(this.firstJob, event.job);
    const firstStage = this.nextStage;
    this.nextStage += event.spec.stages.length;
    const job = this.#jobs.add(event, firstStage, wall);
    let task = event.firstTask;
    let blob = event.firstBlob;
    for (const { stage, tasks } of event.tasks) {
      this.#addTasks(job.stages[stage] as StageRecord, task, blob, tasks);
      task += tasks.length;
      blob += tasks.length;
    }
  }

  #added(event: EventOf<"tasks_added">): void {
    const stage = this.#jobs.stage(event.stage);
    if (stage === undefined) return;
    this.#addTasks(stage, event.firstTask, event.firstBlob, event.tasks);
    this.#jobs.touch(stage.job);
  }

  #addTasks(
    stage: StageRecord,
    firstTask: number,
    firstBlob: number,
    drafts: readonly TaskDraft[],
  ): void {
    const { job, position } = stage;
    const waitsForEach = job.spec().stages[position]?.dependsOn.some(({ kind }) => kind === "each");
    const state = waitsForEach === true ? TaskCode.blocked : TaskCode.waiting;
    const kinds = new Map<TaskKind, number>();
    let index = stage.taskCount;
    for (const [i, draft] of drafts.entries()) {
      const task = firstTask + i;
      const page = this.#pages.toExtend(task);
      const row = task % pageTasks;
      page.state[row] = state;
      page.stage[row] = job.firstStage + position;
      page.index[row] = index++;
      page.generation[row] = 1;
      page.body[row] = firstBlob + i;
      page.bodyBytes[row] = draft.bodyBytes;
      page.inputBytes[row] = draft.inputBytes;
      page.recordCount[row] = draft.recordCount;
      if (draft.kind !== undefined) page.kind[row] = this.#kindOf(job, draft.kind, kinds);
    }
    grow(stage, firstTask, drafts.length);
  }

  #kindOf(job: JobRecord, kind: TaskKind, known: Map<TaskKind, number>): number {
    let no = known.get(kind);
    if (no === undefined) known.set(kind, (no = this.#jobs.kindOf(job, kind)));
    return no;
  }

  #opened(event: EventOf<"stage_opened">): void {
    const stage = this.#jobs.stage(event.stage);
    for (const { task, bytes } of event.located) {
      const page = this.#pages.toChange(task);
      page.inputBytes[task % pageTasks] = bytes;
    }
    if (stage === undefined) return;
    stage.opened = true;
    this.#jobs.touch(stage.job);
  }

  #jobChanged(
    event: EventOf<"stage_pruned" | "job_sealed" | "job_cancel_started" | "job_failing">,
  ): void {
    if (event.type === "stage_pruned") {
      const stage = this.#jobs.stage(event.stage);
      if (stage === undefined) return;
      stage.pruned = true;
      return this.#jobs.touch(stage.job);
    }
    const job = this.#jobs.job(event.job);
    if (job === undefined) return;
    this.#jobs.touch(job);
    switch (event.type) {
      case "job_sealed":
        job.state = "running";
        return;
      case "job_failing":
        job.state = "failing";
        return;
      case "job_cancel_started":
        job.state = "cancelling";
        job.cancelCause = event.cause;
        job.note = event.note;
    }
  }

  #finished(event: EventOf<"job_finished">, { wall }: Stamp): void {
    const job = this.#jobs.job(event.job);
    if (job === undefined) return;
    job.state = event.state;
    job.finishedWall = wall;
    if (job.keptMs !== undefined) job.expiresWall = wall + job.keptMs;
    this.#jobs.touch(job);
  }

  #granted(event: EventOf<"lease_granted">, { wall }: Stamp): void {
    const { task } = event;
    const page = this.#pages.toChange(task);
    const row = task % pageTasks;
    if (!isKnown(page, row)) return;
    page.state[row] = TaskCode.leased;
    page.delivery[row] = event.delivery;
    page.deliveries[row] = (page.deliveries[row] as number) + 1;
    page.worker[row] = event.worker;
    page.level[row] = event.level;
    page.grantedWall[row] = wall;
  }

  #succeeded(event: EventOf<"task_succeeded">, { wall }: Stamp): void {
    const { task, outputs } = event;
    const page = this.#pages.toChange(task);
    const row = task % pageTasks;
    if (!isKnown(page, row)) return;
    page.state[row] = TaskCode.succeeded;
    page.endedWall[row] = wall;
    if (event.recordCount > 0) page.recordCount[row] = event.recordCount;
    if (outputs.length > 0) {
      page.outputs[row] = event.firstBlob;
      page.outputsCount[row] = outputs.length;
      if (outputs.some(({ partition }, i) => partition !== i)) {
        const partitions = outputs.map(({ partition }) => partition);
        page.partitions.set(row, partitions);
      }
    }
    const stage = this.#stageOf(page, row);
    stage.succeeded += 1;
    this.#jobs.touch(stage.job);
  }

  #attemptFailed(event: EventOf<"attempt_failed">, stamp: Stamp): void {
    const stage = this.#ended(event, TaskCode.waiting, "failed", event.failure, stamp);
    if (stage !== undefined) stage.retries += 1;
  }

  #taskFailed(event: EventOf<"task_failed">, stamp: Stamp): void {
    const stage = this.#ended(event, TaskCode.failed, "failed", event.failure, stamp);
    if (stage === undefined) return;
    this.#troubles.setDeadLetter(event.task, event.deadLetterId);
    stage.failed += 1;
    const { job } = stage;
    // Once the job is failing, the failure that made it so stands.
    if (job.state === "running" || job.failedTask === undefined) job.failedTask = event.task;
  }

  #requeued(event: EventOf<"delivery_requeued">, stamp: Stamp): void {
    this.#ended(event, TaskCode.waiting, event.reason, undefined, stamp);
  }

  #deliveryCancelled(event: EventOf<"delivery_cancelled">, stamp: Stamp): void {
    const stage = this.#ended(event, TaskCode.cancelled, "cancelled", event.failure, stamp);
    if (stage !== undefined) stage.cancelled += 1;
  }

  /** A delivery that ends without success. @returns the task's stage; undefined: it is not known */
  #ended(
    event: DeliveryEnd,
    to: number,
    end: EndedDelivery["end"],
    failure: FailureFacts | undefined,
    { wall }: Stamp,
  ): StageRecord | undefined {
    const { task, charge } = event;
    const page = this.#pages.toChange(task);
    const row = task % pageTasks;
    if (!isKnown(page, row)) return undefined;
    const stage = this.#stageOf(page, row);
    const dropped = this.#troubles.addDelivery(stage.job.no, {
      task,
      generation: event.generation,
      delivery: event.delivery,
      attempt: event.attempt,
      worker: event.worker,
      level: page.level[row] as number,
      grantedWall: page.grantedWall[row] as number,
      endedWall: wall,
      end,
      charge,
      failure,
    });
    this.#sections.release(dropped);
    page.troubled[row] = 1;
    page.state[row] = to;
    page.endedWall[row] = wall;
    chargeTask(page, row, charge);
    this.#jobs.touch(stage.job);
    return stage;
  }

  #checkpoint(event: EventOf<"checkpoint_saved">): void {
    const { task, body } = event;
    const page = this.#pages.toChange(task);
    const row = task % pageTasks;
    if (!isKnown(page, row)) return;
    const job: JobNo = this.#stageOf(page, row).job.no;
    this.#sections.release(this.#troubles.setCheckpoint(job, task, body));
    page.troubled[row] = 1;
  }

  #tasksCancelled(event: EventOf<"tasks_cancelled">, { wall }: Stamp): void {
    const stage = this.#jobs.stage(event.stage);
    if (stage === undefined) return;
    for (let index = event.fromIndex; index < event.toIndex; index++) {
      const task = taskAt(stage, index);
      if (task === undefined) continue;
      const page = this.#pages.toChange(task);
      const row = task % pageTasks;
      const state = page.state[row] as number;
      if (!isSwept(state, event.scope)) continue;
      page.endedWall[row] = wall;
      page.state[row] = TaskCode.cancelled;
      stage.cancelled += 1;
    }
    this.#jobs.touch(stage.job);
  }

  #setState(task: number, state: number): void {
    const page = this.#pages.toChange(task);
    const row = task % pageTasks;
    if (isKnown(page, row)) page.state[row] = state;
  }

  /** The stage of a task that is known, and whose job has not ended. */
  #stageOf(page: TaskPage, row: number): StageRecord {
    const stage = this.#jobs.stage(page.stage[row] as number);
    if (stage === undefined) throw new Error(`task ${page.no * pageTasks + row} without its stage`);
    return stage;
  }
}

function isKnown({ state }: TaskPage, row: number): boolean {
  const code = state[row];
  return code !== TaskCode.none && code !== TaskCode.removed;
}

/** Takes an ended delivery out of the budget that pays for it. */
function chargeTask(page: TaskPage, row: number, charge: Charge): void {
  switch (charge) {
    case "attempt":
      page.failures[row] = (page.failures[row] as number) + 1;
      return;
    case "lost":
      page.lost[row] = (page.lost[row] as number) + 1;
      return;
    case "oom":
      page.oom[row] = (page.oom[row] as number) + 1;
      return;
    case "none":
    case "drain":
    case "breaker":
  }
}

function isSwept(state: number, scope: EventOf<"tasks_cancelled">["scope"]): boolean {
  switch (scope) {
    case "all":
      return state >= TaskCode.blocked && state <= TaskCode.leased;
    case "unleased":
      return state === TaskCode.blocked || state === TaskCode.waiting;
    case "blocked":
      return state === TaskCode.blocked;
  }
}
