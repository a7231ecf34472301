import { SEGMENT_HEADER_BYTES } from "./format.js";

const MARK_BYTES = 64 * 1024;

/** From `offset` to before `end`, in a segment. */
export interface ByteRange {
  readonly offset: number;
  readonly end: number;
}

/** Where the entries of one segment lie, as it crosses from the writer's thread. */
export interface SegmentPositionsData {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly end: number;
  readonly markIndexes: readonly number[];
  readonly markOffsets: readonly number[];
}

/**
 * Where the entries of one segment lie: a mark about every 64 KiB, so that finding an entry reads
 * little and a journal of any number of entries costs 8 KiB of memory for 64 MiB of disk.
 */
export class SegmentPositions {
  readonly firstIndex: number;
  /** `firstIndex` - 1 while the segment has no entry. */
  lastIndex: number;
  /** Bytes of the file that are durable and whole. */
  end: number;
  readonly #markIndexes: number[];
  readonly #markOffsets: number[];

  constructor(firstIndex: number, data?: SegmentPositionsData) {
    this.firstIndex = firstIndex;
    this.lastIndex = data?.lastIndex ?? firstIndex - 1;
    this.end = data?.end ?? SEGMENT_HEADER_BYTES;
    this.#markIndexes = [...(data?.markIndexes ?? [])];
    this.#markOffsets = [...(data?.markOffsets ?? [])];
  }

  /** Takes note of the next entry, at [offset, end). */
  add(offset: number, end: number): void {
    this.lastIndex += 1;
    this.end = end;
    const last = this.#markOffsets.at(-1);
    if (last === undefined || offset - last >= MARK_BYTES) {
      this.#markIndexes.push(this.lastIndex);
      this.#markOffsets.push(offset);
    }
  }

  /** The nearest known start of an entry at or before `index`, which the segment holds. */
  nearest(index: number): { readonly index: number; readonly offset: number } {
    let low = 0;
    let high = this.#markIndexes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#markIndexes[middle] ?? Infinity) <= index) low = middle;
      else high = middle - 1;
    }
    return {
      index: this.#markIndexes[low] ?? this.firstIndex,
      offset: this.#markOffsets[low] ?? SEGMENT_HEADER_BYTES,
    };
  }

  data(): SegmentPositionsData {
    const { firstIndex, lastIndex, end } = this;
    const [markIndexes, markOffsets] = [this.#markIndexes, this.#markOffsets];
    return { firstIndex, lastIndex, end, markIndexes, markOffsets };
  }
}
