import type { JobNo, JournalMs, StageNo, TaskNo, WallMs } from "../ids.js";
import type { CancelCause, SweepScope } from "../events.js";
import type { JobSpec } from "../spec.js";
import { dropChunk, F64Column, RefColumn, RetiredRows, U32Column, U8Column } from "./columns.js";

export type JobState =
  "uploading" | "running" | "failing" | "cancelling" | "succeeded" | "failed" | "cancelled";

/** By the number that stands for each in its column. */
const jobStates: readonly JobState[] = [
  "uploading",
  "running",
  "failing",
  "cancelling",
  "succeeded",
  "failed",
  "cancelled",
];

/** Has the job come to its end? */
export function isFinished(state: JobState): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

/** A place in a job: an index of a stage. */
export interface Cursor {
  readonly stage: StageNo;
  readonly index: number;
}

export interface Sweep extends Cursor {
  readonly scope: SweepScope;
}

/** What is known of a job from its first moment on. */
export interface JobFacts {
  readonly id: string;
  readonly spec: JobSpec;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly submittedAt: JournalMs;
  readonly submittedWall: WallMs;
  readonly firstStage: StageNo;
  readonly stageCount: number;
  readonly state: "uploading" | "running";
  readonly uploadLapsesAt: JournalMs;
}

/**
 * All jobs, as columns: there may be hundreds of thousands of them, of one task each, and as objects they
 * would be most of what the garbage collector walks. What few jobs have lies in maps.
 */
export class JobTable {
  /** How many jobs there have been; numbers are [0, count). */
  count = 0;
  /** How many of them are here. */
  size = 0;
  /** Derived: how many of them have not ended. */
  active = 0;
  /** Those before it have all left. */
  first = 0;

  readonly id = new RefColumn<string>();
  readonly spec = new RefColumn<JobSpec>();
  readonly idempotencyKey = new RefColumn<string>();
  readonly fingerprint = new RefColumn<string>();
  readonly submittedAt = new F64Column();
  readonly submittedWall = new F64Column();
  readonly firstStage = new U32Column();
  readonly stageCount = new U8Column();
  readonly state = new U8Column();
  readonly run = new U32Column();
  readonly uploadLapsesAt = new F64Column();
  readonly sweep = new Map<JobNo, Sweep>();
  readonly cancelCause = new Map<JobNo, CancelCause>();
  readonly note = new Map<JobNo, string>();
  readonly failedTask = new Map<JobNo, TaskNo>();
  /** 0: it has not ended. */
  readonly finishedAt = new F64Column();
  readonly finishedWall = new F64Column();
  /** 1: it has left; what is left of it here is its key. */
  readonly retired = new U8Column();
  /** Jobs that are leaving, and where the next of their tasks to go stands. */
  readonly leaving = new Map<JobNo, Cursor>();
  readonly liveLeases = new U32Column();
  readonly heldLeases = new U32Column();
  readonly revision = new F64Column();

