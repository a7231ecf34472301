import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "../../src/journal/file/node-storage.js";
import { SnapshotFiles } from "../../src/journal/file/snapshot-files.js";
import { MemorySnapshots } from "../../src/journal/memory/memory-snapshots.js";
import { bytes, isJournalError } from "./contract.js";
import { type PowerCut, SimulatedDisk } from "./simulated-disk.js";
import { readText, snapshotStoreContract, writeText } from "./snapshot-contract.js";
import { Prng } from "../core/support/prng.js";

const directory = "/journal";
const journalId = "0123456789abcdef0123456789abcdef";

function newDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.makeDirectory(directory);
  return disk;
}

const filesOn = (disk: SimulatedDisk) => new SnapshotFiles(disk, directory, journalId);

snapshotStoreContract("memory", async () => new MemorySnapshots(journalId));
snapshotStoreContract("files on a simulated disk", async () => filesOn(newDisk()));

describe("snapshots on a disk", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "capstan-snapshots-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  snapshotStoreContract("files", async () => {
    return new SnapshotFiles(nodeStorage(), mkdtempSync(join(folder, "of-")), journalId);
  });

  it("are files of which nothing else is left", async () => {
    const own = mkdtempSync(join(folder, "of-"));
    await writeText(new SnapshotFiles(nodeStorage(), own, journalId), 12, "text");
    assert.deepEqual(readdirSync(own), ["0000000000000012.snapshot"]);
  });
});

