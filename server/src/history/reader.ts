import type { Database, Statement } from "./sqlite.js";
import type {
  CountsView,
  DeliveryView,
  FailureView,
  JobFilter,
  JobView,
  StageSpec,
  TaskKind,
  TaskView,
} from "../core/index.js";
import { queries } from "../core/index.js";
import { decodeTaskKind } from "../journal/entry/index.js";
import type { JobsPage } from "./history.js";
import { recordOf, selectJob } from "./job-record.js";
import type { JobRecord, StageRecord } from "./job-record.js";
import { pageTasks, TaskCode, type TaskPage } from "./task-page.js";
import type { TaskPages } from "./task-pages.js";
import type { EndedDelivery, Troubles } from "./troubles.js";

interface WorkerNames {
  readonly workerId: string;
  readonly host: string;
  readonly rack: string;
}

/** Of a worker that registered before a history that was lost began anew. */
const noNames: WorkerNames = { workerId: "", host: "", rack: "" };

/** Kinds of tasks in memory, of the job that was asked for last. */
interface JobKinds {
  readonly job: number;
  readonly kinds: Map<number, TaskKind>;
}

/** Jobs and tasks as the core would show them. Of jobs that have ended, and of those alone. */
export class Reader {
  readonly #database: Database;
  readonly #pages: TaskPages;
  readonly #troubles: Troubles;
  readonly #byId: Statement;
  readonly #worker: Statement;
  readonly #kind: Statement;
  readonly #lists = new Map<string, Statement>();
  #kinds: JobKinds = { job: -1, kinds: new Map() };

