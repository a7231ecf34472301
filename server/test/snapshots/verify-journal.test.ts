import assert from "node:assert/strict";
import { verifyJournal } from "../../src/verify-journal.js";
import { EntryBuilder } from "../../src/journal/entry/index.js";
import { buildSnapshot } from "../../src/snapshots/build.js";
import { isJournalError } from "../journal/contract.js";
import { type SimulatedDisk } from "../journal/simulated-disk.js";
import { buildingOn, directory, openOn, recordedDisk } from "./support.js";

describe("the verification of a journal", () => {
  let disk: SimulatedDisk;
  let journalId: string;
  let lastIndex: number;

  beforeEach(async () => {
    disk = await recordedDisk(21);
    const journal = await openOn(disk);
    ({ id: journalId, lastIndex } = journal);
    await journal.close();
  });

  const snapshotOf = (through: number) => buildSnapshot(buildingOn(disk, journalId, through));

  const files = (suffix: string) =>
    disk
      .list(directory)
      .filter((name) => name.endsWith(suffix))
      .sort()
      .map((name) => `${directory}/${name}`);

  async function cut(below: number): Promise<void> {
    const journal = await openOn(disk);
    await journal.truncate(below);
    await journal.close();
  }

  it("says of a whole journal what it holds", async () => {
    const survey = await verifyJournal(directory, disk);
    assert.deepEqual([survey.firstIndex, survey.lastIndex, survey.seenThrough], [1, lastIndex, 0]);
    assert(survey.segments.length > 3);
  });

  it("refuses a journal whose first entries are gone", async () => {
    await cut(60);
    await assert.rejects(
      verifyJournal(directory, disk),
      isJournalError("data_loss", /entries 1 to \d+ are gone, and no snapshot covers them/),
    );
  });

  it("finds one whole whose first entries a snapshot covers, and lists it", async () => {
    await snapshotOf(60);
    await cut(60);
    const { firstIndex, snapshots, seenThrough } = await verifyJournal(directory, disk);
    assert(firstIndex > 1 && firstIndex <= 61);
    assert.deepEqual(
      snapshots.map(({ name, index }) => ({ name, index })),
      [{ name: "0000000000000060.snapshot", index: 60 }],
    );
    assert.equal(seenThrough, 60);
  });

  it("refuses one that lacks entries between its snapshot and its first segment", async () => {
    await snapshotOf(5);
    await cut(60);
    await assert.rejects(
      verifyJournal(directory, disk),
      isJournalError("data_loss", /entries 6 to \d+ are gone, and snapshots end before them/),
    );
  });

  it("refuses one that ends before its snapshot, and one of which only the snapshot is left", async () => {
    await snapshotOf(lastIndex);
    for (const path of files(".segment").reverse()) {
      disk.remove(path);
      await assert.rejects(
        verifyJournal(directory, disk),
        isJournalError(
          "data_loss",
          new RegExp(
            `ends at entry \\d+, but entry ${String(lastIndex)} had been durable.*\\.snapshot has seen it`,
          ),
        ),
      );
    }
  });

  it("refuses one whose snapshot is damaged, in whatever byte", async () => {
    await snapshotOf(60);
    const [path = ""] = files(".snapshot");
    const whole = disk.contents(path);
    for (const at of [10, 100, whole.length >> 1, whole.length - 1]) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      disk.plant(path, flipped);
      await assert.rejects(
        verifyJournal(directory, disk),
        isJournalError("data_loss", /0000000000000060\.snapshot/),
      );
    }
  });

  it("refuses one that tells another story than its snapshot", async () => {
    await snapshotOf(30);
    const [path = ""] = files(".snapshot");
    const other = await recordedDisk(14, 4_000);
    other.plant(path, disk.contents(path));
    await assert.rejects(
      verifyJournal(directory, other),
      isJournalError("data_loss", /is not the one that the snapshot ends with/),
    );
  });

  it("refuses one whose last entry a later release wrote, as a start does", async () => {
    const journal = await openOn(disk);
    await journal.claim();
    const builder = new EntryBuilder({ now: 1e9, wall: 1e12 }, 0);
    builder.addEvent({ type: "worker_draining", version: 1, worker: 0 });
    const { body } = builder.finish();
    // The number of the format comes first, after its tag.
    body[1] = 99;
    await journal.append(body);
    await journal.close();
    await assert.rejects(
      verifyJournal(directory, disk),
      isJournalError("newer_format", /format 99/),
    );
  });

  it("refuses one with an entry that does not fit what comes before it", async () => {
    const journal = await openOn(disk);
    await journal.claim();
    const builder = new EntryBuilder({ now: 1e9, wall: 1e12 }, 0);
    builder.addEvent({ type: "leases_promoted", version: 1, worker: 0, promoted: [1e9] });
    await journal.append(builder.finish().body);
    await journal.close();
    await assert.rejects(
      verifyJournal(directory, disk),
      isJournalError("failed", /cannot be replayed: promotion for unknown lease/),
    );
  });
});
