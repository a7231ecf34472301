import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { type Journal } from "../../src/journal/journal.js";
import { JournalFailure } from "../../src/journal/journal-error.js";
import { appendAll, bytes, collect, isJournalError } from "./contract.js";
import { Faults } from "./faulty-storage.js";
import { temporaryDirectory } from "./harnesses.js";

interface Report {
  readonly kind: "opened" | "acknowledged" | "refused";
  readonly pid?: number;
  readonly index?: number;
  readonly error?: string;
  readonly message?: string;
}

const program = fileURLToPath(new URL("./holder-process.js", import.meta.url));

describe("file journal, with other processes", () => {
  let directory: string;
  let children: ChildProcess[];
  let journals: Journal[];

  beforeEach(() => {
    directory = temporaryDirectory();
    children = [];
    journals = [];
  });

  afterEach(async () => {
    await Promise.all(journals.map((journal) => journal.close()));
    await Promise.all(children.map(kill));
    rmSync(directory, { recursive: true, force: true });
  });

  function start(mode: "hold" | "append"): ChildProcess {
    const child = fork(program, [directory, mode]);
    children.push(child);
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async function nextReport(child: ChildProcess): Promise<Report> {
    const [report] = (await once(child, "message")) as [Report];
    return report;
  }

  async function open(): Promise<Journal> {
    const journal = await openFileJournal({ directory });
    journals.push(journal);
    return journal;
  }

  it("refuses while another process holds it, and names that process and what to do", async () => {
    const holder = await nextReport(start("hold"));
    assert.equal(holder.kind, "opened");
    await assert.rejects(
      open(),
      isJournalError(
        "locked",
        new RegExp(
          `held by process ${String(holder.pid)} on host ${hostname()}.*: stop that master`,
        ),
      ),
    );
  });

  it("lets the next one in after kill -9 of the holder", async () => {
    const child = start("hold");
    await nextReport(child);
    await kill(child);
    const journal = await open();
    await journal.claim();
    await appendAll(journal, ["a"]);
  });

  it("keeps others out although a second opener in its own process was refused", async () => {
    await open();
    await assert.rejects(open(), isJournalError("locked"));
    const report = await nextReport(start("hold"));
    assert.equal(report.kind, "refused");
    assert.equal(report.error, "locked");
    assert.match(report.message ?? "", new RegExp(`process ${String(process.pid)} `));
  });

  it("frees the lock when it is closed, and leaves nothing beside the segments but the lock's file", async () => {
    const journal = await open();
    await journal.claim();
    await journal.close();
    assert.deepEqual(readdirSync(directory).sort(), ["0000000000000001.segment", "lock"]);
    assert.equal((await nextReport(start("hold"))).kind, "opened");
  });

  it("still has every acknowledged entry after kill -9 in the middle of appends", async () => {
    let lives = 0;
    let acknowledged = 0;
    for (const killAfter of [1, 20, 60]) {
      const child = start("append");
      let inThisLife = 0;
      child.on("message", (report: Report) => {
        if (report.kind !== "acknowledged") return;
        acknowledged = report.index ?? 0;
        inThisLife += 1;
        if (inThisLife === killAfter) child.kill("SIGKILL");
      });
      await once(child, "exit");
      const journal = await openFileJournal({ directory, mustReach: acknowledged });
      lives += 1;
      const entries = await collect(journal);
      assert.equal(entries.length, journal.lastIndex);
      assert(journal.lastIndex <= acknowledged + 1 + killAfter, "one entry in flight at most");
      let position = 0;
      for (const { body } of entries) {
        position = body.length === 0 ? 0 : position + 1;
        if (position === 0) continue;
        const written = position - 1;
        assert.equal(body.length, 200 + (written % 5_000));
        assert(body.every((byte) => byte === written % 256));
      }
      assert.equal(entries.filter(({ body }) => body.length === 0).length, lives);
      await journal.close();
    }
  });

  /** A journal whose writer's thread meets what `faults` says. */
  async function claimedOnFaultyDisk(name: string) {
    const faults = new Faults();
    const journal = await openFileJournal({
      directory: join(directory, name),
      writer: {
        kind: "thread",
        storageModule: new URL("./faulty-storage.js", import.meta.url).href,
        storageData: faults.shared,
      },
    });
    journals.push(journal);
    await journal.claim();
    return { faults, journal };
  }

  it("fails the append in flight when the writer's thread ends, and everything after it", async () => {
    const { faults, journal } = await claimedOnFaultyDisk("with-faults");
    faults.threadDies = true;
    await assert.rejects(journal.append(bytes("a")), JournalFailure);
    await assert.rejects(journal.append(bytes("a")), JournalFailure);
    assert.equal(journal.lastIndex, 1);
  });

  it("fails the append in flight with the disk's error, also where the writer's thread ends of it", async () => {
    // Which of the two comes first is a matter of chance.
    for (let round = 0; round < 20; round++) {
      const { faults, journal } = await claimedOnFaultyDisk(`with-faults-${String(round)}`);
      faults.threadDiesOfSync = true;
      await assert.rejects(journal.append(bytes("a")), /the disk failed: an entry may or may not/);
    }
  });
});
