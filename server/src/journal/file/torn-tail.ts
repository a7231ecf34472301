import { ENTRY_BYTES_MAX } from "../journal.js";
import { type Chain } from "./chain.js";
import {
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
  frameHeader,
  frameHeaderFits,
  genesisHash,
  JOURNAL_ID_BYTES,
  JOURNAL_ID_OFFSET,
  type SegmentHeader,
} from "./format.js";

/** The most that a crash can leave unfinished: one entry is in flight at a time. */
export const TAIL_BYTES_MAX = FRAME_HEADER_BYTES + ENTRY_BYTES_MAX;

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
 * before it is durable.
 *
 * What cannot be told apart: a finished last entry that went bad afterwards looks like a torn one.
 * Whoever has seen that entry (a snapshot, the history) says so with `mustReach`.
 *
 * @param tail all the bytes from the end of the last whole entry to the end of the file, at most
 *   {@link TAIL_BYTES_MAX}
 * @returns undefined if the tail is torn and may be cut
 */
export function objectToCut(tail: Buffer, chain: Chain, seed: number): TailObjection | undefined {
  const later = findLaterHeader(tail, chain.position.index, seed);
  if (later !== undefined) {
    return { reason: `the header of entry ${String(later.index)} stands whole`, at: later.at };
  }
  // If the header is the next entry's own, its length is right, and nothing but zeros (a file system
  // may leave some) can follow a write that was not finished.
  if (tail.length < FRAME_HEADER_BYTES || chain.headerMisfit(tail, 0) !== undefined)
    return undefined;
  const end = FRAME_HEADER_BYTES + frameHeader.length(tail, 0);
  if (end >= tail.length || isZero(tail.subarray(end))) return undefined;
  return { reason: "more was written after the damaged entry", at: end };
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