  readonly gone = new RetiredRows();
  readonly #columns = [
    ...[this.id, this.spec, this.idempotencyKey, this.fingerprint, this.submittedAt],
    ...[this.submittedWall, this.firstStage, this.stageCount, this.state, this.run],
    ...[this.uploadLapsesAt, this.finishedAt, this.finishedWall, this.retired, this.liveLeases],
    ...[this.heldLeases, this.revision],
  ];
  #last = new Job(this, 0);

  /** Is it a job that is here, and has not left? */
  has(no: JobNo): boolean {
    return this.isKept(no) && this.retired.get(no) === 0;
  }

  /** Is anything of it here, if only its key? */
  isKept(no: JobNo): boolean {
    return no >= 0 && no < this.count && !this.gone.has(no);
  }

  /** A view of a job: what is read and written through it is the job's, however many views there are. */
  at(no: JobNo): Job {
    // Decisions, appliers and queries ask for the same job many times in a row.
    if (this.#last.no !== no) this.#last = new Job(this, no);
    return this.#last;
  }

  add(facts: JobFacts): Job {
    const no = this.count++;
    this.size += 1;
    this.active += 1;
    this.id.set(no, facts.id);
    this.spec.set(no, facts.spec);
    if (facts.idempotencyKey !== "") this.idempotencyKey.set(no, facts.idempotencyKey);
    this.fingerprint.set(no, facts.fingerprint);
    this.submittedAt.set(no, facts.submittedAt);
    this.submittedWall.set(no, facts.submittedWall);
    this.firstStage.set(no, facts.firstStage);
    this.stageCount.set(no, facts.stageCount);
    this.state.set(no, jobStates.indexOf(facts.state));
    this.run.set(no, 1);
    if (facts.uploadLapsesAt > 0) this.uploadLapsesAt.set(no, facts.uploadLapsesAt);
    return this.at(no);
  }

  /** The job leaves: what is left of it is its key. */
  retire(no: JobNo): void {
    this.retired.set(no, 1);
    this.size -= 1;
    while (this.first < this.count && !this.has(this.first)) this.first += 1;
  }

  /** Nothing of the job is left. */
  forget(no: JobNo): void {
    for (const column of [this.id, this.spec, this.idempotencyKey, this.fingerprint]) {
      column.set(no, undefined);
    }
    for (const map of [this.cancelCause, this.note, this.failedTask]) map.delete(no);
    const chunk = this.gone.add(no);
    if (chunk >= 0) dropChunk(this.#columns, chunk);
  }

  /** Those that are here, in the order of their submission. */
  *[Symbol.iterator](): Generator<Job> {
    for (let no = this.first; no < this.count; no++) if (this.has(no)) yield new Job(this, no);
  }
}

/** A row of the table. Durable, but for what is named derived. */
export class Job {
  readonly no: JobNo;
  readonly #table: JobTable;

  constructor(table: JobTable, no: JobNo) {
    this.#table = table;
    this.no = no;
  }

  get id(): string {
    return this.#table.id.get(this.no) as string;
  }

  get spec(): JobSpec {
    return this.#table.spec.get(this.no) as JobSpec;
  }

  /** Empty: it has none. */
  get idempotencyKey(): string {
    return this.#table.idempotencyKey.get(this.no) ?? "";
  }

  get fingerprint(): string {
    return this.#table.fingerprint.get(this.no) as string;
  }

  get submittedAt(): JournalMs {
    return this.#table.submittedAt.get(this.no);
  }

  get submittedWall(): WallMs {
    return this.#table.submittedWall.get(this.no);
  }

  get firstStage(): StageNo {
    return this.#table.firstStage.get(this.no);
  }

  get stageCount(): number {
    return this.#table.stageCount.get(this.no);
  }

  get state(): JobState {
    return jobStates[this.#table.state.get(this.no)] as JobState;
  }

  set state(state: JobState) {
    this.#table.state.set(this.no, jobStates.indexOf(state));
  }

  /** 1, and one more each time that a failed job is reopened. */
  get run(): number {
    return this.#table.run.get(this.no);
  }

  /** When an unsealed upload lapses: so long after its last part. */
  get uploadLapsesAt(): JournalMs {
    return this.#table.uploadLapsesAt.get(this.no);
  }

  set uploadLapsesAt(at: JournalMs) {
    this.#table.uploadLapsesAt.set(this.no, at);
  }

  get sweep(): Sweep | undefined {
    // Few jobs are ever swept, and every job is asked.
    return this.#table.sweep.size === 0 ? undefined : this.#table.sweep.get(this.no);
  }

  set sweep(sweep: Sweep | undefined) {
    if (sweep === undefined) this.#table.sweep.delete(this.no);
    else this.#table.sweep.set(this.no, sweep);
  }

  get cancelCause(): CancelCause | undefined {
    return this.#table.cancelCause.get(this.no);
  }

  set cancelCause(cause: CancelCause) {
    this.#table.cancelCause.set(this.no, cause);
  }

  get note(): string {
    return this.#table.note.get(this.no) ?? "";
  }

  set note(note: string) {
    this.#table.note.set(this.no, note);
  }

  /** The task whose failure decided the job, or was the newest final one of it; undefined: none. */
  get failedTask(): TaskNo | undefined {
    return this.#table.failedTask.get(this.no);
  }

  set failedTask(task: TaskNo) {
    this.#table.failedTask.set(this.no, task);
  }

  /** 0: it has not ended. */
  get finishedAt(): JournalMs {
    return this.#table.finishedAt.get(this.no);
  }

  set finishedAt(at: JournalMs) {
    this.#table.finishedAt.set(this.no, at);
  }

  get finishedWall(): WallMs | undefined {
    const wall = this.#table.finishedWall.get(this.no);
    return wall === 0 ? undefined : wall;
  }

  set finishedWall(wall: WallMs) {
    this.#table.finishedWall.set(this.no, wall);
  }

  /** Derived: live leases (not the stopping ones: those hold no job back). */
  get liveLeases(): number {
    return this.#table.liveLeases.get(this.no);
  }

  set liveLeases(count: number) {
    this.#table.liveLeases.set(this.no, count);
  }

  /** Derived: live and stopping leases. */
  get heldLeases(): number {
    return this.#table.heldLeases.get(this.no);
  }

  set heldLeases(count: number) {
    this.#table.heldLeases.set(this.no, count);
  }

  /** Derived: grows with every change, so that a watcher knows when to look. */
  get revision(): number {
    return this.#table.revision.get(this.no);
  }

  set revision(revision: number) {
    this.#table.revision.set(this.no, revision);
  }
}
