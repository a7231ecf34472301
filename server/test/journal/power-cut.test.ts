import assert from "node:assert/strict";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../../src/journal/file/format.js";
import { type Journal } from "../../src/journal/journal.js";
import { JournalFailure } from "../../src/journal/journal-error.js";
import { collect, isJournalError } from "./contract.js";
import { prng } from "./prng.js";
import { SimulatedDisk } from "./simulated-disk.js";

const SEGMENT_BYTES = 5_000;
const SEEDS = process.env["CAPSTAN_VERIFY"] === "1" ? 20_000 : 400;
const TURNS = 60;

function open(disk: SimulatedDisk, mustReach: number): Promise<Journal> {
  return openFileJournal({
    directory: "/journal",
    segmentBytes: SEGMENT_BYTES,
    mustReach,
    newJournalId: new Uint8Array(16).fill(5),
    storage: disk,
    writer: { kind: "inline" },
  });
}

describe("file journal, when the power goes", () => {
  it(`loses nothing that was durable and shows nothing that was not written, seeds 1 to ${String(SEEDS)}`, async () => {
    const seen = { torn: 0, tornSegments: 0, survivors: 0, cuts: 0, kills: 0, full: 0, removed: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) await run(seed, seen);
    for (const [what, count] of Object.entries(seen)) {
      assert(count > 20, `the runs proved nothing about ${what}: ${JSON.stringify(seen)}`);
    }
  }).timeout(600_000);

  it("keeps what it found at its start, wherever the next entry goes", async () => {
    for (const dropsPages of [false, true]) {
      // From an entry after which the claim fits into its segment to one after which it does not.
      for (let bytes = 4_600; bytes < SEGMENT_BYTES - 250; bytes += 10) {
        const disk = new SimulatedDisk();
        let journal = await open(disk, 0);
        await journal.claim();
        await failToSync(disk, journal, new Uint8Array(bytes).fill(3), dropsPages);
        // The process is killed and the machine goes on: the entry is read, and others follow it.
        disk.killProcess();
        journal = await open(disk, 0);
        assert.equal(journal.lastIndex, 2);
        await journal.claim();
        disk.cutPower({ kind: "none_of_it" });
        journal = await open(disk, 3);
        assert.equal(journal.lastIndex, 3, `${String(bytes)} bytes`);
      }
    }
  });

  it("keeps a segment that was begun when its fsync failed", async () => {
    for (const dropsPages of [false, true]) {
      const disk = new SimulatedDisk();
      let journal = await open(disk, 0);
      await journal.claim();
      await journal.append(new Uint8Array(4_000).fill(3));
      await failToSync(disk, journal, new Uint8Array(4_000).fill(4), dropsPages);
      disk.killProcess();
      assert.equal(disk.paths("/journal").length, 2);
      journal = await open(disk, 2);
      await journal.claim();
      disk.cutPower({ kind: "none_of_it" });
      journal = await open(disk, 3);
      assert.deepEqual(journal.repairs, []);
      assert.equal((await collect(journal)).length, 3);
    }
  });

  it("refuses to start when what it found cannot be made durable", async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, 0);
    await journal.claim();
    disk.killProcess();
    disk.syncFails = true;
    await assert.rejects(open(disk, 1), isJournalError("failed", /cannot be made durable/));
  });

  /** Appends what an fsync that fails leaves to the cache. */
  async function failToSync(
    disk: SimulatedDisk,
    journal: Journal,
    body: Uint8Array,
    dropsPages: boolean,
  ): Promise<void> {
    disk.failedSyncDropsPages = dropsPages;
    disk.syncFails = true;
    await assert.rejects(journal.append(body), JournalFailure);
    disk.syncFails = false;
  }

  async function run(seed: number, seen: Record<string, number>): Promise<void> {
    const random = prng(seed);
    const disk = new SimulatedDisk();
    const count = (what: string): void => {
      seen[what] = (seen[what] ?? 0) + 1;
    };
    /** Bodies by index - 1: those that were durable, then perhaps one in doubt. */
    const expected: Uint8Array[] = [];
    let journal = await open(disk, 0);
    let claimed = false;
    for (let turn = 0; turn < TURNS; turn++) {
      const body = claimed
        ? new Uint8Array(1 + random() * 2_000).fill(random() * 256)
        : new Uint8Array();
      const write = async (): Promise<string> => {
        if (claimed) return (await journal.append(body.slice())).kind;
        await journal.claim();
        claimed = true;
        return "durable";
      };
      const draw = random();
      if (draw < 0.15) {
        // It ends in the middle of this write: the power goes, the disk fails, or the process is killed.
        if (random() < 0.7) {
          disk.syncFails = true;
          disk.failedSyncDropsPages = random() < 0.5;
        } else {
          disk.bytesUntilWriteFails = Math.floor(random() * FRAME_HEADER_BYTES);
        }
        await assert.rejects(write(), JournalFailure, `seed ${String(seed)}`);
        disk.syncFails = false;
        disk.bytesUntilWriteFails = Infinity;
        const kinds = ["none_of_it", "all_of_it", "some_sectors", "some_bytes", "kill"] as const;
        const kind = kinds[Math.floor(random() * kinds.length)] ?? "kill";
        if (kind !== "kill") {
          disk.cutPower({ kind, random });
          count("cuts");
        } else {
          disk.killProcess();
          if (random() < 0.3) disk.dropCaches();
          count("kills");
        }
        journal = await open(disk, expected.length);
        claimed = false;
        if (journal.lastIndex > expected.length) {
          expected.push(body);
          count("survivors");
        }
        if (journal.repairs[0]?.kind === "torn_tail") count("torn");
        if (journal.repairs[0]?.kind === "torn_segment") count("tornSegments");
        await compare(journal, expected, seed);
      } else if (draw < 0.25) {
        disk.freeBytes = Math.floor(random() * 300);
        const outcome = await write().catch(isJournalError("disk_full"));
        disk.freeBytes = Infinity;
        if (outcome === "durable") expected.push(body);
        else count("full");
      } else if (draw < 0.3) {
        const before = journal.firstIndex;
        await journal.truncate(Math.floor(random() * (expected.length + 1)));
        if (journal.firstIndex > before) count("removed");
      } else {
        assert.equal(await write(), "durable");
        expected.push(body);
      }
    }
    await compare(journal, expected, seed);
  }

  async function compare(journal: Journal, expected: Uint8Array[], seed: number): Promise<void> {
    const why = `seed ${String(seed)}`;
    assert.equal(journal.lastIndex, expected.length, why);
    for (const { index, body } of await collect(journal)) {
      const original = expected[index - 1];
      assert(
        original !== undefined && Buffer.compare(body, original) === 0,
        `${why}, ${String(index)}`,
      );
      const again = await journal.readBytes(index, 0, body.length);
      assert(Buffer.compare(again, original) === 0, why);
    }
  }
});