describe("snapshot files", () => {
  /** A disk that ends the process, or fails, at its n-th change of the folder or fsync. */
  class Brittle extends SimulatedDisk {
    changes = 0;
    breaksAt = Infinity;

    #change(): void {
      this.changes += 1;
      if (this.changes >= this.breaksAt) throw new Error("the process has ended");
    }

    override open(path: string, mode: "read" | "write" | "create") {
      if (mode === "create") this.#change();
      const file = super.open(path, mode);
      const change = () => {
        this.#change();
      };
      return {
        size: () => file.size(),
        read: (target: Uint8Array, position: number) => file.read(target, position),
        readAsync: (target: Uint8Array, position: number) => file.readAsync(target, position),
        write: (parts: readonly Uint8Array[], position: number) => {
          change();
          file.write(parts, position);
        },
        sync: () => {
          change();
          file.sync();
        },
        truncate: (size: number) => {
          file.truncate(size);
        },
        close: () => {
          file.close();
        },
      };
    }

    override rename(from: string, to: string): void {
      this.#change();
      super.rename(from, to);
    }

    override remove(path: string): void {
      this.#change();
      super.remove(path);
    }

    override syncDirectory(path: string): void {
      this.#change();
      super.syncDirectory(path);
    }
  }

  async function twoOn(disk: SimulatedDisk): Promise<SnapshotFiles> {
    const store = filesOn(disk);
    await writeText(store, 3, "three");
    await writeText(store, 5, "five");
    return store;
  }

  const random = new Prng(7);
  const cuts: readonly PowerCut[] = [
    { kind: "none_of_it" },
    { kind: "all_of_it" },
    { kind: "some_sectors", random: () => random.uint32() / 2 ** 32 },
  ];

  for (const cut of cuts) {
    it(`are there as a whole or not at all after a crash at any step, with ${cut.kind} of what was not synced`, async () => {
      let outcomes = new Set<string>();
      for (let step = 1; ; step++) {
        const disk = new Brittle();
        disk.makeDirectory(directory);
        const store = await twoOn(disk);
        disk.breaksAt = disk.changes + step;
        const pieces = [bytes("eight"), bytes("x".repeat(5_000))];
        await store.write({ index: 8, formatVersion: 1 }, pieces).catch(() => undefined);
        const hasCrashed = disk.changes >= disk.breaksAt;
        disk.breaksAt = Infinity;
        disk.cutPower(cut);
        const again = filesOn(disk);
        const indexes = (await again.list()).map(({ index }) => index);
        for (const index of indexes) await readText(again, index);
        // Whatever happened, what was there before, or what came in its place, covers entry 5.
        assert((indexes[0] ?? 0) >= 5, `step ${String(step)}: ${indexes.join(", ")}`);
        assert(indexes.includes(5), `step ${String(step)}: ${indexes.join(", ")}`);
        outcomes = outcomes.add(indexes.join(", "));
        // What is left of the unfinished one is in nobody's way.
        await writeText(again, 9, "nine");
        assert(!disk.list(directory).some((name) => name.endsWith(".new")));
        if (!hasCrashed) break;
      }
      assert(outcomes.has("5, 3") && outcomes.has("8, 5"), [...outcomes].join("; "));
    });
  }

  it("leave nothing behind when the disk is full, and are written once there is room", async () => {
    const disk = newDisk();
    const store = await twoOn(disk);
    for (const free of [0, 50, 100, 1_000, 4_000]) {
      disk.freeBytes = free;
      await assert.rejects(
        store.write({ index: 8, formatVersion: 1 }, [bytes("x".repeat(5_000))]),
        isJournalError("disk_full"),
      );
      assert.deepEqual(disk.list(directory).sort(), [
        "0000000000000003.snapshot",
        "0000000000000005.snapshot",
      ]);
    }
    disk.freeBytes = Infinity;
    await writeText(store, 8, "eight");
    assert.equal(await readText(store, 8), "eight");
  });

  it("count for nothing when they cannot be synced", async () => {
    const disk = newDisk();
    const store = await twoOn(disk);
    disk.syncFails = true;
    await assert.rejects(writeText(store, 8, "eight"), isJournalError("failed"));
    disk.syncFails = false;
    assert.deepEqual(
      (await store.list()).map(({ index }) => index),
      [5, 3],
    );
  });

  it("of another journal are not offered", async () => {
    const disk = newDisk();
    await twoOn(disk);
    const other = new SnapshotFiles(disk, directory, "f".repeat(32));
    assert.deepEqual(await other.list(), []);
  });

  it("name their place when any bit of them flips", async () => {
    const disk = newDisk();
    const store = await twoOn(disk);
    const path = "/journal/0000000000000005.snapshot";
    const whole = disk.contents(path);
    for (let byte = 0; byte < whole.length; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(whole);
        flipped[byte] = (flipped[byte] ?? 0) ^ (1 << bit);
        disk.plant(path, flipped);
        const look = async () => {
          await store.list();
          await readText(store, 5);
        };
        await assert.rejects(look(), isJournalError("data_loss", /0000000000000005\.snapshot/));
      }
    }
  });

  it("are there also when an older one cannot be removed, which goes with the next", async () => {
    const disk = newDisk();
    const store = await twoOn(disk);
    const before = (await store.list()).map(({ index }) => index);
    disk.remove = () => {
      throw Object.assign(new Error("EACCES: simulated"), { code: "EACCES" });
    };
    await writeText(store, 9, "nine");
    assert.deepEqual(
      (await store.list()).map(({ index }) => index),
      [9, ...before],
    );
    disk.remove = (path) => {
      SimulatedDisk.prototype.remove.call(disk, path);
    };
    await writeText(store, 12, "twelve");
    assert.deepEqual(
      (await store.list()).map(({ index }) => index),
      [12, 9],
    );
  });

  it("are no damage when the disk does not give them, and are there again when it does", async () => {
    const disk = newDisk();
    const store = await twoOn(disk);
    const isNoLoss = isJournalError("failed", /cannot be read: .*0000000000000005\.snapshot/);
    disk.openFails = true;
    await assert.rejects(store.list(), isNoLoss);
    assert.throws(() => store.open(5), isNoLoss);
    disk.openFails = false;
    disk.readFails = true;
    await assert.rejects(store.list(), isNoLoss);
    await assert.rejects(readText(store, 5), isNoLoss);
    disk.readFails = false;
    assert.equal(await readText(store, 5), "five");
    disk.remove("/journal/0000000000000005.snapshot");
    await assert.rejects(readText(store, 5), isJournalError("data_loss", /is gone/));
  });

  it("are damage when they are cut short anywhere, or copied to another name", async () => {
    const disk = newDisk();
    const store = await twoOn(disk);
    const whole = disk.contents("/journal/0000000000000005.snapshot");
    for (let length = 0; length < whole.length; length++) {
      disk.plant("/journal/0000000000000005.snapshot", whole.subarray(0, length));
      await assert.rejects(store.list(), isJournalError("data_loss", /0000000000000005\.snapshot/));
    }
    disk.plant("/journal/0000000000000005.snapshot", whole);
    disk.plant("/journal/0000000000000006.snapshot", whole);
    await assert.rejects(store.list(), isJournalError("data_loss", /a copy of another/));
  });
});
