import assert from "node:assert/strict";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../../src/journal/file/format.js";
import { type Journal, type StoredEntry } from "../../src/journal/journal.js";
import { appendAll, collect } from "./contract.js";
import { SimulatedDisk } from "./simulated-disk.js";

export const DIRECTORY = "/journal";
export const SEGMENT_BYTES = 460;
export const JOURNAL_ID = new Uint8Array(16).fill(9);

export function open(disk: SimulatedDisk, options: { mustReach?: number } = {}): Promise<Journal> {
  return openFileJournal({
    directory: DIRECTORY,
    segmentBytes: SEGMENT_BYTES,
    newJournalId: JOURNAL_ID,
    storage: disk,
    writer: { kind: "inline" },
    ...options,
  });
}

/** Where an entry lies. */
export interface Place {
  readonly path: string;
  readonly offset: number;
  readonly end: number;
  readonly index: number;
}

/** The frames of a whole journal, found by their lengths alone. */
export function placesIn(disk: SimulatedDisk): Place[] {
  const places: Place[] = [];
  for (const path of disk.paths(DIRECTORY)) {
    const file = disk.contents(path);
    for (let offset = SEGMENT_HEADER_BYTES; offset < file.length;) {
      const end = offset + FRAME_HEADER_BYTES + file.readUInt32LE(offset);
      places.push({ path, offset, end, index: places.length + 1 });
      offset = end;
    }
  }
  return places;
}

export function edit(
  disk: SimulatedDisk,
  path: string,
  change: (file: Buffer) => Uint8Array,
): SimulatedDisk {
  const copy = disk.copy();
  copy.plant(path, change(disk.contents(path)));
  return copy;
}

export function at<T>(items: readonly T[], position: number): T {
  const item = items.at(position);
  assert(item !== undefined);
  return item;
}

/** Fails if an entry is not, byte for byte, the one of that index in the whole journal. */
export function assertPrefix(entries: readonly StoredEntry[], whole: readonly StoredEntry[]): void {
  for (const [position, entry] of entries.entries()) {
    const original = at(whole, position);
    assert.equal(entry.index, original.index);
    assert.equal(entry.epoch, original.epoch);
    assert.equal(Buffer.compare(entry.body, original.body), 0);
  }
}

/** A journal to damage: copied, never changed. */
export interface WholeJournal {
  readonly disk: SimulatedDisk;
  readonly entries: readonly StoredEntry[];
  readonly places: readonly Place[];
  /** Of the last segment. */
  readonly lastPath: string;
}

/** Three segments and two claims, the last segment with several entries. */
export async function wholeJournal(): Promise<WholeJournal> {
  const disk = new SimulatedDisk();
  const first = await open(disk);
  await first.claim();
  await appendAll(first, ["alpha", "b", "gamma gamma gamma", "delta", "epsilon"]);
  await first.close();
  const second = await open(disk);
  await second.claim();
  await appendAll(second, ["zeta", "eta", "theta", "iota iota iota iota", "kappa", "lambda"]);
  await second.close();
  const whole = await asItIs(disk);
  assert(disk.paths(DIRECTORY).length >= 3);
  assert(whole.places.filter(({ path }) => path === whole.lastPath).length >= 3);
  return whole;
}

/** What lies on a disk that nothing has befallen. */
export async function asItIs(disk: SimulatedDisk): Promise<WholeJournal> {
  const places = placesIn(disk);
  const journal = await open(disk.copy());
  const entries = await collect(journal);
  assert.equal(places.length, entries.length);
  return { disk, entries, places, lastPath: at(places, -1).path };
}
