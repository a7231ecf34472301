import { join } from "node:path";
import { type Repair } from "../journal.js";
import { JournalError, JournalFailure } from "../journal-error.js";
import { type ChainPosition } from "./chain.js";
import {
  checksumSeed,
  decodeSegmentHeader,
  encodeFrameHeader,
  encodeSegmentHeader,
  entryHash,
  FRAME_HEADER_BYTES,
  frameHash,
  genesisHash,
  JOURNAL_ID_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "./format.js";
import { reasonOf } from "./folder-reason.js";
import { type ByteRange, type SegmentPositionsData } from "./positions.js";
import { recover } from "./recovery.js";
import { errorCode, isDiskFull, readFully, type Storage, type StorageFile } from "./storage.js";

/** What a writer is told once. It crosses to the writer's thread, so it is plain data. */
export interface WriterOptions {
  readonly directory: string;
  /** A segment is closed when the next entry would take it beyond this. */
  readonly segmentBytes: number;
  /** The journal must reach this entry, 0 if nothing is known. */
  readonly mustReach: number;
  /** 16 bytes, drawn by the caller; the journal's id if it is created now. */
  readonly newJournalId: Uint8Array;
}

/** What opening found. Plain data. */
export interface WriterState {
  readonly journalId: Uint8Array;
  readonly epoch: number;
  readonly segments: readonly SegmentPositionsData[];
  readonly repairs: readonly Repair[];
}

export type WriteOutcome =
  | {
      readonly kind: "durable";
      readonly index: number;
      /** First index of the segment that holds it, and where it lies in there. */
      readonly segment: number;
      readonly offset: number;
      readonly end: number;
    }
  | { readonly kind: "not_written"; readonly cause: unknown };

interface OpenSegment {
  readonly firstIndex: number;
  readonly file: StorageFile;
  /** Durable bytes. */
  end: number;
}

/**
 * Everything that the file driver writes, and all that it does to files when it opens. Synchronous
 * throughout: it runs in a thread of its own, or inline over a simulated disk.
 *
 * After the first outcome that it cannot know it refuses every further call.
 */
export class SegmentWriter {
  readonly #storage: Storage;
  readonly #options: WriterOptions;
  #journalId: Buffer;
  #seed = 0;
  #last: ChainPosition = { index: 0, epoch: 0, hash: Buffer.alloc(0) };
  /** The last entry, while its hash is still to be worked out. */
  #unhashed: { readonly header: Buffer; readonly body: Uint8Array } | undefined;
  /** First indexes of the segments that exist, ascending. */
  #segments: number[] = [];
  #open: OpenSegment | undefined;
  #failure: JournalFailure | undefined;

  constructor(storage: Storage, options: WriterOptions) {
    this.#storage = storage;
    this.#options = options;
    this.#journalId = Buffer.from(options.newJournalId);
    if (this.#journalId.length !== JOURNAL_ID_BYTES)
      throw new RangeError("a journal id has 16 bytes");
  }

  /** @throws JournalError as {@link recover} */
  open(): WriterState {
    const { directory, mustReach } = this.#options;
    const recovered = recover(this.#storage, directory, mustReach);
    const { journalId, segments, last, lastWrite, repairs } = recovered;
    this.#journalId = journalId ?? this.#journalId;
    this.#seed = checksumSeed(this.#journalId);
    this.#last = journalId === undefined ? { ...last, hash: genesisHash(this.#journalId) } : last;
    this.#segments = segments.map(({ firstIndex }) => firstIndex);
    const tail = segments.at(-1);
    if (tail !== undefined) {
      const { firstIndex, end } = tail;
      const file = this.#openToWrite(firstIndex);
      this.#open = { firstIndex, file, end };
      this.#keepFound(file, firstIndex, lastWrite);
    }
    return {
      journalId: this.#journalId,
      epoch: this.#last.epoch,
      segments: segments.map((segment) => segment.data()),
      repairs,
    };
  }

  #openToWrite(firstIndex: number): StorageFile {
    try {
      return this.#storage.open(this.#path(firstIndex), "write");
    } catch (error) {
      throw new JournalError("failed", `the journal cannot be written: ${reasonOf(error)}`, {
        place: { segment: segmentName(firstIndex) },
        cause: error,
      });
    }
  }

  /**
   * What was read may be there by the grace of the page cache alone: a process that was killed before
   * its fsync leaves whole entries, and a segment whose name is not durable. Worse, an fsync that failed
   * has left pages that the kernel takes for written: a later one says that all is well and writes
   * nothing. Only the last write can be in doubt. From now on it counts, so it is written once more, with
   * the same bytes, and synced before anything is written elsewhere.
   */
  #keepFound(file: StorageFile, firstIndex: number, lastWrite: ByteRange): void {
    const { offset, end } = lastWrite;
    try {
      const bytes = Buffer.allocUnsafe(end - offset);
      readFully(file, bytes, offset);
      if (!this.#isLastWrite(bytes)) throw new Error("it has changed since it was read");
      file.write([bytes], offset);
      file.sync();
      this.#storage.syncDirectory(this.#options.directory);
    } catch (error) {
      throw new JournalError("failed", "what the journal holds cannot be made durable", {
        place: { segment: segmentName(firstIndex), offset },
        cause: error,
      });
    }
  }

  #isLastWrite(bytes: Buffer): boolean {
    const isHeader = this.#open?.end === SEGMENT_HEADER_BYTES;
    if (isHeader) return decodeSegmentHeader(bytes).kind === "whole";
    return frameHash(bytes, 0, bytes.length).equals(this.#last.hash);
  }

  /**
   * Makes the next entry durable.
   *
   * @param body empty for a claim, whose epoch is then higher than the last one
   * @throws JournalFailure if nobody knows what is on the disk now
   */
  append(epoch: number, body: Uint8Array): WriteOutcome {
    return this.#guard("an entry may or may not have been written", () =>
      this.#append(epoch, body),
    );
  }

  /**
   * Works out what the next append needs of the last one. To be called once the outcome is on its
   * way: the hash of a large entry takes as long as its write.
   */
  settle(): void {
    if (this.#unhashed === undefined) return;
    const { header, body } = this.#unhashed;
    this.#unhashed = undefined;
    this.#last = { ...this.#last, hash: entryHash(header, body) };
  }

  /**
   * Removes closed segments that hold nothing at or above `below`. The last entry always stays.
   *
   * @returns the first index that is left
   * @throws JournalError `disk_full`: some file systems need room to remove; `failed` if a segment cannot be
   *   removed. Nothing is in doubt then, and it may be tried again
   */
  truncate(below: number): number {
    return this.#guard("a segment may or may not have been removed", () => this.#truncate(below));
  }

  close(): void {
    this.#open?.file.close();
    this.#open = undefined;
    this.#failure ??= new JournalFailure("the journal is closed");
  }

  #append(epoch: number, body: Uint8Array): WriteOutcome {
    this.settle();
    const segment = this.#segmentFor(FRAME_HEADER_BYTES + body.length);
    if ("cause" in segment) return { kind: "not_written", cause: segment.cause };
    const index = this.#last.index + 1;
    const frame = { epoch, index, previousHash: this.#last.hash };
    const header = encodeFrameHeader(frame, body, this.#seed);
    const offset = segment.end;
    try {
      segment.file.write([header, body], offset);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      // What went in must not come back after a power cut: behind a shorter entry, or in a segment
      // that was closed meanwhile, it would look like damage. So the cut is synced before anything
      // else is written.
      segment.file.truncate(offset);
      segment.file.sync();
      return { kind: "not_written", cause: error };
    }
    segment.file.sync();
    segment.end = offset + FRAME_HEADER_BYTES + body.length;
    this.#last = { ...this.#last, index, epoch };
    this.#unhashed = { header, body };
    return { kind: "durable", index, segment: segment.firstIndex, offset, end: segment.end };
  }

  #segmentFor(frameBytes: number): OpenSegment | { readonly cause: unknown } {
    const open = this.#open;
    if (open !== undefined) {
      const isEmpty = open.end === SEGMENT_HEADER_BYTES;
      if (isEmpty || open.end + frameBytes <= this.#options.segmentBytes) return open;
    }
    const created = this.#create(this.#last.index + 1);
    if ("cause" in created) return created;
    open?.file.close();
    this.#segments.push(created.firstIndex);
    this.#open = created;
    return created;
  }

  /** A new segment whose header and name are durable, or nothing at all and why. */
  #create(firstIndex: number): OpenSegment | { readonly cause: unknown } {
    const path = this.#path(firstIndex);
    const { epoch: previousEpoch, hash: previousHash } = this.#last;
    const header = { journalId: this.#journalId, firstIndex, previousEpoch, previousHash };
    let file: StorageFile | undefined;
    try {
      file = this.#storage.open(path, "create");
      file.write([encodeSegmentHeader(header)], 0);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (file !== undefined) {
        file.close();
        this.#storage.remove(path);
        // It must not come back: a smaller entry may go into the segment before it meanwhile.
        this.#storage.syncDirectory(this.#options.directory);
      }
      return { cause: error };
    }
    file.sync();
    this.#storage.syncDirectory(this.#options.directory);
    return { firstIndex, file, end: SEGMENT_HEADER_BYTES };
  }

  #truncate(below: number): number {
    for (;;) {
      const [first, second] = this.#segments;
      // The segment with the last entry stays: an empty one after it is no use to a reader.
      const keep = second === undefined || second > below || second > this.#last.index;
      if (first === undefined || keep) return first ?? this.#last.index + 1;
      this.#remove(first);
      this.#segments.shift();
      // One by one and oldest first: a power cut must leave no hole between those that remain.
      this.#storage.syncDirectory(this.#options.directory);
    }
  }

  /** A segment that is still there does no harm: what it holds is right, and it is removed another time. */
  #remove(firstIndex: number): void {
    try {
      this.#storage.remove(this.#path(firstIndex));
    } catch (error) {
      // It went before, by a removal that was said to have failed.
      if (errorCode(error) === "ENOENT") return;
      const [kind, what] = isDiskFull(error)
        ? (["disk_full", "no room to remove a segment"] as const)
        : (["failed", "a segment cannot be removed"] as const);
      throw new JournalError(kind, what, {
        place: { segment: segmentName(firstIndex) },
        cause: error,
      });
    }
  }

  #guard<T>(doubt: string, operation: () => T): T {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return operation();
    } catch (error) {
      // It says by itself that nothing is in doubt.
      if (error instanceof JournalError) throw error;
      const segment = segmentName(this.#open?.firstIndex ?? 1);
      const place = { segment, index: this.#last.index + 1 };
      this.#failure = new JournalFailure(`the disk failed: ${doubt}`, { place, cause: error });
      throw this.#failure;
    }
  }

  #path(firstIndex: number): string {
    return join(this.#options.directory, segmentName(firstIndex));
  }
}