describe("file journal, when the disk is full", () => {
  it("leaves nothing behind and takes the same entry later, wherever in it the room ended", async () => {
    const body = new Uint8Array(700).fill(3);
    const frameBytes = FRAME_HEADER_BYTES + body.length;
    for (const rolls of [false, true]) {
      for (let room = 0; room < (rolls ? SEGMENT_HEADER_BYTES : 0) + frameBytes; room += 7) {
        const disk = new SimulatedDisk();
        const journal = await open(disk, 0);
        await journal.claim();
        // Six such entries fill a segment.
        for (let entry = 0; entry < (rolls ? 6 : 2); entry++) await journal.append(body.slice());
        const last = journal.lastIndex;
        disk.freeBytes = room;
        const outcome = await journal.append(body.slice());
        assert(outcome.kind === "not_written", `room for ${String(room)} bytes`);
        disk.freeBytes = Infinity;
        if (room % 2 === 0) {
          // Nobody tries again, the process ends.
          disk.cutPower({ kind: "all_of_it" });
          const reopened = await open(disk, last);
          assert.equal(reopened.lastIndex, last);
          assert.deepEqual(reopened.repairs, []);
        } else {
          assert.deepEqual(await journal.append(outcome.body), {
            kind: "durable",
            index: last + 1,
          });
          assert.equal((await collect(journal)).length, last + 1);
        }
      }
    }
  });

  it("fails when what went in cannot be taken back", async () => {
    const disk = new SimulatedDisk();
    const journal = await open(disk, 0);
    await journal.claim();
    disk.freeBytes = 20;
    disk.truncateFails = true;
    await assert.rejects(journal.append(new Uint8Array(100)), JournalFailure);
    disk.freeBytes = Infinity;
    disk.truncateFails = false;
    await assert.rejects(journal.append(new Uint8Array(100)), JournalFailure);
  });
});
