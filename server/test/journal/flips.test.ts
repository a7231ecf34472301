import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { byteOfFlippedBit } from "../../src/journal/file/flipped-bit.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../../src/journal/file/format.js";
import { type Journal } from "../../src/journal/journal.js";
import { JournalError } from "../../src/journal/journal-error.js";
import { crc32 } from "node:zlib";
import { collect } from "./contract.js";
import {
  asItIs,
  assertPrefix,
  at,
  DIRECTORY,
  edit,
  open,
  wholeJournal,
  type WholeJournal,
} from "./damaged-journal.js";
import { prng } from "./prng.js";
import { SimulatedDisk } from "./simulated-disk.js";

const SAMPLES = process.env["CAPSTAN_VERIFY"] === "1" ? 3_000 : 150;

/** The refusal of a journal in which something is wrong at one place. */
function isLossAt(path: string, offset: number, where: string) {
  return (error: unknown): boolean => {
    assert(error instanceof JournalError, where);
    assert.equal(error.kind, "data_loss", where);
    assert.equal(error.place?.segment, basename(path), where);
    assert.equal(error.place?.offset, offset, where);
    return true;
  };
}

/** Turns over every bit of files, one at a time. @returns how many */
async function refusesEachFlip(
  { disk, places }: WholeJournal,
  paths = disk.paths(DIRECTORY),
): Promise<number> {
  let flips = 0;
  for (const path of paths) {
    const { length } = disk.contents(path);
    for (let byte = 0; byte < length; byte++) {
      const place = places.find((p) => p.path === path && byte >= p.offset && byte < p.end);
      for (let bit = 0; bit < 8; bit++) {
        const where = `bit ${String(bit)} of byte ${String(byte)} of ${path}`;
        const flipped = disk.copy();
        flipped.flipBit(path, byte, bit);
        await assert.rejects(open(flipped), isLossAt(path, place?.offset ?? 0, where));
        flips += 1;
      }
    }
  }
  return flips;
}

describe("file journal, with a flipped bit", () => {
  it("refuses with the place when any bit flips anywhere, the last entry included", async () => {
    const flips = await refusesEachFlip(await wholeJournal());
    assert(flips > 9_000, `too few flips to prove anything: ${String(flips)}`);
  }).timeout(60_000);

  it("refuses any flip also when the last entry is a claim, or the only one of its segment", async () => {
    for (const bodies of [[], ["so long that it has a segment of its own".padEnd(400, ".")]]) {
      const { disk } = await wholeJournal();
      const copy = disk.copy();
      const journal = await open(copy);
      await journal.claim();
      for (const body of bodies) await journal.append(Buffer.from(body));
      await journal.close();
      const longer = await asItIs(copy);
      assert((await refusesEachFlip(longer, [longer.lastPath])) > 1_000);
    }
  }).timeout(60_000);

  it("takes a last entry for torn where a crash can have left what it reads, unless somebody has seen it", async () => {
    const { disk, places, entries, lastPath } = await wholeJournal();
    const { offset, end } = at(places, -1);
    const damages: readonly ((file: Buffer) => Uint8Array)[] = [
      // Its end reads as zeros: also if that was one bit.
      (file) => file.fill(0, end - 1, end),
      // More than one bit is wrong.
      (file) => file.fill(7, end - 2, end),
      (file) => file.fill(7, offset, offset + 8),
      // It is gone, to the byte.
      (file) => file.subarray(0, offset),
    ];
    for (const change of damages) {
      const damaged = edit(disk, lastPath, change);
      await assert.rejects(
        open(damaged.copy(), { mustReach: entries.length }),
        (error) => error instanceof JournalError && error.kind === "data_loss",
      );
      const journal = await open(damaged);
      assert.equal(journal.lastIndex, entries.length - 1);
      assertPrefix(await collect(journal), entries);
    }
  });

  it("takes a long last entry for torn when a sector of it reads as zeros, and for damaged when none does", async () => {
    const { disk } = await wholeJournal();
    const copy = disk.copy();
    const journal = await open(copy);
    await journal.claim();
    await journal.append(Buffer.alloc(3_000, "body without zeros "));
    await journal.close();
    const { places, lastPath, entries } = await asItIs(copy);
    const { offset, end } = at(places, -1);
    const flipped = copy.copy();
    flipped.flipBit(lastPath, offset + 2_000, 5);
    await assert.rejects(open(flipped), isLossAt(lastPath, offset, "flipped"));
    const sector = Math.ceil(offset / 512) * 512;
    assert(sector + 512 < end);
    for (const disk of [flipped, copy]) {
      const torn = edit(disk, lastPath, (file) => file.fill(0, sector, sector + 512));
      const reopened = await open(torn);
      assert.equal(reopened.lastIndex, entries.length - 1);
      assert.equal(reopened.repairs[0]?.kind, "torn_tail");
    }
  });

  it("finds the one bit that explains a checksum, wherever it is, and none where it takes more", () => {
    const random = prng(11);
    for (const length of [1, 2, 5, 64, 1_000, 70_000]) {
      const bytes = Buffer.alloc(length).map(() => random() * 256);
      const right = crc32(bytes, 77);
      const flip = (byte: number) => {
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (random() * 8));
      };
      for (let byte = 0; byte < length; byte += Math.ceil(length / 100)) {
        const before = Buffer.from(bytes);
        flip(byte);
        assert.equal(byteOfFlippedBit(length, crc32(bytes, 77) ^ right), byte);
        bytes.set(before);
      }
      if (length < 5) continue;
      flip(0);
      flip(length - 1);
      assert.equal(byteOfFlippedBit(length, crc32(bytes, 77) ^ right), undefined);
    }
  });
});