  constructor(database: Database, pages: TaskPages, troubles: Troubles) {
    this.#database = database;
    this.#pages = pages;
    this.#troubles = troubles;
    this.#byId = database.prepare(
      `${selectJob} WHERE id = ? AND namespace = ? AND finished_wall IS NOT NULL`,
    );
    this.#worker = database.prepare("SELECT id AS workerId, host, rack FROM worker WHERE no = ?");
    this.#kind = database.prepare("SELECT bytes FROM kind WHERE job = ? AND no = ?");
  }

  /** @returns undefined when the namespace has no such job that has ended */
  find(namespace: string, id: string): JobRecord | undefined {
    const row = this.#byId.get(id, namespace);
    return row && recordOf(row);
  }

  jobView(job: JobRecord): JobView {
    const { failedTask } = job;
    return {
      no: job.no,
      id: job.id,
      spec: job.spec(),
      idempotencyKey: job.idempotencyKey,
      state: job.state,
      run: job.run,
      cancelCause: job.cancelCause,
      note: job.note,
      submittedWall: job.submittedWall,
      finishedWall: job.finishedWall,
      stages: job.stages.map((stage) => ({
        name: specOf(stage).name,
        taskCount: stage.taskCount,
        opened: stage.opened,
        counts: countsOf(stage),
        retries: stage.retries,
      })),
      failure: failedTask === undefined ? undefined : this.#lastFailure(job, failedTask),
      failedTask: failedTask === undefined ? undefined : this.#placeOf(job, failedTask),
      revision: 0,
    };
  }

  /** As {@link History.jobs}. @param scanMax how many jobs are looked at, at the most */
  jobs(filter: JobFilter, before: number, floor: number, limit: number, scanMax = 2_000): JobsPage {
    const jobs: JobView[] = [];
    let next = Math.min(before, Number.MAX_SAFE_INTEGER);
    const rows = this.#list(filter).iterate(
      ...[filter.namespace, next, floor, ...(filter.name === "" ? [] : [filter.name])],
      ...filter.states,
    );
    let scanned = 0;
    for (const row of rows) {
      if (jobs.length >= limit || scanned >= scanMax) return { jobs, next };
      scanned += 1;
      const job = recordOf(row);
      next = job.no;
      if (queries.hasLabels(job.spec(), filter.labels)) jobs.push(this.jobView(job));
    }
    return { jobs, next: undefined };
  }

  #list({ name, states }: JobFilter): Statement {
    const isIll = states.length > 0 && !states.includes("succeeded");
    const conditions = [
      "namespace = ? AND job.no < ? AND job.no >= ?",
      ...(name === "" ? [] : ["name = ?"]),
      ...(states.length === 0 ? [] : [`state IN (${states.map(() => "?").join(", ")})`]),
      // Said so that the index of those can be taken, which are few.
      ...(isIll ? ["state IN ('failed', 'cancelled')"] : []),
      "finished_wall IS NOT NULL",
    ];
    const sql = `${selectJob} WHERE ${conditions.join(" AND ")} ORDER BY job.no DESC`;
    let statement = this.#lists.get(sql);
    if (statement === undefined) {
      this.#lists.set(sql, (statement = this.#database.prepare(sql)));
    }
    return statement;
  }

  /** State of a task, by the names of the core. */
  stateOf(task: number): "succeeded" | "failed" | "cancelled" {
    switch (this.#pages.of(task).state[task % pageTasks]) {
      case TaskCode.succeeded:
        return "succeeded";
      case TaskCode.failed:
        return "failed";
      default:
        return "cancelled";
    }
  }

  taskView(stage: StageRecord, task: number): TaskView {
    const { job } = stage;
    const page = this.#pages.of(task);
    const row = task % pageTasks;
    const state = this.stateOf(task);
    const kind = this.#kindOf(stage, page, row);
    const isTroubled = page.troubled[row] === 1;
    const trouble = isTroubled ? this.#troubles.of(task) : undefined;
    const ended = isTroubled ? this.#troubles.deliveries(task) : [];
    const failed = ended.findLast(({ failure }) => failure !== undefined);
    const attempt = (page.failures[row] as number) + 1;
    const bodyBytes = page.bodyBytes[row] as number;
    return {
      jobId: job.id,
      stage: specOf(stage).name,
      stagePosition: stage.position,
      index: page.index[row] as number,
      state,
      reason: "",
      cause: queries.causeOf(job.cancelCause, stage.pruned, state),
      kind,
      generation: page.generation[row] as number,
      attempt: state === "failed" ? (ended.at(-1)?.attempt ?? attempt) : attempt,
      delivery: page.delivery[row] as number,
      body: bodyBytes > 0 ? (page.body[row] as number) : 0,
      bodyBytes,
      inputBytes: page.inputBytes[row] as number,
      recordCount: page.recordCount[row] as number,
      checkpoint: trouble?.checkpoint ?? 0,
      lost: page.lost[row] as number,
      oom: page.oom[row] as number,
      deliveriesUsed: page.deliveries[row] as number,
      dueInMs: 0,
      finishedWall: queries.knownWall(page.endedWall[row] as number),
      deadLetterId: trouble?.deadLetterId ?? "",
      lastFailure: failed && this.#failureView(failed, kind),
      deliveries: this.#deliveriesOf(page, row, attempt, ended),
      deliveriesDropped: trouble?.dropped ?? 0,
      // No job leaves the core while a worker holds something of it.
      stopping: [],
    };
  }

  #deliveriesOf(
    page: TaskPage,
    row: number,
    attempt: number,
    ended: readonly EndedDelivery[],
  ): readonly DeliveryView[] {
    const views = ended.map((one) => this.#endedView(one));
    const delivery = page.delivery[row] as number;
    if (delivery === 0 || ended.at(-1)?.delivery === delivery) return views;
    // The one that succeeded, or that was stopped with its job: rows hold those that ended otherwise.
    views.push({
      generation: page.generation[row] as number,
      delivery,
      attempt,
      ...this.#namesOf(page.worker[row] as number),
      level: page.level[row] as DeliveryView["level"],
      grantedWall: page.grantedWall[row] as number,
      endedWall: page.endedWall[row] as number,
      end: page.state[row] === TaskCode.succeeded ? "succeeded" : "cancelled",
      charge: "none",
      failure: undefined,
      progress: 0,
      progressNote: "",
    });
    return views;
  }

  #endedView({ worker, level, ...ended }: EndedDelivery): DeliveryView {
    return {
      generation: ended.generation,
      delivery: ended.delivery,
      attempt: ended.attempt,
      ...this.#namesOf(worker),
      level: level as DeliveryView["level"],
      grantedWall: ended.grantedWall,
      endedWall: ended.endedWall,
      end: ended.end,
      charge: ended.charge,
      failure: ended.failure,
      progress: 0,
      progressNote: "",
    };
  }

  #placeOf(job: JobRecord, task: number): JobView["failedTask"] {
    const { page, row, stage } = this.#rowOf(job, task);
    return { stage: specOf(stage).name, index: page.index[row] as number };
  }

  #lastFailure(job: JobRecord, task: number): FailureView | undefined {
    const failed = this.#troubles.deliveries(task).findLast(({ failure }) => failure !== undefined);
    if (failed === undefined) return undefined;
    const { page, row, stage } = this.#rowOf(job, task);
    return this.#failureView(failed, this.#kindOf(stage, page, row));
  }

  #rowOf(job: JobRecord, task: number): { page: TaskPage; row: number; stage: StageRecord } {
    const page = this.#pages.of(task);
    const row = task % pageTasks;
    const stage = job.stages[(page.stage[row] as number) - job.firstStage] as StageRecord;
    return { page, row, stage };
  }

  #failureView(ended: EndedDelivery, kind: TaskKind): FailureView | undefined {
    const { failure } = ended;
    if (failure === undefined) return undefined;
    const { workerId, host } = this.#namesOf(ended.worker);
    return {
      facts: failure,
      generation: ended.generation,
      delivery: ended.delivery,
      attempt: ended.attempt,
      attemptsMax: kind.policy.retry.attemptsMax,
      workerId,
      host,
      charge: ended.charge,
      grantedWall: ended.grantedWall,
      endedWall: ended.endedWall,
    };
  }

  #kindOf(stage: StageRecord, page: TaskPage, row: number): TaskKind {
    const no = page.kind[row] as number;
    if (no === 0) return specOf(stage).task;
    const job = stage.job.no;
    if (this.#kinds.job !== job) this.#kinds = { job, kinds: new Map() };
    const { kinds } = this.#kinds;
    let kind = kinds.get(no);
    if (kind === undefined) {
      const found = this.#kind.get(job, no) as { bytes: Uint8Array } | undefined;
      if (found === undefined) throw new Error(`kind ${no} of job ${stage.job.id} is not kept`);
      kinds.set(no, (kind = decodeTaskKind(found.bytes)));
    }
    return kind;
  }

  #namesOf(worker: number): WorkerNames {
    return (this.#worker.get(worker) as WorkerNames | undefined) ?? noNames;
  }
}

function specOf({ job, position }: StageRecord): StageSpec {
  return job.spec().stages[position] as StageSpec;
}

/** Of a job that has ended, so that nothing is under way. */
function countsOf({ succeeded, failed, cancelled }: StageRecord): CountsView {
  const none = { blocked: 0, scheduled: 0, pending: 0, leased: 0, running: 0 };
  return { ...none, succeeded, failed, cancelled };
}
