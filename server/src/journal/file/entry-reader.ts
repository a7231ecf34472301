import { type StoredEntry } from "../journal.js";
import { dataLoss, JournalError } from "../journal-error.js";
import { Chain, type ChainPosition } from "./chain.js";
import {
  decodeSegmentHeader,
  FRAME_HEADER_BYTES,
  frameBodyFits,
  frameHeader,
  frameHeaderFits,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "./format.js";
import { type SegmentPositions } from "./positions.js";
import { type SegmentFiles } from "./segment-files.js";
import { readFullyAsync, type StorageFile } from "./storage.js";

const CHUNK_BYTES = 1024 * 1024;
/** Enough to walk from a mark to any entry before the next one, and to have most entries whole. */
const LOOKUP_BYTES = 128 * 1024;

/** The segments of a journal, as far as they are durable. */
export interface DurableSegments {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The segment that holds an entry. */
  find(index: number): SegmentPositions | undefined;
}

/** Reads entries back, from the event loop and while appends go on, and verifies every one. */
export class EntryReader {
  readonly #segments: DurableSegments;
  readonly #files: SegmentFiles;
  readonly #journalId: Buffer;
  readonly #seed: number;

  constructor(parts: {
    readonly segments: DurableSegments;
    readonly files: SegmentFiles;
    readonly journalId: Buffer;
    readonly checksumSeed: number;
  }) {
    this.#segments = parts.segments;
    this.#files = parts.files;
    this.#journalId = parts.journalId;
    this.#seed = parts.checksumSeed;
  }

  /** As {@link Journal.read}. */
  async *read(from: number): AsyncGenerator<StoredEntry, void, undefined> {
    let next = from;
    let after: ChainPosition | undefined;
    while (next <= this.#segments.lastIndex) {
      const segment = this.#segmentOf(next);
      const chunks = this.#segment(segment, next, after);
      for (;;) {
        const step = await chunks.next();
        if (step.done === true) {
          after = step.value;
          break;
        }
        for (const entry of step.value) {
          if (entry.index < next) continue;
          yield entry;
          next = entry.index + 1;
        }
      }
    }
  }

  /** As {@link Journal.readBytes}. */
  async readBytes(index: number, offset: number, length: number): Promise<Uint8Array> {
    const segment = this.#segmentOf(index);
    const frame = await this.#files
      .use(segment.firstIndex, (file) => this.#frame(file, segment, index))
      .catch((error: unknown) => this.#cannotRead(segment, error));
    const body = frame.subarray(FRAME_HEADER_BYTES);
    if (!(offset >= 0 && length >= 0 && offset + length <= body.length)) {
      throw new RangeError(
        `bytes ${String(offset)} to ${String(offset + length)} do not lie within entry ` +
          `${String(index)} of ${String(body.length)} bytes`,
      );
    }
    return body.subarray(offset, offset + length);
  }

  #segmentOf(index: number): SegmentPositions {
    const segment = this.#segments.find(index);
    if (segment !== undefined) return segment;
    const { firstIndex, lastIndex } = this.#segments;
    const range = `the journal holds entries ${String(firstIndex)} to ${String(lastIndex)}`;
    throw new JournalError("data_loss", `DATA_LOSS: entry ${String(index)} is not kept: ${range}`);
  }

  /**
   * The entries of one segment from the mark at or before `from`, a chunk at a time, as far as they
   * are durable when the reader gets there.
   *
   * @param after the last entry read, when that was the end of the segment before
   * @returns the last entry read, if the segment was read to its end
   */
  async *#segment(
    segment: SegmentPositions,
    from: number,
    after: ChainPosition | undefined,
  ): AsyncGenerator<StoredEntry[], ChainPosition | undefined, undefined> {
    let base = segment.nearest(from).offset;
    let chain: Chain | undefined;
    let rest: Buffer = Buffer.alloc(0);
    if (base === SEGMENT_HEADER_BYTES)
      chain = new Chain(await this.#header(segment, after), this.#seed);
    // The end moves while the reader is at it, if this is the last segment.
    while (base + rest.length < segment.end) {
      const chunk = await this.#chunk(segment, base, rest);
      chain ??= chainBefore(chunk, this.#seed);
      const entries: StoredEntry[] = [];
      let at = 0;
      let check = chain.next(chunk, at, chunk.length);
      while (check.kind === "whole") {
        const body = chunk.subarray(check.bodyStart, check.end);
        entries.push({ epoch: check.epoch, index: check.index, body });
        at = check.end;
        check = chain.next(chunk, at, chunk.length);
      }
      yield entries;
      base += at;
      if (check.kind === "bad") throw this.#damage(check.reason, segment, base, chain);
      rest = chunk.subarray(at);
    }
    if (rest.length > 0 && chain !== undefined) {
      throw this.#damage("an entry is cut short", segment, base, chain);
    }
    return chain?.position;
  }

  /** What is left of the chunk before and what follows it, in a buffer of its own: views outlive it. */
  async #chunk(segment: SegmentPositions, base: number, rest: Buffer): Promise<Buffer> {
    const bytes = Math.min(CHUNK_BYTES, segment.end - base);
    const chunk = Buffer.allocUnsafeSlow(bytes);
    rest.copy(chunk);
    const count = await this.#read(segment, chunk.subarray(rest.length), base + rest.length);
    if (count === bytes - rest.length) return chunk;
    const offset = base + rest.length + count;
    throw dataLoss("the segment has become shorter", { segment: name(segment), offset });
  }

  async #header(
    segment: SegmentPositions,
    after: ChainPosition | undefined,
  ): Promise<ChainPosition> {
    const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const count = await this.#read(segment, bytes, 0);
    const decoded = decodeSegmentHeader(bytes.subarray(0, count));
    const place = { segment: name(segment), offset: 0, index: segment.firstIndex };
    if (decoded.kind !== "whole") throw dataLoss("the segment header has gone bad", place);
    const { header } = decoded;
    const before = {
      index: segment.firstIndex - 1,
      epoch: header.previousEpoch,
      hash: header.previousHash,
    };
    const continues =
      after === undefined ||
      (after.index === before.index &&
        after.epoch === before.epoch &&
        after.hash.equals(before.hash));
    if (continues && header.journalId.equals(this.#journalId)) return before;
    throw dataLoss("the segment does not continue the one before it", place);
  }

  async #frame(file: StorageFile, segment: SegmentPositions, index: number): Promise<Buffer> {
    const mark = segment.nearest(index);
    const bytes = Buffer.allocUnsafeSlow(Math.min(LOOKUP_BYTES, segment.end - mark.offset));
    const read = bytes.subarray(0, await readFullyAsync(file, bytes, mark.offset));
    let at = 0;
    for (let entry = mark.index; at + FRAME_HEADER_BYTES <= read.length; entry++) {
      // Between the mark and the entry each header is taken at its word, as long as the numbers go on: several
      // hundred checksums would be made to read one payload. That of the entry itself covers its number.
      if (frameHeader.index(read, at) !== entry) break;
      const end = at + FRAME_HEADER_BYTES + frameHeader.length(read, at);
      if (entry === index) {
        if (!frameHeaderFits(read, at, this.#seed)) break;
        return this.#whole(file, segment, mark.offset + at, read.subarray(at, end), end - at);
      }
      at = end;
    }
    const place = { segment: name(segment), offset: mark.offset + at, index };
    throw dataLoss("the entry is not where it was written", place);
  }

  /** The frame at an offset, of which the start has been read already. */
  async #whole(
    file: StorageFile,
    segment: SegmentPositions,
    offset: number,
    start: Buffer,
    bytes: number,
  ): Promise<Buffer> {
    let frame = start;
    if (start.length < bytes) {
      frame = Buffer.allocUnsafeSlow(bytes);
      start.copy(frame);
      const rest = frame.subarray(start.length);
      const count = await readFullyAsync(file, rest, offset + start.length);
      if (count < rest.length) frame = start;
    }
    if (frame.length === bytes && frameBodyFits(frame, 0, bytes, this.#seed)) return frame;
    throw dataLoss("an entry fails its checksum", { segment: name(segment), offset });
  }

  async #read(segment: SegmentPositions, target: Buffer, position: number): Promise<number> {
    return this.#files
      .use(segment.firstIndex, (file) => readFullyAsync(file, target, position))
      .catch((error: unknown) => this.#cannotRead(segment, error));
  }

  #cannotRead(segment: SegmentPositions, error: unknown): never {
    if (error instanceof JournalError) throw error;
    const place = { segment: name(segment) };
    throw new JournalError("failed", "the journal cannot be read", { place, cause: error });
  }

  #damage(reason: string, segment: SegmentPositions, offset: number, chain: Chain): JournalError {
    return dataLoss(reason, { segment: name(segment), offset, index: chain.position.index + 1 });
  }
}

/** A chain that starts at a frame in the middle and takes its word for what was before it. */
function chainBefore(chunk: Buffer, seed: number): Chain {
  const isClaim = frameHeader.length(chunk, 0) === 0;
  const epoch = frameHeader.epoch(chunk, 0) - (isClaim ? 1 : 0);
  const index = frameHeader.index(chunk, 0) - 1;
  return new Chain({ index, epoch, hash: frameHeader.previousHash(chunk, 0) }, seed);
}

function name(segment: SegmentPositions): string {
  return segmentName(segment.firstIndex);
}