describe(`file journal of full segments, with a flipped bit, ${String(SAMPLES)} samples`, () => {
  const random = prng(6);
  let disk: SimulatedDisk;
  let lastIndex: number;

  const openIt = (): Promise<Journal> =>
    openFileJournal({
      ...{ directory: DIRECTORY, storage: disk, writer: { kind: "inline" } },
      newJournalId: new Uint8Array(16).fill(3),
    });

  before(async () => {
    disk = new SimulatedDisk();
    const journal = await openIt();
    await journal.claim();
    const source = Buffer.alloc(512 * 1024).map(() => random() * 256);
    while (disk.paths(DIRECTORY).length < 2) {
      await journal.append(source.subarray(0, 1 + random() * source.length));
    }
    await journal.append(source.subarray(0, 100_000));
    ({ lastIndex } = journal);
    await journal.close();
  });

  /** A bit anywhere, and the entry that it is in: 0 for a segment's header. */
  function drawFlip(): { path: string; byte: number; bit: number } {
    const sizes = disk.paths(DIRECTORY).map((path) => disk.sizeOf(path));
    let byte = Math.floor(random() * sizes.reduce((sum, size) => sum + size, 0));
    const paths = disk.paths(DIRECTORY);
    let segment = 0;
    while (byte >= (sizes[segment] ?? Infinity)) byte -= sizes[segment++] ?? 0;
    return { path: at(paths, segment), byte, bit: Math.floor(random() * 8) };
  }

  it("refuses to start, with the place", async () => {
    for (let sample = 0; sample < SAMPLES; sample++) {
      const { path, byte, bit } = drawFlip();
      disk.flipBit(path, byte, bit);
      await assert.rejects(openIt(), (error) => {
        assert(error instanceof JournalError);
        assert.equal(error.kind, "data_loss");
        assert.equal(error.place?.segment, basename(path));
        const { offset = -1 } = error.place;
        assert(offset <= byte && byte < offset + FRAME_HEADER_BYTES + 512 * 1024, `${offset}`);
        return true;
      });
      disk.flipBit(path, byte, bit);
      disk.killProcess();
    }
    const journal = await openIt();
    assert.equal(journal.lastIndex, lastIndex);
    await journal.close();
  }).timeout(600_000);

  it("refuses to serve the entry when it flips in a journal that is open", async () => {
    const journal = await openIt();
    const starts = new Map<string, { index: number; offset: number }[]>();
    let [index, path, offset] = [0, "", 0];
    for await (const { body } of journal.read(1)) {
      index += 1;
      const segment = join(DIRECTORY, `${String(index).padStart(16, "0")}.segment`);
      if (disk.paths(DIRECTORY).includes(segment)) {
        [path, offset] = [segment, SEGMENT_HEADER_BYTES];
        starts.set(path, []);
      }
      starts.get(path)?.push({ index, offset });
      offset += FRAME_HEADER_BYTES + body.length;
    }
    for (let sample = 0; sample < SAMPLES * 2; sample++) {
      const { path, byte, bit } = drawFlip();
      const entry = starts
        .get(path)
        ?.filter(({ offset }) => offset <= byte)
        .at(-1);
      if (entry === undefined) continue;
      disk.flipBit(path, byte, bit);
      const isLoss = (error: unknown) =>
        error instanceof JournalError && error.kind === "data_loss";
      await assert.rejects(journal.readBytes(entry.index, 0, 0), isLoss);
      disk.flipBit(path, byte, bit);
      await journal.readBytes(entry.index, 0, 0);
    }
    await journal.close();
  }).timeout(600_000);
});
