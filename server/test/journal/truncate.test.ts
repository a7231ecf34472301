import assert from "node:assert/strict";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import type { Journal } from "../../src/journal/journal.js";
import { collect, isJournalError } from "./contract.js";
import { SimulatedDisk } from "./simulated-disk.js";

const directory = "/journal";

describe("a journal whose first segment cannot be removed", () => {
  let disk: SimulatedDisk;
  let journal: Journal;

  const openIt = () =>
    openFileJournal({ directory, storage: disk, segmentBytes: 1_024, writer: { kind: "inline" } });

  beforeEach(async () => {
    disk = new SimulatedDisk();
    journal = await openIt();
    await journal.claim();
    while (journal.closed.length < 3) await journal.append(Buffer.alloc(200, "x"));
  });

  afterEach(() => journal.close());

  /** Who removes is told of an error. @param isDone is the file gone all the same? */
  function refuseToRemove(code: string, isDone: boolean): void {
    disk.remove = (path) => {
      if (isDone) SimulatedDisk.prototype.remove.call(disk, path);
      throw Object.assign(new Error(`${code}: simulated`), { code });
    };
  }

  function removeAgain(): void {
    disk.remove = (path) => {
      SimulatedDisk.prototype.remove.call(disk, path);
    };
  }

  for (const code of ["EACCES", "EROFS", "EIO"]) {
    it(`goes on (${code}), has all of it, and is cut when it can be`, async () => {
      const below = (journal.closed[0] ?? 0) + 1;
      refuseToRemove(code, false);
      await assert.rejects(
        journal.truncate(below),
        isJournalError("failed", /cannot be removed .*0000000000000001\.segment/),
      );
      assert.deepEqual((await journal.append(Buffer.from("more"))).kind, "durable");
      assert.equal((await collect(journal)).length, journal.lastIndex);
      removeAgain();
      await journal.truncate(below);
      assert.equal(journal.firstIndex, below);
      await journal.close();
      journal = await openIt();
      assert.equal(journal.firstIndex, below);
    });
  }

  it("is cut further when the one that was said not to go is gone after all", async () => {
    const below = (journal.closed[1] ?? 0) + 1;
    refuseToRemove("EIO", true);
    await assert.rejects(journal.truncate(below), isJournalError("failed"));
    removeAgain();
    await journal.truncate(below);
    assert.equal(journal.firstIndex, below);
  });

  it("ends when nobody knows whether a removal is there to stay", async () => {
    disk.syncFails = true;
    await assert.rejects(
      journal.truncate((journal.closed[0] ?? 0) + 1),
      (error) => error instanceof Error && error.name === "JournalFailure",
    );
    disk.syncFails = false;
    await assert.rejects(journal.append(Buffer.from("more")));
  });
});
