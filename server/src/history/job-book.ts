import { Specs } from "./specs.js";
import type { Database, Statement } from "./sqlite.js";
import type { EventOf, JobNo, JobSpec, JobState, StageNo, TaskKind } from "../core/index.js";
import type { TaskNo, WallMs } from "../core/index.js";
import { decodeJobSpec, encodeTaskKind } from "../journal/entry/index.js";

/** Tasks that lie side by side: indexes from `firstIndex` are numbers from `firstTask`. */
export interface Stretch {
  readonly firstIndex: number;
  readonly firstTask: TaskNo;
  count: number;
}

/** Something that is made when it is first asked for: most jobs end without anybody looking at their spec. */
export type Lazy<T> = () => T;

/** A stage, as far as it has come. */
export interface StageRecord {
  readonly job: JobRecord;
  readonly position: number;
  opened: boolean;
  pruned: boolean;
  taskCount: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  retries: number;
  readonly stretches: Stretch[];
}

/** A job, as far as it has come. */
export interface JobRecord {
  readonly no: JobNo;
  readonly id: string;
  readonly spec: Lazy<JobSpec>;
  readonly idempotencyKey: string;
  readonly submittedWall: WallMs;
  readonly firstStage: StageNo;
  state: JobState;
  run: number;
  cancelCause: string;
  note: string;
  finishedWall: WallMs | undefined;
  /** When it is to be removed, if it says so itself. */
  expiresWall: WallMs | undefined;
  /** How long it is kept from its end on, if it says so itself. */
  readonly keptMs: number | undefined;
  failedTask: TaskNo | undefined;
  readonly stages: StageRecord[];
  /** How often each kind of task has a number of its own. */
  kinds: Map<string, number> | undefined;
  isStored: boolean;
  isDirty: boolean;
}

/** A row of the table `job`. */
export interface JobRow {
  readonly no: number;
  readonly id: string;
  readonly state: JobState;
  readonly run: number;
  readonly cancel_cause: string;
  readonly note: string;
  readonly idempotency_key: string;
  readonly submitted_wall: number;
  readonly finished_wall: number | null;
  readonly expires_wall: number | null;
  readonly kept_ms: number | null;
  readonly failed_task: number | null;
  readonly first_stage: number;
  readonly stages: string;
  readonly spec_bytes: Uint8Array;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
}

/** What a query for rows of jobs begins with. */
export const selectJob =
  "SELECT job.*, spec.bytes AS spec_bytes FROM job JOIN spec ON spec.no = job.spec";

/**
 * Jobs in memory that have not ended, at the most. Those that came first stay, because they are the next to
 * change; the others are read back when something happens to them.
 */
export const openJobsMax = 65_536;

/** Jobs that have not ended; the others are rows alone. */
export class JobBook {
  readonly #jobs = new Map<JobNo, JobRecord>();
  readonly #stages = new Map<StageNo, StageRecord>();
  readonly #dirty: JobRecord[] = [];
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #openByNo: Statement;
  readonly #before: Statement;
  readonly #bounds: Statement;
  readonly #kindsOf: Statement;
  readonly #addKind: Statement;
  readonly #specs: Specs;
  // Events in a row are mostly of one stage.
  #lastStage: StageRecord | undefined;
  #lastStageNo = -1;

  readonly #openMax: number;

