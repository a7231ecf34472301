import assert from "node:assert/strict";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { surveyFileJournal } from "../../src/journal/file/survey.js";
import { SnapshotFiles } from "../../src/journal/file/snapshot-files.js";
import { appendAll, bytes, isJournalError } from "./contract.js";
import { SMALL_SEGMENT_BYTES } from "./harnesses.js";
import { SimulatedDisk } from "./simulated-disk.js";

const directory = "/journal";

describe("the survey of a journal", () => {
  /** A journal of several segments, whose master has ended. */
  async function written(truncateBelow = 0): Promise<SimulatedDisk> {
    const storage = new SimulatedDisk();
    const journal = await openFileJournal({
      directory,
      segmentBytes: SMALL_SEGMENT_BYTES,
      storage,
      writer: { kind: "inline" },
    });
    await journal.claim();
    await appendAll(
      journal,
      Array.from({ length: 40 }, (_, i) => `entry ${String(i)} ${"x".repeat(100)}`),
    );
    await journal.truncate(truncateBelow);
    await journal.close();
    return storage;
  }

  it("says of a whole journal what it holds", async () => {
    const survey = await surveyFileJournal(directory, await written());
    assert.equal(survey.firstIndex, 1);
    assert.equal(survey.lastIndex, 41);
    assert(survey.segments.length > 3);
  });

  it("does not call a journal whole whose first entries are gone", async () => {
    const storage = await written(20);
    await assert.rejects(
      surveyFileJournal(directory, storage),
      isJournalError("data_loss", /entries 1 to \d+ are gone, and no snapshot covers them/),
    );
  });

  async function snapshotOn(storage: SimulatedDisk, index: number): Promise<void> {
    const journal = await openFileJournal({ directory, storage, writer: { kind: "inline" } });
    await journal.close();
    const store = new SnapshotFiles(storage, directory, journal.id);
    await store.write({ index, formatVersion: 1 }, [bytes("a state")]);
  }

  it("calls a journal whole whose first entries a snapshot covers, and lists it", async () => {
    const storage = await written(20);
    await snapshotOn(storage, 20);
    const { firstIndex, snapshots } = await surveyFileJournal(directory, storage);
    assert(firstIndex > 1 && firstIndex <= 21);
    assert.deepEqual(
      snapshots.map(({ name, index, bytes: size }) => ({ name, index, size })),
      [{ name: "0000000000000020.snapshot", index: 20, size: 7 }],
    );
  });

  it("does not call one whole that lacks entries between its snapshot and its first segment", async () => {
    const storage = await written(20);
    await snapshotOn(storage, 5);
    await assert.rejects(
      surveyFileJournal(directory, storage),
      isJournalError("data_loss", /entries 6 to \d+ are gone, and no snapshot covers them/),
    );
  });

  it("does not call one whole that ends before its snapshot, or whose snapshot is damaged", async () => {
    const storage = await written();
    await snapshotOn(storage, 60);
    await assert.rejects(
      surveyFileJournal(directory, storage),
      isJournalError("data_loss", /ends at entry 41, but entry 60 had been durable/),
    );
    const path = `${directory}/0000000000000060.snapshot`;
    const file = storage.contents(path);
    file[100] = (file[100] ?? 0) ^ 1;
    storage.plant(path, file);
    await assert.rejects(
      surveyFileJournal(directory, storage),
      isJournalError("data_loss", /0000000000000060\.snapshot/),
    );
  });
});
