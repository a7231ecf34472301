import assert from "node:assert/strict";
import type { SnapshotStore } from "../../src/journal/snapshot-store.js";
import { bytes, isJournalError, text } from "./contract.js";

/** Everything that a store offers of a snapshot, as one text. */
export async function readText(store: SnapshotStore, index: number): Promise<string> {
  let whole = "";
  for await (const chunk of store.read(index)) whole += text(chunk);
  return whole;
}

export async function writeText(
  store: SnapshotStore,
  index: number,
  ...pieces: readonly string[]
): Promise<void> {
  await store.write({ index, formatVersion: 1 }, pieces.map(bytes));
}

/** What every store of snapshots must do. A driver's own test file is one call to this. */
export function snapshotStoreContract(name: string, create: () => Promise<SnapshotStore>): void {
  describe(`snapshot store contract: ${name}`, () => {
    let store: SnapshotStore;
    beforeEach(async () => {
      store = await create();
    });

    async function indexes(): Promise<number[]> {
      return (await store.list()).map(({ index }) => index);
    }

    it("has nothing when it is new", async () => {
      assert.deepEqual(await store.list(), []);
    });

    it("gives back what was written, in whatever pieces it came", async () => {
      const info = await store.write({ index: 7, formatVersion: 1 }, ["one", "", "two"].map(bytes));
      assert.deepEqual(await store.list(), [info]);
      assert.equal(info.bytes, 6);
      assert.match(info.sha256, /^[0-9a-f]{64}$/);
      assert.equal(await readText(store, 7), "onetwo");
    });

    it("takes pieces that are made while it writes", async () => {
      async function* pieces() {
        yield bytes("a");
        yield bytes("b");
      }
      await store.write({ index: 1, formatVersion: 1 }, pieces());
      assert.equal(await readText(store, 1), "ab");
    });

    it("keeps the newest and the one before it", async () => {
      for (const index of [3, 5, 8]) await writeText(store, index, `of ${String(index)}`);
      assert.deepEqual(await indexes(), [8, 5]);
      assert.equal(await readText(store, 5), "of 5");
      await assert.rejects(readText(store, 3), isJournalError("data_loss"));
    });

    it("reads pieces from any place, also of a snapshot that was removed meanwhile", async () => {
      await writeText(store, 3, "0123456789");
      const open = store.open(3);
      await writeText(store, 5, "x");
      await writeText(store, 8, "y");
      assert.equal(text(await open.read(4, 3)), "456");
      open.close();
    });

    it("refuses to open one that is not there", async () => {
      assert.throws(() => store.open(9), isJournalError("data_loss"));
    });

    it("shows what was written to whoever checks it, before it counts", async () => {
      let seen = "";
      await store.write({ index: 4, formatVersion: 1 }, [bytes("look")], async (readBack) => {
        assert.deepEqual(await indexes(), []);
        for await (const chunk of readBack) seen += text(chunk);
      });
      assert.equal(seen, "look");
      assert.deepEqual(await indexes(), [4]);
    });

    it("has nothing of a snapshot that was checked and refused, and all of those before", async () => {
      await writeText(store, 3, "good");
      const refusal = new Error("not good");
      const write = store.write({ index: 4, formatVersion: 1 }, [bytes("bad")], async () => {
        throw refusal;
      });
      await assert.rejects(write);
      assert.deepEqual(await indexes(), [3]);
    });

    it("has nothing of a snapshot that could not be made", async () => {
      async function* pieces() {
        yield bytes("a");
        throw new Error("no more");
      }
      await assert.rejects(store.write({ index: 1, formatVersion: 1 }, pieces()));
      assert.deepEqual(await indexes(), []);
    });
  });
}
