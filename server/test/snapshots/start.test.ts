import assert from "node:assert/strict";
import { newState } from "../../src/core/index.js";
import type { Journal } from "../../src/journal/journal.js";
import { SnapshotFiles } from "../../src/journal/file/snapshot-files.js";
import { PayloadStore } from "../../src/payloads/payload-store.js";
import { buildSnapshot } from "../../src/snapshots/build.js";
import { startFromSnapshots } from "../../src/snapshots/start.js";
import { isJournalError } from "../journal/contract.js";
import { record, write } from "../journal/golden/record.js";
import { SimulatedDisk } from "../journal/simulated-disk.js";
import { buildingOn, directory, openOn, recordedDisk } from "./support.js";

describe("a start from snapshots", () => {
  let disk: SimulatedDisk;
  let journal: Journal;

  beforeEach(async () => {
    disk = await recordedDisk(21);
    journal = await openOn(disk);
  });

  afterEach(async () => {
    await journal.close();
  });

  const storeOf = () => new SnapshotFiles(disk, directory, journal.id);

  async function start(): Promise<number> {
    const { load, source } = await startFromSnapshots(storeOf(), journal);
    const { readBytes } = source;
    const payloads = new PayloadStore({ budgetBytes: 0, readBytes });
    const base = await load({ state: newState(), payloads });
    return base?.index ?? 0;
  }

  it("has nothing to load where there is none, and the journal is whole", async () => {
    assert.equal(await start(), 0);
  });

  it("takes the newest", async () => {
    await buildSnapshot(buildingOn(disk, journal.id, 30));
    await buildSnapshot(buildingOn(disk, journal.id, 60));
    assert.equal(await start(), 60);
  });

  it("is refused when the first entries are gone and no snapshot covers them", async () => {
    await journal.claim();
    await journal.truncate(60);
    await assert.rejects(
      start(),
      isJournalError("data_loss", /entries 1 to 51 are gone, and no snapshot covers them/),
    );
  });

  it("is refused when the snapshot before the newest is damaged: it may be needed one day", async () => {
    await buildSnapshot(buildingOn(disk, journal.id, 30));
    await buildSnapshot(buildingOn(disk, journal.id, 60));
    const path = `${directory}/0000000000000030.snapshot`;
    const bytes = disk.contents(path);
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    disk.plant(path, bytes);
    await assert.rejects(start(), isJournalError("data_loss", /0000000000000030\.snapshot/));
  });

  it("is refused when the journal tells another story than the snapshot", async () => {
    await buildSnapshot(buildingOn(disk, journal.id, 30));
    const path = `${directory}/0000000000000030.snapshot`;
    const other = new SimulatedDisk();
    other.makeDirectory(directory);
    await write(record(14, 4_000), { directory, storage: other });
    other.plant(path, disk.contents(path));
    await journal.close();
    disk = other;
    journal = await openOn(other);
    await assert.rejects(
      start(),
      isJournalError(
        "data_loss",
        /entry 30 of the journal is not the one that the snapshot ends with/,
      ),
    );
  });
});
