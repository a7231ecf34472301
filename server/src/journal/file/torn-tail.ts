import { ENTRY_BYTES_MAX } from "../journal.js";
import { type Chain } from "./chain.js";
import { byteOfFlippedBit } from "./flipped-bit.js";
import {
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
  frameBodyDifference,
  frameHeader,
  frameHeaderFits,
  genesisHash,
  JOURNAL_ID_BYTES,
  JOURNAL_ID_OFFSET,
  type SegmentHeader,
} from "./format.js";

/** The most that a crash can leave unfinished: one entry is in flight at a time. */
export const TAIL_BYTES_MAX = FRAME_HEADER_BYTES + ENTRY_BYTES_MAX;
/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** Why the bytes after the last whole entry cannot be an unfinished write, and where that shows. */
export interface TailObjection {
  readonly reason: string;
  /** From the start of the tail. */
  readonly at: number;
}

/**
 * Judges what stands after the last whole entry of the last segment. It may be cut off only if it is
 * what one unfinished write can leave; anything else was durable once, and cutting it would lose what
 * was acknowledged. So nothing of a later entry may follow the damage, and that is looked for at
 * every byte: a header that passes its checksum is enough, because a write starts only once the one
 * before it is durable. Nor may the next entry itself stand there whole but for a bit ({@link wholeButForABit}).
 *
 * What cannot be told apart: a finished last entry that was damaged afterwards in more than a bit, or
 * where it has zeros, looks like a torn one. Whoever has seen that entry (a snapshot, the history) says
 * so with `mustReach`.
 *
 * @param tail all the bytes from the end of the last whole entry to the end of the file, at most
 *   {@link TAIL_BYTES_MAX}
 * @param offset of the tail in the file
 * @returns undefined if the tail is torn and may be cut
 */
export function objectToCut(
  tail: Buffer,
  offset: number,
  chain: Chain,
  seed: number,
): TailObjection | undefined {
  const later = findLaterHeader(tail, chain.position.index, seed);
  if (later !== undefined) {
    return { reason: `the header of entry ${String(later.index)} stands whole`, at: later.at };
  }
  if (tail.length < FRAME_HEADER_BYTES) return undefined;
  const fits = chain.headerMisfit(tail, 0) === undefined;
  const frame = fits ? tail : withHeaderMended(tail, chain);
  if (frame === undefined) return undefined;
  // The header is the next entry's own, so its length is right, and nothing but zeros (a file system
  // may leave some) can follow a write that was not finished.
  const end = FRAME_HEADER_BYTES + frameHeader.length(frame, 0);
  if (fits && end < tail.length && !isZero(tail.subarray(end))) {
    return { reason: "more was written after the damaged entry", at: end };
  }
  const at = wholeButForABit(tail, frame, end, offset, seed);
  return at === undefined
    ? undefined
    : { reason: "a bit has flipped in an entry that was whole", at };
}

/**
 * Where a single flipped bit is all that is wrong with the frame at the start of the tail. A write that was
 * not finished leaves bytes that are missing, or zeros in their place, by whole sectors or from somewhere to
 * its end: where there is nothing of that kind and a bit explains all, the entry was whole, and durable.
 *
 * @param frame the tail, or the tail with its header mended
 */
function wholeButForABit(
  tail: Buffer,
  frame: Buffer,
  end: number,
  offset: number,
  seed: number,
): number | undefined {
  if (end > tail.length || hasZerosOfACrash(tail.subarray(0, end), offset)) return undefined;
  const difference = frameBodyDifference(frame, 0, end, seed);
  if (frame !== tail) {
    if (difference !== 0) return undefined;
    return tail.findIndex((byte, at) => byte !== frame[at]);
  }
  const at = byteOfFlippedBit(end - FRAME_HEADER_BYTES, difference);
  return at === undefined ? undefined : FRAME_HEADER_BYTES + at;
}

/** The tail with one bit of its first header turned over, so that it is the next entry's. */
function withHeaderMended(tail: Buffer, chain: Chain): Buffer | undefined {
  const mended = Buffer.from(tail);
  for (let at = 0; at < FRAME_HEADER_BYTES; at++) {
    for (let bit = 1; bit < 256; bit <<= 1) {
      mended[at] = (tail[at] ?? 0) ^ bit;
      if (chain.headerMisfit(mended, 0) === undefined) return mended;
    }
    mended[at] = tail[at] ?? 0;
  }
  return undefined;
}

/** Does a whole sector of a frame read as zeros, or its end? */
function hasZerosOfACrash(frame: Buffer, offset: number): boolean {
  if (frame.at(-1) === 0) return true;
  for (let at = 0; at < frame.length;) {
    const end = at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES);
    if (isZero(frame.subarray(at, end))) return true;
    at = end;
  }
  return false;
}

/** The header of an entry after the next one, anywhere in the tail. */
function findLaterHeader(
  tail: Buffer,
  lastIndex: number,
  seed: number,
): { at: number; index: number } | undefined {
  // A body may hold any bytes, so the window keeps the search short and stray numbers out of it.
  const indexMax = lastIndex + 1 + Math.ceil(tail.length / FRAME_HEADER_BYTES);
  for (let at = 1; at + FRAME_HEADER_BYTES <= tail.length; at++) {
    const index = frameHeader.index(tail, at);
    if (!(index > lastIndex && index <= indexMax)) continue;
    if (frameHeaderFits(tail, at, seed)) return { at, index };
  }
  return undefined;
}

/**
 * Whether a file can be what the unfinished write of a segment's header leaves: the header that would have come,
 * cut short or with zeros in it. Anything else was never that header, so something else was here.
 *
 * @param expected what the header would say; without the journal's id, if this would have been its first segment
 */
export function canBeUnfinishedHeader(
  file: Buffer,
  expected: Omit<SegmentHeader, "journalId" | "previousHash"> &
    Partial<Pick<SegmentHeader, "journalId" | "previousHash">>,
): boolean {
  // The id is drawn when the first segment is made: whatever stands there is it, and the hash follows from it.
  const drawn = Buffer.alloc(JOURNAL_ID_BYTES);
  drawn.set(file.subarray(JOURNAL_ID_OFFSET, JOURNAL_ID_OFFSET + JOURNAL_ID_BYTES));
  const journalId = expected.journalId ?? drawn;
  const previousHash = expected.previousHash ?? genesisHash(journalId);
  const header = encodeSegmentHeader({ ...expected, journalId, previousHash });
  return file.length <= header.length && file.every((byte, i) => byte === 0 || byte === header[i]);
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