  /** @param openMax {@link openJobsMax}, or fewer for a test */
  constructor(database: Database, openMax: number) {
    this.#openMax = openMax;
    this.#insert = database.prepare(
      `INSERT INTO job (no, id, namespace, name, idempotency_key, submitted_wall, first_stage, spec,
         traceparent, tracestate, baggage, kept_ms, state, run, cancel_cause, note, finished_wall, expires_wall, failed_task, stages)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = database.prepare(
      `UPDATE job SET state = ?, run = ?, cancel_cause = ?, note = ?, finished_wall = ?,
         expires_wall = ?, failed_task = ?, stages = ? WHERE no = ?`,
    );
    this.#kindsOf = database.prepare("SELECT no, bytes FROM kind WHERE job = ? ORDER BY no");
    this.#addKind = database.prepare("INSERT INTO kind (job, no, bytes) VALUES (?, ?, ?)");
    this.#openByNo = database.prepare(`${selectJob} WHERE job.no = ? AND finished_wall IS NULL`);
    this.#before = database.prepare(
      "SELECT no, first_stage FROM job WHERE no <= ? ORDER BY no DESC LIMIT 1",
    );
    this.#bounds = database.prepare("SELECT min(no) AS first, max(no) AS last FROM job");
    this.#specs = new Specs(database);
  }

  /** @returns undefined when it is not known here, or has ended and been written */
  job(no: JobNo): JobRecord | undefined {
    return this.#jobs.get(no) ?? this.#load(this.#openByNo.get(no));
  }

  /** @returns as {@link job}. Good until the next flush */
  stage(no: StageNo): StageRecord | undefined {
    if (this.#lastStageNo === no) return this.#lastStage;
    let stage = this.#stages.get(no);
    if (stage === undefined) {
      const owner = this.#jobOfStage(no);
      const job = owner === undefined ? undefined : this.job(owner);
      stage = job?.stages[no - job.firstStage];
    }
    this.#lastStageNo = no;
    this.#lastStage = stage;
    return stage;
  }

  add(event: EventOf<"job_submitted">, firstStage: StageNo, wall: WallMs): JobRecord {
    const { spec, opened } = event;
    const stages: StageRecord[] = [];
    const { keptMs } = this.#specs.use(event.job, spec);
    const job: JobRecord = {
      no: event.job,
      id: event.id,
      spec: () => spec,
      idempotencyKey: event.idempotencyKey,
      submittedWall: wall,
      firstStage,
      state: event.uploading ? "uploading" : "running",
      run: 1,
      cancelCause: "",
      note: "",
      finishedWall: undefined,
      expiresWall: undefined,
      keptMs,
      failedTask: undefined,
      stages,
      kinds: undefined,
      isStored: false,
      isDirty: false,
    };
    for (let position = 0; position < spec.stages.length; position++) {
      stages.push({
        job,
        position,
        opened: opened.includes(position),
        pruned: false,
        taskCount: 0,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
        retries: 0,
        stretches: [],
      });
    }
    this.#keep(job);
    this.touch(job);
    return job;
  }

  /** The job has changed: it is written with the next flush. */
  touch(job: JobRecord): void {
    if (job.isDirty) return;
    job.isDirty = true;
    this.#dirty.push(job);
  }

  /** The number of a kind that is not its stage's. */
  kindOf(job: JobRecord, kind: TaskKind): number {
    const bytes = encodeTaskKind(kind);
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const kinds = (job.kinds ??= this.#readKinds(job));
    let no = kinds.get(key);
    if (no === undefined) {
      no = kinds.size + 1;
      kinds.set(key, no);
      this.#addKind.run(job.no, no, bytes);
    }
    return no;
  }

  /** Removes specs of which all jobs are gone. Nothing may be unflushed. */
  removeUnusedSpecs(): void {
    this.#specs.removeUnused();
  }

  /** Writes what has changed, and lets go of those that have ended, and of what is too much. */
  flush(): void {
    for (const job of this.#dirty) {
      job.isDirty = false;
      if (job.isStored) this.#write(job);
      else this.#writeNew(job);
      job.isStored = true;
      if (job.finishedWall === undefined && this.#jobs.size <= this.#openMax) continue;
      this.#jobs.delete(job.no);
      for (let i = 0; i < job.stages.length; i++) this.#stages.delete(job.firstStage + i);
    }
    this.#dirty.length = 0;
    this.#specs.flush();
    this.#lastStageNo = -1;
    this.#lastStage = undefined;
  }

  #load(found: unknown): JobRecord | undefined {
    if (found === undefined) return undefined;
    const job = recordOf(found as JobRow);
    this.#keep(job);
    return job;
  }

  /** The last job whose first stage is not behind a stage: stages are numbered as their jobs are. */
  #jobOfStage(stage: StageNo): JobNo | undefined {
    let { first, last } = this.#bounds.get() as { first: JobNo | null; last: JobNo | null };
    let found: JobNo | undefined;
    while (first !== null && last !== null && first <= last) {
      const middle = Math.floor((first + last) / 2);
      const row = this.#before.get(middle) as { no: JobNo; first_stage: StageNo } | undefined;
      if (row === undefined || row.first_stage <= stage) {
        found = row?.no ?? found;
        first = middle + 1;
      } else {
        last = row.no - 1;
      }
    }
    return found;
  }

  #keep(job: JobRecord): void {
    this.#jobs.set(job.no, job);
    for (const stage of job.stages) this.#stages.set(job.firstStage + stage.position, stage);
  }

  #writeNew(job: JobRecord): void {
    const spec = job.spec();
    this.#insert.run(
      job.no,
      job.id,
      spec.namespace,
      spec.name,
      job.idempotencyKey,
      job.submittedWall,
      job.firstStage,
      this.#specs.use(job.no, spec).no,
      spec.trace.traceparent,
      spec.trace.tracestate,
      spec.trace.baggage,
      job.keptMs ?? null,
      ...changing(job),
    );
  }

  #write(job: JobRecord): void {
    this.#update.run(...changing(job), job.no);
  }

  #readKinds(job: JobRecord): Map<string, number> {
    const kinds = new Map<string, number>();
    if (!job.isStored) return kinds;
    for (const row of this.#kindsOf.all(job.no)) {
      const { no, bytes } = row as unknown as { no: number; bytes: Uint8Array };
      kinds.set(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"), no);
    }
    return kinds;
  }
}

function changing(job: JobRecord) {
  return [
    job.state,
    job.run,
    job.cancelCause,
    job.note,
    job.finishedWall ?? null,
    job.expiresWall ?? null,
    job.failedTask ?? null,
    stagesText(job.stages),
  ] as const;
}

/** Stages as one text: numbers of each, and of each of its stretches of tasks. */
function stagesText(stages: readonly StageRecord[]): string {
  const rows = stages.map((stage) => [
    Number(stage.opened),
    Number(stage.pruned),
    stage.taskCount,
    stage.succeeded,
    stage.failed,
    stage.cancelled,
    stage.retries,
    ...stage.stretches.flatMap(({ firstIndex, firstTask, count }) => [
      firstIndex,
      firstTask,
      count,
    ]),
  ]);
  return JSON.stringify(rows);
}

/** A row as it was written. */
export function recordOf(row: JobRow): JobRecord {
  const stages: StageRecord[] = [];
  const job: JobRecord = {
    no: row.no,
    id: row.id,
    spec: lazy(() => {
      const { traceparent, tracestate, baggage } = row;
      return { ...decodeJobSpec(row.spec_bytes), trace: { traceparent, tracestate, baggage } };
    }),
    idempotencyKey: row.idempotency_key,
    submittedWall: row.submitted_wall,
    firstStage: row.first_stage,
    state: row.state,
    run: row.run,
    cancelCause: row.cancel_cause,
    note: row.note,
    finishedWall: row.finished_wall ?? undefined,
    expiresWall: row.expires_wall ?? undefined,
    keptMs: row.kept_ms ?? undefined,
    failedTask: row.failed_task ?? undefined,
    stages,
    kinds: undefined,
    isStored: true,
    isDirty: false,
  };
  for (const [position, numbers] of (JSON.parse(row.stages) as number[][]).entries()) {
    const [opened, pruned, taskCount, succeeded, failed, cancelled, retries, ...rest] = numbers;
    const stretches: Stretch[] = [];
    for (let i = 0; i < rest.length; i += 3) {
      const [firstIndex, firstTask, count] = rest.slice(i, i + 3) as [number, number, number];
      stretches.push({ firstIndex, firstTask, count });
    }
    stages.push({
      job,
      position,
      opened: opened === 1,
      pruned: pruned === 1,
      taskCount: taskCount ?? 0,
      succeeded: succeeded ?? 0,
      failed: failed ?? 0,
      cancelled: cancelled ?? 0,
      retries: retries ?? 0,
      stretches,
    });
  }
  return job;
}

function lazy<T>(make: () => T): Lazy<T> {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Has the stage more tasks: so many, numbered from `firstTask` on, behind those that it had. */
export function grow(stage: StageRecord, firstTask: TaskNo, count: number): void {
  if (count === 0) return;
  const last = stage.stretches[stage.stretches.length - 1];
  if (last !== undefined && last.firstTask + last.count === firstTask) last.count += count;
  else stage.stretches.push({ firstIndex: stage.taskCount, firstTask, count });
  stage.taskCount += count;
}

/** The number of the task at an index. @returns undefined when the stage has no such index */
export function taskAt({ stretches }: StageRecord, index: number): TaskNo | undefined {
  let low = 0;
  let high = stretches.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const stretch = stretches[middle] as Stretch;
    if (index < stretch.firstIndex) high = middle - 1;
    else if (index >= stretch.firstIndex + stretch.count) low = middle + 1;
    else return stretch.firstTask + (index - stretch.firstIndex);
  }
  return undefined;
}
