import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { closeSync, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { inMemory, openDatabase, peekHistory } from "../../src/history/database.js";
import { defaultRetention, type History } from "../../src/history/history.js";
import type { HistoryNews } from "../../src/history/open-history.js";
import { openHistory } from "../../src/history/open-history.js";
import { HistoryStore } from "../../src/history/store.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { JournalError } from "../../src/journal/journal-error.js";
import type { Journal } from "../../src/journal/journal.js";
import { dump } from "./support/dump.js";
import { record, type Recorded } from "./support/recording.js";

const entries = record(3, 3_000);
const everything = { namespace: "default", states: [], name: "", labels: [] } as const;

/** All rows that these entries lead to. */
function rowsOf(journal: Journal, recorded: readonly Recorded[]) {
  const store = new HistoryStore(openDatabase(inMemory), defaultRetention);
  store.setJournal(journal.id);
  store.project({ index: 1, body: new Uint8Array(0) });
  for (const [i, { body }] of recorded.entries()) store.project({ index: i + 2, body });
  store.commit();
  return dump(store);
}

function nextStageIn(path: string): number {
  const store = new HistoryStore(openDatabase(path), defaultRetention);
  const { nextStage } = store;
  store.close();
  return nextStage;
}

function rowsIn(path: string) {
  return dump(new HistoryStore(openDatabase(path), defaultRetention));
}

describe("the history in a file", () => {
  let folder: string;
  let path: string;
  let journal: Journal;
  let history: History | undefined;
  let news: HistoryNews[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "capstan-history-"));
    path = join(folder, "history.db");
    // Small segments, so that there are many.
    journal = await openFileJournal({ directory: folder, segmentBytes: 32 * 1024 });
    await journal.claim();
    news = [];
    history = undefined;
  });

  afterEach(async () => {
    await history?.close();
    await journal.close();
    rmSync(folder, { recursive: true });
  });

  async function append(recorded: readonly Recorded[]): Promise<void> {
    for (const { body } of recorded) {
      const { kind } = await journal.append(new Uint8Array(body));
      assert.equal(kind, "durable");
    }
  }

  async function open(options: { nextStage?: number } = {}): Promise<History> {
    history = await openHistory({
      journal,
      nextStage: options.nextStage ?? 0,
      file: { path, directory: folder },
      syncIntervalMs: 0,
      onNews: (one) => news.push(one),
    });
    return history;
  }

  /** Opens it, lets it take in all that there is, and closes it. */
  async function build(): Promise<void> {
    const opened = await open();
    opened.follow(journal.lastIndex);
    await opened.caughtUp(journal.lastIndex);
    await opened.close();
  }

  it("takes in what becomes durable while it is open, over many segments", async () => {
    const opened = await open();
    for (let at = 0; at < entries.length; at += 50) {
      await append(entries.slice(at, at + 50));
      opened.follow(journal.lastIndex);
    }
    await opened.caughtUp(journal.lastIndex);
    assert.equal(opened.projected, journal.lastIndex);
    await opened.close();
    assert.equal(peekHistory(path).checkpoint, journal.lastIndex);
    const segments = readdirSync(folder).filter((name) => name.endsWith(".segment"));
    assert(segments.length > 2, `${segments.length} segments`);
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
    assert.deepEqual(news, []);
  });

  it("goes on from its checkpoint after a restart", async () => {
    const half = Math.floor(entries.length / 2);
    await append(entries.slice(0, half));
    await build();
    await append(entries.slice(half));
    await build();
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("goes on when the journal was cut below its checkpoint meanwhile", async () => {
    const half = Math.floor(entries.length / 2);
    await append(entries.slice(0, half));
    await build();
    await append(entries.slice(half));
    await journal.truncate(peekHistory(path).checkpoint);
    assert(journal.firstIndex > 1);
    await build();
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
    assert.deepEqual(news, []);
  });

  it("is nobody's to read but the master's user", async () => {
    await append(entries.slice(0, 10));
    await build();
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("is moved aside and built anew when it is no database any more", async () => {
    await append(entries);
    await build();
    writeFileSync(path, "nothing that SQLite ever wrote".repeat(1_000));
    await build();
    const [told, ...more] = news;
    assert(told?.kind === "set_aside" && more.length === 0);
    assert.match(told.reason, /not a database/);
    assert(existsSync(told.path));
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("is moved aside and built anew when it is damaged behind its beginning", async () => {
    await append(entries);
    await build();
    const file = openSync(path, "r+");
    const { size } = statSync(path);
    for (let at = 3 * 8_192; at < size; at += 8_192) {
      writeSync(file, Buffer.alloc(8_000, 7), 0, 8_000, at);
    }
    closeSync(file);
    const opened = await open();
    await assert.rejects(opened.jobs(everything, Infinity, 0, 1_000), /damaged.*malformed/);
    opened.follow(journal.lastIndex);
    const { jobs } = await opened.jobs(everything, Infinity, 0, 1_000);
    assert.equal(jobs.length, jobsIn(entries, "job_finished").length);
    await opened.close();
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ["set_aside"],
    );
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  /** Spoils what the history has of tasks, beside whoever has it open. @returns a job that it knows */
  function spoil(): string {
    const database = new DatabaseSync(path);
    const { id } = database.prepare("SELECT id FROM job WHERE finished_wall > 0").get();
    database.exec("UPDATE task_page SET bytes = x'00'");
    database.close();
    return id;
  }

  /** Spoils all of the history, also for whoever has some of it in memory. */
  function ruin(): void {
    const database = new DatabaseSync(path);
    database.enableDefensive(false);
    database.exec("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 99999");
    database.exec("PRAGMA schema_version = 9999");
    database.close();
  }

  it("is moved aside and built anew at once when damage shows while it is used", async () => {
    await append(entries);
    await build();
    const id = spoil();
    const opened = await open();
    const checkpoints: number[] = [];
    opened.onSynced((checkpoint) => checkpoints.push(checkpoint));
    assert.equal(opened.checkpoint, journal.lastIndex);
    const ask = () =>
      opened.tasks("default", id, { stage: "", states: [] }, { stage: 0, index: 0 }, 10);
    await assert.rejects(ask(), /damaged and is built anew: page 0 of tasks cannot be read/);
    opened.follow(journal.lastIndex);
    // It waits until all is there again.
    assert.equal((await ask()).kind, "page");
    assert.equal(opened.projected, journal.lastIndex);
    await opened.close();
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ["set_aside"],
    );
    assert(checkpoints.length > 0);
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("is built anew from what the journal still has when that was cut while it was used", async () => {
    const quarter = Math.floor(entries.length / 4);
    await append(entries.slice(0, quarter));
    const opened = await open();
    opened.follow(journal.lastIndex);
    await opened.caughtUp(journal.lastIndex);
    await append(entries.slice(quarter));
    opened.follow(journal.lastIndex);
    await opened.caughtUp(journal.lastIndex);
    while (opened.checkpoint < journal.lastIndex) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    ruin();
    // As a keeper of snapshots does it, far beyond what the journal had when the history was opened.
    await journal.truncate(journal.closed.at(-1) ?? 0);
    const { firstIndex } = journal;
    assert(firstIndex > quarter + 1, String(firstIndex));
    await assert.rejects(opened.job("default", "any"), /damaged and is built anew/);
    const kept = jobsIn(entries.slice(firstIndex - 2), "job_submitted");
    const finished = jobsIn(entries, "job_finished");
    const wanted = kept.filter((no) => finished.includes(no)).sort((a, b) => b - a);
    assert(wanted.length > 0);
    const { jobs } = await opened.jobs(everything, Infinity, 0, 1_000);
    assert.deepEqual(
      jobs.map(({ no }) => no),
      wanted,
    );
    assert.equal(opened.firstJob, Math.min(...kept));
    await opened.close();
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ["set_aside", "lost"],
    );
    assert.equal(nextStageIn(path), countStages(entries));
    const again = await open();
    assert.equal(again.firstJob, Math.min(...kept));
  });

  it("ends when it goes bad once more, and is built anew at the next start", async () => {
    await append(entries);
    await build();
    const id = spoil();
    const opened = await open();
    const ask = () =>
      opened.tasks("default", id, { stage: "", states: [] }, { stage: 0, index: 0 }, 10);
    await assert.rejects(ask(), /damaged/);
    opened.follow(journal.lastIndex);
    while (opened.checkpoint < journal.lastIndex) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    ruin();
    await assert.rejects(opened.job("default", id), /the history has failed: .*malformed/);
    await assert.rejects(opened.job("default", id), /has failed/);
    await opened.close();
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ["set_aside", "set_aside", "failed"],
    );
    assert(!existsSync(path));
    await build();
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("is moved aside and built anew when an earlier release wrote it", async () => {
    await append(entries);
    await build();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 1; DROP TABLE spec");
    database.close();
    await build();
    const [told] = news;
    assert(told?.kind === "set_aside");
    assert.match(told.reason, /earlier format/);
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("is refused when a later release wrote it, and stays as it is", async () => {
    await append(entries.slice(0, 10));
    await build();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    await assert.rejects(open(), (error) => {
      assert(error instanceof JournalError);
      assert.equal(error.kind, "newer_format");
      assert.match(error.message, /history\.db was written by a later release .*format 99/);
      return true;
    });
    assert(existsSync(path));
  });

  it("is refused when it is another program's database", async () => {
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE theirs (x)");
    database.close();
    await assert.rejects(open(), /is no history of Capstan/);
  });

  it("is moved aside when it is another journal's", async () => {
    const database = openDatabase(path);
    const other = new HistoryStore(database, defaultRetention);
    other.setJournal("ff".repeat(16));
    other.project({ index: 1, body: new Uint8Array(0) });
    other.commit();
    other.close();
    await append(entries);
    await build();
    assert(news[0]?.kind === "set_aside");
    assert.match(news[0].reason, /another journal/);
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("says what is lost when the journal was cut, and begins with the first entry that is there", async () => {
    const half = Math.floor(entries.length / 2);
    await append(entries.slice(0, half));
    const nextStage = countStages(entries.slice(0, half));
    await journal.truncate((journal.closed[0] ?? 0) + 1);
    assert(journal.firstIndex > 1 && journal.firstIndex < half, String(journal.firstIndex));
    // The first entry is the claim.
    const kept = entries.slice(journal.firstIndex - 2);
    const opened = await open({ nextStage });
    assert.deepEqual(news, [{ kind: "lost", below: journal.firstIndex }]);
    await append(entries.slice(half));
    opened.follow(journal.lastIndex);
    await opened.caughtUp(journal.lastIndex);
    const { jobs } = await opened.jobs(everything, Infinity, 0, 1_000);
    const submitted = jobsIn(kept, "job_submitted");
    const finished = jobsIn(entries, "job_finished");
    const wanted = submitted.filter((no) => finished.includes(no)).sort((a, b) => b - a);
    assert(wanted.length > 0);
    assert.deepEqual(
      jobs.map(({ no }) => no),
      wanted,
    );
  });

  it("waits while it cannot be written, and goes on by itself", async () => {
    await append(entries);
    const opened = await open();
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    opened.follow(journal.lastIndex);
    while (!news.some(({ kind }) => kind === "trouble")) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    other.exec("ROLLBACK");
    other.close();
    await opened.caughtUp(journal.lastIndex);
    await opened.close();
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ["trouble", "recovered"],
    );
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("opens also while it cannot be written, and answers once it can", async () => {
    await append(entries);
    await build();
    const other = new DatabaseSync(path);
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE x (y); ROLLBACK");
    const opened = await open();
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ["trouble"],
    );
    const asked = opened.jobs(everything, Infinity, 0, 1_000);
    other.close();
    opened.follow(journal.lastIndex);
    assert.equal((await asked).jobs.length, jobsIn(entries, "job_finished").length);
    await opened.close();
    assert.deepEqual(rowsIn(path), rowsOf(journal, entries));
  });

  it("answers nothing while it is behind what the journal had when it was opened", async () => {
    await append(entries);
    const opened = await open();
    const asked = opened.jobs(everything, Infinity, 0, 1_000);
    opened.follow(journal.lastIndex);
    const { jobs } = await asked;
    assert.equal(jobs.length, jobsIn(entries, "job_finished").length);
  });

  it("refuses questions once it is closed", async () => {
    const opened = await open();
    await opened.close();
    await assert.rejects(opened.job("default", "job_00000000000000000000000000"), /closed/);
  });
});

function countStages(recorded: readonly Recorded[]): number {
  let count = 0;
  for (const { events } of recorded) {
    for (const event of events)
      if (event.type === "job_submitted") count += event.spec.stages.length;
  }
  return count;
}

function jobsIn(recorded: readonly Recorded[], type: "job_submitted" | "job_finished"): number[] {
  return recorded.flatMap(({ events }) =>
    events.flatMap((event) =>
      event.type === type && (event.type === "job_submitted" || event.type === "job_finished")
        ? [event.job]
        : [],
    ),
  );
}
