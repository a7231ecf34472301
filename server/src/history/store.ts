import type { JobFilter, JobView, OutputsFilter, TaskCursor } from "../core/index.js";
import type { TaskFilter, TasksPage, TaskView, WallMs } from "../core/index.js";
import { decodeEntry } from "../journal/entry/index.js";
import { Expiry } from "./expiry.js";
import type { HistoryOutputs, JobsPage, Retention } from "./history.js";
import { JobBook, openJobsMax } from "./job-book.js";
import type { Tables } from "./projection.js";
import { Projection } from "./projection.js";
import { Reader } from "./reader.js";
import { Sections } from "./sections.js";
import type { Database, Statement } from "./sqlite.js";
import { cachedPagesMax, TaskPages } from "./task-pages.js";
import { TaskReader } from "./task-reader.js";
import { Troubles } from "./troubles.js";

/** An entry of the journal, as far as history looks at it. */
export interface Entry {
  readonly index: number;
  readonly body: Uint8Array;
}

/**
 * The history over its database, without a thread around it. Rows and the checkpoint are written in
 * one transaction, so that each entry counts exactly once, whenever the process ends.
 */
export class HistoryStore {
  readonly database: Database;
  readonly #tables: Tables;
  readonly #projection: Projection;
  readonly #reader: Reader;
  readonly #tasks: TaskReader;
  readonly #expiry: Expiry;
  readonly #setMeta: Statement;
  #projected: number;
  #checkpoint: number;
  #nextStage: number;
  #inTransaction = false;
  #pendingBytes = 0;

  /** @param memory how much of it is held in memory, where a test wants less than usual */
  constructor(
    database: Database,
    retention: Retention,
    memory: { readonly openJobs?: number; readonly pages?: number } = {},
  ) {
    this.database = database;
    const jobs = new JobBook(database, memory.openJobs ?? openJobsMax);
    const pages = new TaskPages(database, memory.pages ?? cachedPagesMax);
    const troubles = new Troubles(database);
    const sections = new Sections(database);
    this.#tables = { jobs, pages, troubles, sections };
    this.#setMeta = database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)");
    this.#projected = this.#checkpoint = checkpointOf(database);
    this.#nextStage = metaNumber(database, "next_stage");
    this.#projection = new Projection(database, this.#tables, this.#nextStage);
    this.#projection.firstJob = metaNumber(database, "first_job");
    this.#reader = new Reader(database, pages, troubles);
    this.#tasks = new TaskReader(this.#reader, pages, sections);
    this.#expiry = new Expiry(database, this.#tables, retention);
  }

  /** Index of the last entry that queries know of. */
  get projected(): number {
    return this.#projected;
  }

  /** The number that the stage after all those of these entries has. Known also when the database is no good any more. */
  get nextStage(): number {
    return this.#nextStage;
  }

  /** As {@link History.firstJob}. */
  get firstJob(): number {
    return this.#projection.firstJob;
  }

  /** Index of the last entry that is synced. */
  get checkpoint(): number {
    return this.#checkpoint;
  }

  /** Bytes of the entries that were taken in and are not committed yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get isCommitted(): boolean {
    return !this.#inTransaction;
  }

  /** A history that knows nothing of what came before. @param nextStage the number of the next stage */
  startAfter(index: number, nextStage: number): void {
    this.#begin();
    this.#projected = index;
    this.#projection.nextStage = this.#nextStage = nextStage;
    this.#projection.firstJob = Infinity;
  }

  setJournal(id: string): void {
    this.#begin();
    this.#setMeta.run("journal_id", id);
  }

  /** @throws JournalError if the entry cannot be read */
  project({ index, body }: Entry): void {
    if (index !== this.#projected + 1) {
      throw new Error(`entry ${index} after entry ${this.#projected}`);
    }
    this.#begin();
    if (body.length > 0) this.#projection.project(decodeEntry(body));
    this.#projected = index;
    this.#nextStage = this.#projection.nextStage;
    this.#pendingBytes += body.length;
  }

  /** Makes all that was projected durable. */
  commit(): void {
    if (!this.#inTransaction) return;
    this.#flush();
    this.#setMeta.run("checkpoint", this.#projected);
    this.#setMeta.run("next_stage", this.#nextStage);
    this.#setMeta.run("first_job", this.firstJob);
    this.database.exec("COMMIT");
    this.#inTransaction = false;
    this.#pendingBytes = 0;
    this.#checkpoint = this.#projected;
  }

  /** Removes some of what is past its retention, to be committed. @returns whether there is more */
  expireSome(wall: WallMs): boolean {
    this.#begin();
    this.#flush();
    return this.#expiry.step(wall);
  }

  job(namespace: string, id: string): JobView | undefined {
    this.#flush();
    const job = this.#reader.find(namespace, id);
    return job && this.#reader.jobView(job);
  }

  jobs(filter: JobFilter, before: number, floor: number, limit: number): JobsPage {
    this.#flush();
    return this.#reader.jobs(filter, before, floor, limit);
  }

  tasks(
    namespace: string,
    jobId: string,
    filter: TaskFilter,
    from: TaskCursor,
    limit: number,
  ): TasksPage {
    this.#flush();
    return this.#tasks.tasks(namespace, jobId, filter, from, limit);
  }

  task(namespace: string, jobId: string, stage: string, index: number): TaskView | undefined {
    this.#flush();
    return this.#tasks.task(namespace, jobId, stage, index);
  }

  outputs(
    namespace: string,
    jobId: string,
    filter: OutputsFilter,
    tasksMax: number,
    outputsMax: number,
  ): HistoryOutputs {
    this.#flush();
    return this.#tasks.outputs(namespace, jobId, filter, tasksMax, outputsMax);
  }

  payload(blob: number): Uint8Array | undefined {
    return this.#tables.sections.get(blob);
  }

  /** Closes the database. What is not committed is lost, and comes back from the journal. */
  close(): void {
    // Statements that are still there would keep the transaction, and its lock, beyond the close.
    if (this.#inTransaction) this.database.exec("ROLLBACK");
    this.#inTransaction = false;
    this.database.close();
  }

  #begin(): void {
    if (this.#inTransaction) return;
    this.database.exec("BEGIN");
    this.#inTransaction = true;
  }

  /** Queries see rows: what is still in memory becomes rows first. */
  #flush(): void {
    if (!this.#inTransaction) return;
    this.#tables.jobs.flush();
    this.#tables.pages.flush();
    this.#tables.sections.flush();
  }
}

/** The journal that a history belongs to; empty: none yet. */
export function journalOf(database: Database): string {
  return String(metaOf(database, "journal_id") ?? "");
}

/** The last entry whose rows the database has. */
export function checkpointOf(database: Database): number {
  return metaNumber(database, "checkpoint");
}

function metaNumber(database: Database, key: string): number {
  return Number(metaOf(database, key) ?? 0);
}

function metaOf(database: Database, key: string): unknown {
  const row = database.prepare("SELECT value FROM meta WHERE key = ?").get(key) as
    { value: unknown } | undefined;
  return row?.value;
}
