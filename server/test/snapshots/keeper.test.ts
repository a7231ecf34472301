import assert from "node:assert/strict";
import type { Journal, StoredEntry } from "../../src/journal/journal.js";
import { JournalError } from "../../src/journal/journal-error.js";
import { SnapshotFiles } from "../../src/journal/file/snapshot-files.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { MemoryDisk, openMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { MemorySnapshots } from "../../src/journal/memory/memory-snapshots.js";
import { buildSnapshot } from "../../src/snapshots/build.js";
import { cutBelow, SnapshotKeeper, type SnapshotNews } from "../../src/snapshots/keeper.js";
import { PayloadSource } from "../../src/snapshots/payload-source.js";
import { startFromSnapshots } from "../../src/snapshots/start.js";
import { isJournalError } from "../journal/contract.js";
import { SimulatedDisk } from "../journal/simulated-disk.js";
import {
  buildingOn,
  directory,
  openOn,
  recordedDisk,
  replayedFromSnapshot,
  replayedFromZero,
  sayAll,
} from "./support.js";

/** Bodies of a journal that a master wrote. */
async function recordedBodies(): Promise<StoredEntry[]> {
  const journal = await openOn(await recordedDisk(21));
  const entries: StoredEntry[] = [];
  for await (const entry of journal.read(1)) entries.push(entry);
  await journal.close();
  return entries;
}

