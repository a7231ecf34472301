import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDatabase } from "../../src/history/database.js";
import { EntryBuilder } from "../../src/journal/entry/index.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { JournalError } from "../../src/journal/journal-error.js";
import { startMaster } from "../../src/main.js";
import { Opened } from "../../src/opened.js";
import { verifyJournal } from "../../src/verify-journal.js";

const program = fileURLToPath(new URL("failed-start-process.js", import.meta.url));

describe("a master that cannot start", function () {
  this.timeout(30_000);
  let directory: string;
  let address: string;
  let taken: Server | undefined;
  let child: ChildProcess | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "capstan-start-"));
    address = "127.0.0.1:0";
  });

  afterEach(() => {
    child?.kill("SIGKILL");
    taken?.close();
    taken = child = undefined;
    rmSync(directory, { recursive: true });
  });

  /** It says why, its folder can be opened at once, and a process with nothing else to do ends by itself. */
  async function check(why: RegExp): Promise<void> {
    await assert.rejects(startMaster({ address, journal: { kind: "file", directory } }), why);
    const journal = await openFileJournal({ directory });
    await journal.close();
    child = spawn(process.execPath, [program, directory, address]);
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    assert.deepEqual(await once(child, "exit"), [0, null]);
    assert.match(said, why);
  }

  it("lets go of a journal that it cannot replay", async () => {
    const journal = await openFileJournal({ directory });
    await journal.claim();
    const builder = new EntryBuilder({ now: 1, wall: 1 }, 0);
    builder.addEvent({ type: "leases_promoted", version: 1, worker: 0, promoted: [1] });
    await journal.append(builder.finish().body);
    await journal.close();
    await check(/promotion for unknown lease 1/);
  });

  it("lets go of its journal when a later release wrote the history", async () => {
    const database = openDatabase(join(directory, "history.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    await check(/later release of Capstan/);
    // A verification says what a start would.
    const journal = await openFileJournal({ directory });
    await journal.claim();
    await journal.close();
    await assert.rejects(
      verifyJournal(directory),
      (error) => error instanceof JournalError && error.kind === "newer_format",
    );
    rmSync(join(directory, "history.db"));
    assert((await verifyJournal(directory)).lastIndex > 0);
  });

  it("says which file it may not use, in one line and with the code for that", async () => {
    mkdirSync(join(directory, "lock-holder.json"));
    const main = fileURLToPath(new URL("../../src/main.js", import.meta.url));
    const started = (child = spawn(process.execPath, [main, "--data", directory], {
      env: { ...process.env, CAPSTAN_LOG_LEVEL: "warn" },
    }));
    let said = "";
    started.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    assert.deepEqual(await once(started, "close"), [74, null]);
    assert.match(said, /^capstan master: .* cannot hold a journal: .*lock-holder\.json: .*\n$/);
  });

  it("lets go of journal and history when its address is taken", async () => {
    const server = (taken = createServer());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    await check(/cannot listen at 127\.0\.0\.1/);
  });
});

describe("what was opened", () => {
  it("is closed in reverse, all of it, and the first error is told", async () => {
    const opened = new Opened();
    const closed: string[] = [];
    opened.add(() => {
      closed.push("journal");
    });
    opened.add(() => {
      closed.push("engine");
      throw new Error("the engine will not");
    });
    opened.add(() => {
      closed.push("history");
      return Promise.reject(new Error("the history will not"));
    });
    await assert.rejects(opened.close(), /the history will not/);
    assert.deepEqual(closed, ["history", "engine", "journal"]);
    await opened.close();
    assert.equal(closed.length, 3);
  });
});
