import assert from "node:assert/strict";
import { checkInvariants } from "../../src/core/index.js";
import { SnapshotFiles } from "../../src/journal/file/snapshot-files.js";
import type { Journal } from "../../src/journal/journal.js";
import type { SnapshotStore } from "../../src/journal/snapshot-store.js";
import { MemorySnapshots } from "../../src/journal/memory/memory-snapshots.js";
import { PayloadStore } from "../../src/payloads/payload-store.js";
import { newState } from "../../src/core/index.js";
import { buildSnapshot } from "../../src/snapshots/build.js";
import { readSections, SectionKind, SectionWriter } from "../../src/snapshots/format.js";
import { loadSnapshot } from "../../src/snapshots/load.js";
import { JournalError } from "../../src/journal/journal-error.js";
import { isJournalError } from "../journal/contract.js";
import type { SimulatedDisk } from "../journal/simulated-disk.js";
import {
  buildingOn,
  directory,
  openOn,
  recordedDisk,
  replayedFromSnapshot,
  replayedFromZero,
  sayAll,
} from "./support.js";

describe("a snapshot built from a journal", () => {
  let disk: SimulatedDisk;
  let journal: Journal;
  before(async () => {
    disk = await recordedDisk(21);
    journal = await openOn(disk);
  });
  after(async () => {
    await journal.close();
  });

  function storeOn(storage: SimulatedDisk): SnapshotFiles {
    return new SnapshotFiles(storage, directory, journal.id);
  }

  it("leads with the entries after it to what a replay from the first entry does, bytes and all", async () => {
    const whole = await replayedFromZero(journal);
    const wanted = await sayAll(whole);
    assert(whole.payloads.stats().blobs > 20);
    const own = disk.copy();
    const { lastIndex } = journal;
    for (const share of [0.1, 0.5, 0.8, 1]) {
      const built = await buildSnapshot(buildingOn(own, journal.id, Math.floor(lastIndex * share)));
      const memory = await replayedFromSnapshot(own, journal);
      checkInvariants(memory.state);
      assert.equal(await sayAll(memory), wanted, `through ${String(built.info.index)}`);
    }
  });

  it("is built on the one before, also when the entries below that are gone", async () => {
    const own = disk.copy();
    const wanted = await sayAll(await replayedFromZero(journal));
    const { lastIndex } = journal;
    const middle = Math.floor(lastIndex * 0.7);
    await buildSnapshot(buildingOn(own, journal.id, middle));
    const cut = await openOn(own);
    await cut.claim();
    await cut.truncate(middle + 1);
    assert(cut.firstIndex > 1 && cut.firstIndex <= middle + 1);
    const { previousIndex } = await buildSnapshot(buildingOn(own, journal.id, lastIndex));
    assert.equal(previousIndex, middle);
    assert.equal(await sayAll(await replayedFromSnapshot(own, cut)), wanted);
    await cut.close();
  });

  it("leaves nothing behind when the disk is full, and is built once there is room", async () => {
    const own = disk.copy();
    const before = own.list(directory);
    const options = buildingOn(own, journal.id, journal.lastIndex);
    own.freeBytes = 20_000;
    await assert.rejects(buildSnapshot(options), isJournalError("disk_full"));
    assert.deepEqual(own.list(directory), before);
    own.freeBytes = Infinity;
    await buildSnapshot(options);
  });

  it("does not count when an entry below it is damaged", async () => {
    const own = disk.copy();
    const [first] = own.paths(directory);
    assert(first !== undefined);
    const bytes = own.contents(first);
    bytes[300] = (bytes[300] ?? 0) ^ 1;
    own.plant(first, bytes);
    const options = buildingOn(own, journal.id, journal.lastIndex);
    await assert.rejects(buildSnapshot(options), isJournalError("data_loss", /segment 0/));
    assert.deepEqual(await storeOn(own).list(), []);
  });

  describe("and then looked at by somebody else", () => {
    let own: SimulatedDisk;
    let path: string;
    let index: number;
    before(async () => {
      own = disk.copy();
      // Before all that was submitted leaves, with its keys.
      index = Math.floor(journal.lastIndex * 0.7);
      const { info } = await buildSnapshot(buildingOn(own, journal.id, index));
      path = `${directory}/${String(info.index).padStart(16, "0")}.snapshot`;
    });

    async function load(store: SnapshotStore): Promise<void> {
      const [info] = await store.list();
      assert(info !== undefined);
      const readBytes = () => Promise.reject(new Error("nothing is read"));
      const payloads = new PayloadStore({ budgetBytes: 0, readBytes });
      await loadSnapshot(store, info, { state: newState(), payloads });
    }

    it("names the place of any bit that flipped in any of its sections", async () => {
      const whole = own.contents(path);
      const store = storeOn(own);
      const starts: number[] = [];
      let end = 0;
      for await (const { at, body, name } of readSections(store.read(index), () => assert.fail())) {
        starts.push(96 + at - 56 - name.length);
        end = 96 + at + body.length;
      }
      assert(starts.length > 50, `${String(starts.length)} sections`);
      for (const [i, start] of starts.entries()) {
        const next = starts[i + 1] ?? end;
        // Its length, its number, its checksum, its name, and the body at its beginning, middle and end.
        const places = [0, 4, 8, 12, 16, 20, 24, 55, 56, 70, (next - start) >> 1, next - start - 1];
        for (const offset of places) {
          if (start + offset >= next) continue;
          const flipped = Buffer.from(whole);
          flipped[start + offset] = (flipped[start + offset] ?? 0) ^ (1 << (offset % 8));
          own.plant(path, flipped);
          await assert.rejects(
            load(store),
            isJournalError("data_loss", new RegExp(`\\.snapshot, byte ${String(start)}\\b`)),
          );
        }
      }
      own.plant(path, whole);
      await load(store);
    }).timeout(60_000);

    it("is not called damaged when the disk fails in the middle of it", async () => {
      const store = storeOn(own);
      const failing = new JournalError("failed", "the snapshot cannot be read: EIO");
      async function* halfOf(contents: AsyncIterable<Uint8Array>) {
        for await (const chunk of contents) {
          yield chunk.subarray(0, chunk.length >> 1);
          throw failing;
        }
      }
      const read = (at: number) => halfOf(store.read(at));
      const list = () => store.list();
      const placeOf = (at: number, offset: number) => store.placeOf(at, offset);
      await assert.rejects(
        load({ list, read, placeOf } as unknown as SnapshotStore),
        (error) => error === failing,
      );
    });

    /** The same snapshot without some of its sections, with every checksum right. */
    async function without(isLeftOut: (name: string) => boolean): Promise<SnapshotStore> {
      const kept: Uint8Array[] = [];
      const writer = new SectionWriter();
      for await (const section of readSections(storeOn(own).read(index), () => assert.fail())) {
        const { kind, name, slot, body } = section;
        if (isLeftOut(name)) continue;
        const end = () => {
          const said = JSON.parse(Buffer.from(body).toString()) as object;
          return Buffer.from(JSON.stringify({ ...said, sections: writer.count }));
        };
        const bytes = kind === SectionKind.end ? end() : body;
        kept.push(...writer.section(kind, name, slot, bytes).map((piece) => Buffer.from(piece)));
      }
      const store = new MemorySnapshots(journal.id);
      await store.write({ index, formatVersion: 1 }, kept);
      return store;
    }

    it("loads when it is copied section by section", async () => {
      await load(await without(() => false));
    });

    // Planted: a snapshot without the keys would let a client submit the same job twice.
    it("is refused when the idempotency keys were left out of it", async () => {
      const store = await without((name) => name === "jobs.idempotencyKey");
      await assert.rejects(load(store), isJournalError("data_loss", /leads to another state/));
    });

    it("is refused when a later release wrote it", async () => {
      const store = new MemorySnapshots(journal.id);
      await store.write({ index, formatVersion: 2 }, []);
      await assert.rejects(load(store), isJournalError("newer_format", /later release/));
    });
  });
});
