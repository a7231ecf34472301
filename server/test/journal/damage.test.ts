import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import {
  checksumSeed,
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
  genesisHash,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "../../src/journal/file/format.js";
import { TAIL_BYTES_MAX } from "../../src/journal/file/torn-tail.js";
import { crc32 } from "node:zlib";
import { type Journal, type StoredEntry } from "../../src/journal/journal.js";
import { type JournalError } from "../../src/journal/journal-error.js";
import { appendAll, bytes, collect, isJournalError, text } from "./contract.js";
import {
  assertPrefix,
  at,
  DIRECTORY,
  edit,
  JOURNAL_ID,
  open,
  type Place,
  SEGMENT_BYTES,
  wholeJournal,
} from "./damaged-journal.js";
import { SimulatedDisk } from "./simulated-disk.js";

describe("file journal, damaged", () => {
  let disk: SimulatedDisk;
  let whole: readonly StoredEntry[];
  let places: readonly Place[];
  let lastPath: string;

  before(async () => {
    ({ disk, entries: whole, places, lastPath } = await wholeJournal());
  });

  it("opens at the last whole entry when the file is cut at any byte of the last three", async () => {
    const from = at(places, -3);
    for (let size = from.offset; size < at(places, -1).end; size++) {
      const cut = edit(disk, lastPath, (file) => file.subarray(0, size));
      const journal = await open(cut);
      const kept = places.filter(({ path, end }) => path !== lastPath || end <= size);
      assert.equal(journal.lastIndex, kept.length, `cut at ${String(size)}`);
      const end = at(kept, -1).path === lastPath ? at(kept, -1).end : SEGMENT_HEADER_BYTES;
      if (size === end) {
        assert.deepEqual(journal.repairs, []);
      } else {
        const [repair] = journal.repairs;
        assert(repair !== undefined);
        assert.equal(repair.kind, "torn_tail");
        assert.equal(repair.segment, basename(lastPath));
        assert.equal(repair.offset, end);
        assert.equal(repair.bytesCut, size - end);
        assert.equal(repair.lastIndex, kept.length);
        assert.equal(cut.contents(lastPath).length, end);
      }
      assertPrefix(await collect(journal), whole);
      await journal.claim();
      await appendAll(journal, ["after"]);
      await journal.close();
      const again = await open(cut);
      assert.deepEqual(again.repairs, []);
      assert.equal(again.lastIndex, kept.length + 2);
      assert.equal(text(await again.readBytes(kept.length + 2, 0, 5)), "after");
    }
  });

  it("takes a last entry that has gone bad for lost when somebody has seen it", async () => {
    const { path, end } = at(places, -1);
    const flipped = edit(disk, path, (file) => file.fill(7, end - 2, end));
    await assert.rejects(
      open(flipped.copy(), { mustReach: whole.length }),
      isJournalError("data_loss", /entry 13 had been durable; a torn tail was found/),
    );
    await assert.rejects(open(flipped.copy(), { mustReach: whole.length }));
    const journal = await open(flipped, { mustReach: whole.length - 1 });
    assert.equal(journal.lastIndex, whole.length - 1);
  });

  it("does not repair a journal that it refuses", async () => {
    const torn = edit(disk, lastPath, (file) => file.subarray(0, file.length - 3));
    await assert.rejects(open(torn, { mustReach: whole.length }), isJournalError("data_loss"));
    assert.equal(torn.contents(lastPath).length, disk.contents(lastPath).length - 3);
  });

  it("cuts off zeros after the last entry, up to what one write can leave", async () => {
    for (const zeros of [1, 63, 64, 65, 511, 512, 4096, TAIL_BYTES_MAX]) {
      const padded = edit(disk, lastPath, (file) => Buffer.concat([file, Buffer.alloc(zeros)]));
      const journal = await open(padded);
      assert.equal(journal.lastIndex, whole.length);
      assert.equal(journal.repairs[0]?.bytesCut, zeros);
      assertPrefix(await collect(journal), whole);
    }
  });

  it("cuts off a last entry of which a part reads as zeros", async () => {
    const { offset, end } = at(places, -1);
    for (let from = offset; from < end; from++) {
      const zeroed = edit(disk, lastPath, (file) => file.fill(0, from, end));
      const journal = await open(zeroed);
      assert.equal(journal.lastIndex, whole.length - 1);
    }
  });

  it("cuts off garbage after the last entry, up to what one write can leave", async () => {
    for (const length of [1, 57, 4096, TAIL_BYTES_MAX]) {
      const garbage = Buffer.alloc(length, "any garbage");
      const dirty = edit(disk, lastPath, (file) => Buffer.concat([file, garbage]));
      const journal = await open(dirty);
      assert.equal(journal.lastIndex, whole.length);
      assert.equal(journal.repairs[0]?.bytesCut, length);
    }
  });

  it("refuses a tail longer than one unfinished write", async () => {
    const garbage = Buffer.alloc(TAIL_BYTES_MAX + 1, "any garbage");
    const dirty = edit(disk, lastPath, (file) => Buffer.concat([file, garbage]));
    await assert.rejects(
      open(dirty),
      isJournalError("data_loss", /more than one unfinished write/),
    );
  });

  it("refuses when the last two entries are both bad, by what is left of either", async () => {
    const [first, second] = [at(places, -2), at(places, -1)];
    const flip = (disk: SimulatedDisk, byte: number): SimulatedDisk =>
      edit(disk, lastPath, (file) => {
        file[byte] = (file[byte] ?? 0) ^ 1;
        return file;
      });
    const firstBad = flip(disk, first.end - 1);
    await assert.rejects(
      open(flip(firstBad, second.end - 1)),
      isJournalError("data_loss", /the header of entry 13 stands whole/),
    );
    await assert.rejects(
      open(flip(firstBad, second.offset)),
      isJournalError("data_loss", /more was written after the damaged entry/),
    );
  });

  it("refuses zeros in the middle", async () => {
    for (const place of places.slice(0, -1)) {
      const zeroed = edit(disk, place.path, (file) => file.fill(0, place.offset, place.end));
      await assert.rejects(open(zeroed), (error) => {
        assert(isJournalError("data_loss")(error));
        assert.deepEqual((error as JournalError).place, {
          segment: basename(place.path),
          offset: place.offset,
          index: place.index,
        });
        return true;
      });
    }
  });

  it("refuses a closed segment that is cut, even between two entries", async () => {
    const closed = places.filter(({ path }) => path !== lastPath);
    for (const { path, offset } of closed) {
      for (const size of [offset, offset + 1]) {
        const cut = edit(disk, path, (file) => file.subarray(0, size));
        await assert.rejects(open(cut), isJournalError("data_loss"));
      }
    }
  });

  it("refuses when a segment between others is missing", async () => {
    const paths = disk.paths(DIRECTORY);
    for (const path of paths.slice(1, -1)) {
      const holed = disk.copy();
      holed.remove(path);
      await assert.rejects(
        open(holed),
        isJournalError("data_loss", /entries \d+ to \d+ are missing/),
      );
    }
  });

  it("refuses to read what the first segments held when they are missing", async () => {
    const holed = disk.copy();
    holed.remove(at(disk.paths(DIRECTORY), 0));
    const journal = await open(holed);
    assert(journal.firstIndex > 1);
    await assert.rejects(collect(journal, 1), isJournalError("data_loss", /entry 1 is not kept/));
  });

  it("refuses when the last segment is missing and somebody has seen its entries", async () => {
    const holed = disk.copy();
    holed.remove(lastPath);
    await assert.rejects(open(holed, { mustReach: whole.length }), isJournalError("data_loss"));
  });

  it("refuses a copy of a segment under another name, wherever it would stand", async () => {
    for (const path of disk.paths(DIRECTORY)) {
      for (const firstIndex of [2, whole.length, whole.length + 1, 1_000]) {
        const doubled = disk.copy();
        doubled.plant(join(DIRECTORY, segmentName(firstIndex)), disk.contents(path));
        await assert.rejects(
          open(doubled),
          isJournalError("data_loss", /a copy of another segment|entries|in a closed segment/),
        );
      }
    }
  });

  it("refuses a file that is named like a segment and is none", async () => {
    for (const name of ["1.segment", "0000000000000001 (copy).segment", "x.segment"]) {
      const odd = disk.copy();
      odd.plant(join(DIRECTORY, name), disk.contents(lastPath));
      await assert.rejects(open(odd), isJournalError("data_loss", /named like a segment/));
    }
    const ignored = disk.copy();
    ignored.plant(join(DIRECTORY, "notes.txt"), bytes("mine"));
    assert.equal((await open(ignored)).lastIndex, whole.length);
  });

  it("refuses a segment of another journal", async () => {
    const other = new SimulatedDisk();
    const journal = await openFileJournal({
      directory: DIRECTORY,
      segmentBytes: SEGMENT_BYTES,
      newJournalId: new Uint8Array(16).fill(1),
      storage: other,
      writer: { kind: "inline" },
    });
    await journal.claim();
    await appendAll(journal, ["alpha", "b", "gamma gamma gamma", "delta", "epsilon"]);
    const path = at(disk.paths(DIRECTORY), 1);
    const mixed = disk.copy();
    mixed.plant(path, other.contents(path));
    await assert.rejects(open(mixed), isJournalError("data_loss", /belongs to another journal/));
  });

  it("removes a last segment whose header was not finished", async () => {
    const header = disk.contents(lastPath).subarray(0, SEGMENT_HEADER_BYTES);
    const lastOfOthers = places.filter(({ path }) => path !== lastPath).length;
    for (let size = 0; size <= SEGMENT_HEADER_BYTES; size++) {
      for (const fill of ["cut", "zeros"] as const) {
        const whole96 = size === SEGMENT_HEADER_BYTES;
        if (whole96 && fill === "zeros") continue;
        const torn = edit(disk, lastPath, () => {
          if (fill === "cut") return header.subarray(0, size);
          return Buffer.concat([
            header.subarray(0, size),
            Buffer.alloc(SEGMENT_HEADER_BYTES - size),
          ]);
        });
        const journal = await open(torn);
        assert.equal(journal.lastIndex, lastOfOthers);
        const isTorn = fill === "zeros" ? !header.subarray(size).every((b) => b === 0) : !whole96;
        assert.deepEqual(
          journal.repairs.map(({ kind }) => kind),
          isTorn ? ["torn_segment"] : [],
        );
        await journal.claim();
        await appendAll(journal, ["after"]);
        await journal.close();
        assert.equal((await open(torn)).lastIndex, lastOfOthers + 2);
      }
    }
  });

  it("starts anew when all there is was the first segment's unfinished header", async () => {
    const torn = new SimulatedDisk();
    torn.plant(join(DIRECTORY, segmentName(1)), new Uint8Array(40));
    const journal = await open(torn);
    assert.equal(journal.repairs[0]?.kind, "torn_segment");
    assert.deepEqual(await journal.claim(), { epoch: 1, index: 1 });
  });

  it("refuses a header that is none and was never to be one, also of the first segment", async () => {
    const garbage = Buffer.from([7, 7, 7, 7, 7, 7]);
    const first = new SimulatedDisk();
    first.plant(join(DIRECTORY, segmentName(1)), garbage);
    const wanted = isJournalError("data_loss", /cut short, and is none that was left unfinished/);
    await assert.rejects(open(first), wanted);
    assert.deepEqual(first.contents(join(DIRECTORY, segmentName(1))), garbage);
    await assert.rejects(open(edit(disk, lastPath, () => garbage)), wanted);
    // The beginning of a header, but of another journal's.
    const header = disk.contents(lastPath).subarray(0, SEGMENT_HEADER_BYTES);
    const foreign = edit(disk, lastPath, () => {
      const copy = Buffer.from(header.subarray(0, 40));
      copy[20] = (copy[20] ?? 0) ^ 255;
      return copy;
    });
    await assert.rejects(open(foreign), isJournalError("data_loss"));
  });

  it("starts anew with any beginning of a first header", async () => {
    const header = disk.contents(at(disk.paths(DIRECTORY), 0)).subarray(0, SEGMENT_HEADER_BYTES);
    for (let size = 0; size < SEGMENT_HEADER_BYTES; size++) {
      const torn = new SimulatedDisk();
      torn.plant(join(DIRECTORY, segmentName(1)), Buffer.from(header.subarray(0, size)));
      const journal = await open(torn);
      assert.equal(journal.repairs[0]?.kind, "torn_segment");
      await journal.close();
    }
  });

  it("refuses an unfinished header when what was before it is gone", async () => {
    const torn = new SimulatedDisk();
    torn.plant(join(DIRECTORY, segmentName(7)), new Uint8Array(40));
    await assert.rejects(open(torn), isJournalError("data_loss"));
  });

  it("refuses a newer format with a message that says what to do", async () => {
    const newer = edit(disk, at(disk.paths(DIRECTORY), 0), (file) => {
      file.writeUInt32LE(2, 8);
      file.writeUInt32LE(crc32(file.subarray(0, 92)), 92);
      return file;
    });
    await assert.rejects(
      open(newer),
      isJournalError("newer_format", /format 2, written by a later release/),
    );
  });

  it("finds damage that happens after it was opened, when it comes to read it", async () => {
    for (const place of places) {
      const copy = disk.copy();
      const journal = await open(copy);
      const damaged = copy.contents(place.path);
      damaged[place.end - 1] = (damaged[place.end - 1] ?? 0) ^ 4;
      copy.plant(place.path, damaged);
      const named = isJournalError("data_loss", new RegExp(basename(place.path)));
      await assert.rejects(collect(journal, 1), named);
      await assert.rejects(journal.readBytes(place.index, 0, 0), named);
      if (place.index > 1) {
        assert.equal((await collectUntilDamage(journal)).length, place.index - 1);
      }
    }
  });

  it("looks an entry up across one whose header has gone bad, and gives nothing but what was written", async () => {
    let given = 0;
    for (const [i, { path, index, offset: start }] of places.entries()) {
      for (let offset = start; offset < start + FRAME_HEADER_BYTES; offset++) {
        const copy = disk.copy();
        const journal = await open(copy);
        const damaged = copy.contents(path);
        damaged[offset] = (damaged[offset] ?? 0) ^ 4;
        copy.plant(path, damaged);
        await assert.rejects(journal.readBytes(index, 0, 0), isJournalError("data_loss", /./));
        const next = places[i + 1];
        if (next?.path !== path) continue;
        const { body } = at(whole, i + 1);
        const read = await journal.readBytes(next.index, 0, body.length).catch((error: unknown) => {
          assert(isJournalError("data_loss", /not where it was written/)(error as Error));
        });
        if (read === undefined) continue;
        assert.deepEqual(Buffer.from(read), Buffer.from(body));
        given += 1;
      }
    }
    // Only its length and its number lead to the next.
    assert(given > 0);
  });

  it("says which segment cannot be read when the disk cannot", async () => {
    const copy = disk.copy();
    const journal = await open(copy);
    copy.readFails = true;
    await assert.rejects(collect(journal), isJournalError("failed", /segment 0000000000000001/));
    await journal.close();
    await assert.rejects(open(copy), isJournalError("failed", /segment 0000000000000001/));
    copy.readFails = false;
    copy.openFails = true;
    await assert.rejects(open(copy), isJournalError("failed", /segment 0000000000000001/));
    copy.openFails = false;
    copy.list = () => {
      throw new Error("EIO: simulated");
    };
    await assert.rejects(open(copy), isJournalError("failed", /folder \/journal cannot be read/));
  });

  it("is not misled by a body that holds frames of this very journal", async () => {
    const copy = disk.copy();
    const journal = await open(copy);
    await journal.claim();
    // What a task would carry whose payload is a copy of the journal's files.
    const frames = Buffer.concat(disk.paths(DIRECTORY).map((path) => disk.contents(path)));
    await journal.append(new Uint8Array(frames));
    await journal.close();
    const path = at(copy.paths(DIRECTORY), -1);
    const torn = edit(copy, path, (file) => file.subarray(0, file.length - 1));
    const reopened = await open(torn);
    assert.equal(reopened.lastIndex, whole.length + 1);
    assert.equal(reopened.repairs[0]?.kind, "torn_tail");
  });

  it("keeps to the format that is written down", () => {
    const header = encodeSegmentHeader({
      journalId: Buffer.from(JOURNAL_ID),
      firstIndex: 1,
      previousEpoch: 0,
      previousHash: genesisHash(JOURNAL_ID),
    });
    const file = disk.contents(at(disk.paths(DIRECTORY), 0));
    assert.equal(Buffer.compare(file.subarray(0, SEGMENT_HEADER_BYTES), header), 0);
    // The claim: no body, epoch 1, index 1. As docs/journal-format.md has it, byte by byte.
    const claim = file.subarray(SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES);
    assert.equal(claim.readUInt32LE(0), 0);
    assert.equal(claim.readUInt32LE(4), crc32(JOURNAL_ID));
    const covered = Buffer.concat([JOURNAL_ID, claim.subarray(0, 8), claim.subarray(12)]);
    assert.equal(claim.readUInt32LE(8), crc32(covered));
    const numbers = "00000000" + "0100000000000000" + "0100000000000000";
    assert.equal(claim.toString("hex", 12), numbers + genesisHash(JOURNAL_ID).toString("hex"));
    const second = file.subarray(SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES);
    const hash = createHash("sha256").update(claim.subarray(16)).digest("hex");
    assert.equal(second.toString("hex", 32, 64), hash);
    assert.equal(second.toString("utf8", 64, 69), "alpha");
    assert.equal(second.readUInt32LE(4), crc32(Buffer.concat([JOURNAL_ID, Buffer.from("alpha")])));
    assert.equal(checksumSeed(JOURNAL_ID), crc32(JOURNAL_ID));
  });
});

async function collectUntilDamage(journal: Journal): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  try {
    for await (const entry of journal.read(1)) entries.push(entry);
  } catch (error) {
    assert(isJournalError("data_loss")(error));
  }
  return entries;
}
