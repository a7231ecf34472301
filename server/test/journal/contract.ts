import assert from "node:assert/strict";
import { ENTRY_BYTES_MAX, type Journal, type StoredEntry } from "../../src/journal/journal.js";
import { JournalError, JournalFailure } from "../../src/journal/journal-error.js";

/** One place where a journal lives, opened and crashed at will. Made anew for each test. */
export interface JournalHarness {
  /** Opens it; the one before was crashed or closed, unless the test means to be refused. */
  open(options?: { readonly mustReach?: number }): Promise<Journal>;
  /** The process that opened it last dies on the spot, and with it what was not durable. */
  crash(): Promise<void>;
  /** From now on there is no room, or there is again. */
  setDiskFull(full: boolean): void;
  /** From now on fsync fails, or does not. */
  setSyncFails(fails: boolean): void;
  /** Ends what is left. */
  dispose(): Promise<void>;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

export async function collect(journal: Journal, from = journal.firstIndex): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  for await (const entry of journal.read(from)) entries.push(entry);
  return entries;
}

export async function appendAll(journal: Journal, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    const outcome = await journal.append(bytes(body));
    assert.equal(outcome.kind, "durable");
  }
}

export function isJournalError(kind: JournalError["kind"], message = /./) {
  return (error: unknown): boolean => {
    assert(error instanceof JournalError, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    return true;
  };
}

/** What every journal driver must do. A driver's own test file is one call to this. */
export function journalContract(name: string, create: () => Promise<JournalHarness>): void {
  describe(`journal contract: ${name}`, () => {
    let harness: JournalHarness;
    beforeEach(async () => {
      harness = await create();
    });
    afterEach(async () => {
      await harness.dispose();
    });

    async function openClaimed(): Promise<Journal> {
      const journal = await harness.open();
      await journal.claim();
      return journal;
    }

    it("is empty when it is new", async () => {
      const journal = await harness.open();
      assert.equal(journal.lastIndex, 0);
      assert.equal(journal.firstIndex, 1);
      assert.deepEqual(journal.repairs, []);
      assert.match(journal.id, /^[0-9a-f]{32}$/);
      assert.deepEqual(await collect(journal, 1), []);
    });

    it("still has a durable append after a crash", async () => {
      const journal = await openClaimed();
      await appendAll(journal, ["a", "b"]);
      await harness.crash();
      const reopened = await harness.open();
      assert.equal(reopened.lastIndex, 3);
      assert.equal(reopened.id, journal.id);
      const bodies = (await collect(reopened)).map(({ body }) => text(body));
      assert.deepEqual(bodies, ["", "a", "b"]);
    });

    it("numbers entries from 1 without gaps, over crashes and claims", async () => {
      for (let life = 0; life < 3; life++) {
        const journal = await openClaimed();
        await appendAll(journal, ["a", "b"]);
        await harness.crash();
      }
      const entries = await collect(await harness.open());
      assert.deepEqual(
        entries.map(({ index }) => index),
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
      );
    });

    it("raises the epoch with each claim, and marks the claim by an entry without a body", async () => {
      const journal = await harness.open();
      assert.deepEqual(await journal.claim(), { epoch: 1, index: 1 });
      await appendAll(journal, ["a"]);
      await harness.crash();
      const reopened = await harness.open();
      const claim = await reopened.claim();
      assert.deepEqual(claim, { epoch: 2, index: 3 });
      await appendAll(reopened, ["b"]);
      const entries = await collect(reopened);
      assert.deepEqual(
        entries.map(({ epoch, body }) => [epoch, body.length]),
        [
          [1, 0],
          [1, 1],
          [2, 0],
          [2, 1],
        ],
      );
    });

    it("reads from the middle", async () => {
      const journal = await openClaimed();
      await appendAll(journal, ["a", "b", "c", "d"]);
      const entries = await collect(journal, 4);
      assert.deepEqual(
        entries.map(({ index, body }) => [index, text(body)]),
        [
          [4, "c"],
          [5, "d"],
        ],
      );
      assert.deepEqual(await collect(journal, 6), []);
    });

    it("lets a reader go on to what becomes durable while it reads", async () => {
      const journal = await openClaimed();
      await appendAll(journal, ["a"]);
      const seen: string[] = [];
      for await (const { body } of journal.read(1)) {
        seen.push(text(body));
        if (seen.length === 2) await appendAll(journal, ["b", "c"]);
      }
      assert.deepEqual(seen, ["", "a", "b", "c"]);
    });

    it("reads any bytes of any entry", async () => {
      const journal = await openClaimed();
      await appendAll(journal, ["hello", "world"]);
      assert.equal(text(await journal.readBytes(3, 1, 3)), "orl");
      assert.equal(text(await journal.readBytes(2, 0, 5)), "hello");
      assert.equal(text(await journal.readBytes(2, 5, 0)), "");
      await harness.crash();
      const reopened = await harness.open();
      assert.equal(text(await reopened.readBytes(3, 1, 3)), "orl");
      await assert.rejects(reopened.readBytes(2, 3, 3), RangeError);
      await assert.rejects(reopened.readBytes(4, 0, 1), isJournalError("data_loss"));
    });

    it("keeps an entry of the largest size, and refuses a larger or an empty one", async () => {
      const journal = await openClaimed();
      await assert.rejects(journal.append(new Uint8Array(ENTRY_BYTES_MAX + 1)), RangeError);
      await assert.rejects(journal.append(new Uint8Array(0)), RangeError);
      assert.equal(journal.lastIndex, 1);
      const largest = new Uint8Array(ENTRY_BYTES_MAX).fill(7);
      assert.deepEqual(await journal.append(largest), { kind: "durable", index: 2 });
      const back = await journal.readBytes(2, ENTRY_BYTES_MAX - 2, 2);
      assert.deepEqual([...back], [7, 7]);
      const [, entry] = await collect(journal);
      assert(entry !== undefined);
      assert.equal(Buffer.compare(entry.body, new Uint8Array(ENTRY_BYTES_MAX).fill(7)), 0);
    });

    it("takes a body that is a part of a larger buffer, and leaves that buffer alone", async () => {
      const journal = await openClaimed();
      const larger = bytes("before body after");
      await journal.append(larger.subarray(7, 11));
      assert.equal(text(await journal.readBytes(2, 0, 4)), "body");
      assert.equal(text(larger), "before body after");
    });

    it("asserts that one entry is in flight at most", async () => {
      const journal = await openClaimed();
      const first = journal.append(bytes("a"));
      await assert.rejects(journal.append(bytes("b")), { name: "AssertionError" });
      assert.deepEqual(await first, { kind: "durable", index: 2 });
      await appendAll(journal, ["c"]);
      assert.equal(journal.lastIndex, 3);
    });

    it("asserts that nothing is appended before a claim", async () => {
      const journal = await harness.open();
      await assert.rejects(journal.append(bytes("a")), { name: "AssertionError" });
    });

    it("refuses a second opener, and lets it in once the first has closed", async () => {
      const journal = await harness.open();
      await assert.rejects(harness.open(), isJournalError("locked", /held by/));
      await assert.rejects(harness.open(), isJournalError("locked"));
      await journal.close();
      const second = await harness.open();
      assert.deepEqual(await second.claim(), { epoch: 1, index: 1 });
    });

    it("says that nothing was written when the disk is full, and takes the same entry later", async () => {
      const journal = await openClaimed();
      await appendAll(journal, ["a"]);
      harness.setDiskFull(true);
      let body: Uint8Array = bytes("the same entry");
      for (let attempt = 0; attempt < 3; attempt++) {
        const outcome = await journal.append(body);
        assert(outcome.kind === "not_written");
        assert.equal(outcome.reason, "disk_full");
        assert(outcome.cause instanceof Error);
        body = outcome.body;
        assert.equal(text(body), "the same entry");
        assert.equal(journal.lastIndex, 2);
      }
      harness.setDiskFull(false);
      assert.deepEqual(await journal.append(body), { kind: "durable", index: 3 });
      await harness.crash();
      const reopened = await harness.open();
      assert.deepEqual(reopened.repairs, []);
      const bodies = (await collect(reopened)).map((entry) => text(entry.body));
      assert.deepEqual(bodies, ["", "a", "the same entry"]);
    });

    it("can be claimed later when the disk is full at first", async () => {
      const journal = await harness.open();
      harness.setDiskFull(true);
      await assert.rejects(journal.claim(), isJournalError("disk_full"));
      await assert.rejects(journal.claim(), isJournalError("disk_full"));
      harness.setDiskFull(false);
      assert.deepEqual(await journal.claim(), { epoch: 1, index: 1 });
    });

    it("fails for good when an fsync fails, and keeps what was durable before", async () => {
      const journal = await openClaimed();
      await appendAll(journal, ["a"]);
      harness.setSyncFails(true);
      await assert.rejects(journal.append(bytes("b")), JournalFailure);
      harness.setSyncFails(false);
      // A second fsync could report success for pages that the kernel has dropped.
      await assert.rejects(journal.append(bytes("b")), JournalFailure);
      await assert.rejects(journal.claim(), JournalFailure);
      assert.equal(journal.lastIndex, 2);
      await harness.crash();
      const reopened = await harness.open();
      const bodies = (await collect(reopened)).map(({ body }) => text(body));
      assert.deepEqual(bodies.slice(0, 2), ["", "a"]);
    });

    it("removes only entries below the index it was given, and never the last one", async () => {
      const journal = await openClaimed();
      const bodies = Array.from({ length: 30 }, (_, i) => `entry ${String(i)}`.padEnd(100));
      await appendAll(journal, bodies);
      await journal.truncate(20);
      assert(
        journal.firstIndex > 1,
        "something was removed: the harness makes segments small enough",
      );
      assert(journal.firstIndex <= 20, "nothing at or above the index was removed");
      const { firstIndex } = journal;
      assert.equal((await collect(journal))[0]?.index, firstIndex);
      await assert.rejects(
        collect(journal, firstIndex - 1),
        isJournalError("data_loss", /not kept/),
      );
      await journal.truncate(1_000);
      assert(journal.firstIndex <= journal.lastIndex, "the last entry stays");
      await appendAll(journal, ["after"]);
      await harness.crash();
      const reopened = await harness.open();
      assert.equal(reopened.lastIndex, 32);
      assert.equal(text(await reopened.readBytes(32, 0, 5)), "after");
      assert.deepEqual(await reopened.claim(), { epoch: 2, index: 33 });
    });

    it("refuses to open short of an entry that somebody has seen", async () => {
      const journal = await openClaimed();
      await appendAll(journal, ["a", "b"]);
      await harness.crash();
      await assert.rejects(harness.open({ mustReach: 4 }), (error) => {
        assert(error instanceof JournalError && error.mustReach === 4);
        return isJournalError("data_loss", /entry 4/)(error);
      });
      const reopened = await harness.open({ mustReach: 3 });
      assert.equal(reopened.lastIndex, 3);
    });

    it("refuses everything after it was closed, and can be closed twice", async () => {
      const journal = await openClaimed();
      await journal.close();
      await journal.close();
      await assert.rejects(journal.append(bytes("a")), JournalFailure);
      await assert.rejects(journal.truncate(1), JournalFailure);
    });
  });
}
