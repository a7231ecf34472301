import type { EventOf, JobNo, StageNo, TaskKind, WallMs } from "../core/index.js";
import { encodeTaskKind } from "../journal/entry/index.js";
import { changing, type JobRecord, recordOf, selectJob } from "./job-record.js";
import type { StageRecord } from "./job-record.js";
import { Specs } from "./specs.js";
import type { Database, Statement } from "./sqlite.js";

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
    // Each bound alone is one step down the tree of rows; both from one SELECT would read the whole table.
    this.#bounds = database.prepare(
      "SELECT (SELECT min(no) FROM job) AS first, (SELECT max(no) FROM job) AS last",
    );
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

  #load(found: object | undefined): JobRecord | undefined {
    if (found === undefined) return undefined;
    const job = recordOf(found);
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