describe("the keeper of snapshots", () => {
  let recorded: readonly StoredEntry[];
  let disk: SimulatedDisk;
  let journal: Journal;
  let checkpoint: number;
  let news: SnapshotNews[];
  let keeper: SnapshotKeeper;

  before(async () => {
    recorded = await recordedBodies();
  });

  beforeEach(async () => {
    disk = new SimulatedDisk();
    disk.makeDirectory(directory);
    journal = await openFileJournal({
      directory,
      storage: disk,
      segmentBytes: 4_096,
      writer: { kind: "inline" },
    });
    checkpoint = 0;
    news = [];
    await startKeeper();
  });

  afterEach(async () => {
    await keeper.close();
    await journal.close();
  });

  async function startKeeper(everySegments = 2): Promise<void> {
    const store = new SnapshotFiles(disk, directory, journal.id);
    const { newestIndex, previousIndex, source } = await startFromSnapshots(store, journal);
    keeper = new SnapshotKeeper({
      journal,
      store,
      source,
      build: (through) => ({
        finished: buildSnapshot(buildingOn(disk, journal.id, through)),
        stop: async () => undefined,
      }),
      everySegments,
      newestIndex,
      previousIndex,
      checkpoint: () => checkpoint,
      onNews: (one) => {
        news.push(one);
      },
    });
  }

  /** Appends what was recorded, up to an entry, and lets the keeper look after each. */
  async function appendThrough(index: number): Promise<void> {
    for (const { index: at, body } of recorded.slice(journal.lastIndex, index)) {
      if (body.length === 0) await journal.claim();
      else await journal.append(body);
      assert.equal(journal.lastIndex, at);
      keeper.look();
    }
  }

  async function until(kind: SnapshotNews["kind"], times = 1): Promise<void> {
    while (news.filter((one) => one.kind === kind).length < times) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function snapshots(): Promise<number[]> {
    const store = new SnapshotFiles(disk, directory, journal.id);
    return (await store.list()).map(({ index }) => index);
  }

  it("makes a snapshot when enough segments are closed, and cuts the journal below the one before it", async () => {
    checkpoint = Infinity;
    await appendThrough(60);
    await until("built");
    const [first = 0] = await snapshots();
    assert(first > 0 && first < 60);
    assert.equal(journal.firstIndex, 1, "one snapshot alone cuts nothing");
    await appendThrough(recorded.length);
    await until("cut");
    const [second, kept] = await snapshots();
    assert.equal(kept, first);
    assert(second !== undefined && second > first);
    assert(journal.firstIndex > 1 && journal.firstIndex <= first + 1);
    const wanted = await sayAll(await replayedFromZero(await fresh()));
    assert.equal(await sayAll(await replayedFromSnapshot(disk, journal)), wanted);
  });

  /** All that was recorded, in a journal from which nothing was cut. */
  async function fresh(): Promise<Journal> {
    const memory = await openMemoryJournal(new MemoryDisk());
    for (const { body } of recorded) {
      if (body.length === 0) await memory.claim();
      else await memory.append(body);
    }
    return memory;
  }

  it("cuts nothing that history has not synced, says so once, and goes on when it has", async () => {
    await appendThrough(60);
    await until("built");
    await appendThrough(recorded.length);
    await until("built", 2);
    await until("pinned");
    assert.equal(journal.firstIndex, 1);
    checkpoint = Infinity;
    await keeper.cut();
    assert(journal.firstIndex > 1);
    assert.equal(news.filter(({ kind }) => kind === "pinned").length, 1);
  });

  it("goes on from the snapshots that it finds", async () => {
    checkpoint = Infinity;
    await appendThrough(60);
    await until("built");
    await keeper.close();
    await startKeeper();
    await appendThrough(recorded.length);
    await until("cut");
    assert.equal((await snapshots()).length, 2);
  });

  it("makes none when it is told so", async () => {
    await startKeeper(0);
    await appendThrough(recorded.length);
    assert.deepEqual(await snapshots(), []);
  });

  it("says when nobody can be set to work, and the master goes on", async () => {
    await keeper.close();
    keeper = new SnapshotKeeper({
      journal,
      store: new SnapshotFiles(disk, directory, journal.id),
      source: new PayloadSource(journal),
      build: () => {
        throw new Error("no thread could be started");
      },
      everySegments: 1,
      newestIndex: 0,
      previousIndex: 0,
      checkpoint: () => checkpoint,
      onNews: (one) => {
        news.push(one);
      },
    });
    await appendThrough(60);
    assert(news.length > 1 && news.every(({ kind }) => kind === "not_built"));
  });

  it("says that the disk is full, leaves nothing behind, and tries again with the next segment", async () => {
    checkpoint = Infinity;
    await appendThrough(50);
    await until("built");
    const before = disk.list(directory).length;
    // The journal's own entries are written; it is the snapshot for which there is no room.
    const { length } = journal.closed;
    while (journal.closed.length < length + 2) {
      const looked = keeper.look.bind(keeper);
      keeper.look = () => {
        disk.freeBytes = 1_000;
        looked();
      };
      disk.freeBytes = Infinity;
      await appendThrough(journal.lastIndex + 1);
      keeper.look = looked;
    }
    await until("not_built");
    disk.freeBytes = Infinity;
    const [failure] = news.filter((one) => one.kind === "not_built");
    assert(failure?.error instanceof JournalError && failure.error.kind === "disk_full");
    assert.equal(disk.list(directory).length, before + 2);
    await appendThrough(recorded.length);
    await until("built", 2);
  });
});

describe("where the journal is cut", () => {
  it("is below the snapshot before the newest and below what history has synced, whichever is less", () => {
    assert.equal(cutBelow(70, 100), 71);
    assert.equal(cutBelow(70, 50), 51);
    assert.equal(cutBelow(0, 50), 1);
  });

  /** Two snapshots and a journal that was cut as a keeper does it; then the newest snapshot is lost. */
  async function cutAndLost(tooFar: number) {
    const journal = await openMemoryJournal(new MemoryDisk());
    for (const { body } of await recordedBodies()) {
      if (body.length === 0) await journal.claim();
      else await journal.append(body);
    }
    const wanted = await sayAll(await replayedFromZero(journal));
    const entries: StoredEntry[] = [];
    for await (const entry of journal.read(1)) entries.push(entry);
    const store = new MemorySnapshots(journal.id);
    const previous = new MemorySnapshots(journal.id);
    const build = async (through: number, into: MemorySnapshots) =>
      buildSnapshot({
        store: into,
        through,
        entries: (from) => entries.slice(from - 1, through),
      });
    await build(50, store);
    await build(50, previous);
    await build(70, store);
    await journal.truncate(cutBelow(50, 70) + tooFar);
    return { journal, previous, wanted };
  }

  it("leaves a journal that leads on from the snapshot before, should the newest be lost", async () => {
    const { journal, previous } = await cutAndLost(0);
    assert.equal(journal.firstIndex, 51);
    await startFromSnapshots(previous, journal);
  });

  // Planted: the first entry after the snapshot is in neither.
  it("is found out when it was one entry too far", async () => {
    const { journal, previous } = await cutAndLost(1);
    await assert.rejects(
      startFromSnapshots(previous, journal),
      isJournalError("data_loss", /entries 51 to 51 are gone, and snapshots end before them/),
    );
  });
});
