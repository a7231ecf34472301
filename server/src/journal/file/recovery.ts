import { join } from "node:path";
import { type Repair } from "../journal.js";
import { dataLoss, endsTooEarly, JournalError } from "../journal-error.js";
import { Chain, type ChainPosition } from "./chain.js";
import {
  checksumSeed,
  decodeSegmentHeader,
  FORMAT_VERSION,
  genesisHash,
  SEGMENT_HEADER_BYTES,
  SEGMENT_HEADER_READ_BYTES,
  type SegmentHeader,
  segmentName,
} from "./format.js";
import { reasonOf } from "./folder-reason.js";
import { type ByteRange, SegmentPositions } from "./positions.js";
import { segmentsIn } from "./segment-list.js";
import { readFully, type Storage, type StorageFile } from "./storage.js";
import { canBeUnfinishedHeader, objectToCut, TAIL_BYTES_MAX } from "./torn-tail.js";

const CHUNK_BYTES = 4 * 1024 * 1024;
const headerRange: ByteRange = { offset: 0, end: SEGMENT_HEADER_BYTES };

/** A journal that was found whole, or was made so. */
export interface Recovered {
  /** Undefined if nothing has ever been written. */
  readonly journalId: Buffer | undefined;
  readonly segments: SegmentPositions[];
  readonly last: ChainPosition;
  /** Where the last entry stands in the last segment, or the segment's header while that has none. */
  readonly lastWrite: ByteRange;
  readonly repairs: readonly Repair[];
}

/**
 * Reads and verifies every byte of the journal in a folder, cuts off what a crash left unfinished,
 * and refuses anything else that is not right.
 *
 * @param mustReach the journal had at least this entry (a snapshot or the history has seen it), 0 if
 *   nothing is known
 * @throws JournalError `data_loss`, `newer_format`, `failed`
 */
export function recover(storage: Storage, directory: string, mustReach: number): Recovered {
  const recovery = examined(storage, directory, mustReach);
  recovery.repair();
  return recovery.result();
}

/**
 * As {@link recover}, without changing anything: repairs are said and not made.
 *
 * @throws JournalError as {@link recover}
 */
export function examine(storage: Storage, directory: string, mustReach: number): Recovered {
  return examined(storage, directory, mustReach).result();
}

function examined(storage: Storage, directory: string, mustReach: number): Recovery {
  const recovery = new Recovery(storage, directory);
  const firstIndexes = segmentsIn(storage, directory);
  for (const [position, firstIndex] of firstIndexes.entries()) {
    recovery.segment(firstIndex, position === firstIndexes.length - 1);
  }
  refuseShort(recovery.result(), mustReach);
  return recovery;
}

function refuseShort({ segments, last, repairs }: Recovered, mustReach: number): void {
  const lastIndex = last.index;
  if (lastIndex >= mustReach) return;
  const segment = segmentName(segments.at(-1)?.firstIndex ?? 1);
  const cut = repairs.map((repair) => `; a torn tail was found at ${describe(repair)}`);
  const place = { segment, index: lastIndex + 1 };
  throw endsTooEarly({ lastIndex, mustReach }, cut.join(""), place);
}

function describe(repair: Repair): string {
  return `${repair.segment}, byte ${String(repair.offset)} (${repair.reason})`;
}

class Recovery {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly #segments: SegmentPositions[] = [];
  readonly #repairs: Repair[] = [];
  #journalId: Buffer | undefined;
  #seed = 0;
  #last: ChainPosition = { index: 0, epoch: 0, hash: Buffer.alloc(0) };
  #lastWrite: ByteRange = headerRange;

  constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  result(): Recovered {
    return {
      journalId: this.#journalId,
      segments: this.#segments,
      last: this.#last,
      lastWrite: this.#lastWrite,
      repairs: this.#repairs,
    };
  }

  segment(firstIndex: number, isLast: boolean): void {
    const name = segmentName(firstIndex);
    let file: StorageFile | undefined;
    try {
      file = this.#storage.open(join(this.#directory, name), "read");
      const size = file.size();
      const header = this.#header(file, name, firstIndex, isLast ? size : undefined);
      if (header === undefined) return;
      const positions = new SegmentPositions(firstIndex);
      this.#lastWrite = headerRange;
      this.#entries(file, name, size, positions, isLast);
      this.#segments.push(positions);
    } catch (error) {
      if (error instanceof JournalError) throw error;
      throw new JournalError("failed", `the journal cannot be read: ${reasonOf(error)}`, {
        place: { segment: name },
        cause: error,
      });
    } finally {
      file?.close();
    }
  }

  /** Carries out the repairs: only now, when the whole journal is known to be right without them. */
  repair(): void {
    for (const { kind, segment, offset } of this.#repairs) {
      const path = join(this.#directory, segment);
      try {
        if (kind === "torn_segment") {
          this.#storage.remove(path);
          this.#storage.syncDirectory(this.#directory);
        } else {
          this.#cut(path, offset);
        }
      } catch (error) {
        throw new JournalError("failed", "a torn tail cannot be cut off", {
          place: { segment, offset },
          cause: error,
        });
      }
    }
  }

  #cut(path: string, bytes: number): void {
    const file = this.#storage.open(path, "write");
    try {
      file.truncate(bytes);
      file.sync();
    } finally {
      file.close();
    }
  }

  /** The header, held against the name and the chain; undefined if its creation was not finished. */
  #header(
    file: StorageFile,
    name: string,
    firstIndex: number,
    sizeIfLast: number | undefined,
  ): SegmentHeader | undefined {
    const bytes = this.#chunk.subarray(0, SEGMENT_HEADER_READ_BYTES);
    const decoded = decodeSegmentHeader(bytes.subarray(0, readFully(file, bytes, 0)));
    switch (decoded.kind) {
      case "whole":
        this.#link(decoded.header, name, firstIndex);
        return decoded.header;
      case "newer":
        throw new JournalError(
          "newer_format",
          `the journal has format ${String(decoded.version)}, written by a later release; this one ` +
            `reads up to format ${String(FORMAT_VERSION)}: start that release, or a later one`,
          { place: { segment: name } },
        );
      case "damaged":
        // No entry is written before the header is durable, so a longer file had a whole one. The
        // very first segment can go as well as any, but not one whose predecessors were removed.
        if (sizeIfLast === undefined || sizeIfLast > SEGMENT_HEADER_BYTES) break;
        if (firstIndex !== this.#last.index + 1) break;
        if (!this.#isUnfinished(bytes.subarray(0, sizeIfLast), firstIndex)) {
          const what = `${decoded.reason}, and is none that was left unfinished`;
          throw dataLoss(what, { segment: name, offset: 0, index: firstIndex });
        }
        this.#repairs.push({
          kind: "torn_segment",
          segment: name,
          offset: 0,
          bytesCut: sizeIfLast,
          lastIndex: this.#last.index,
          reason: decoded.reason,
        });
        return undefined;
    }
    throw dataLoss(decoded.reason, { segment: name, offset: 0, index: firstIndex });
  }

  #isUnfinished(file: Buffer, firstIndex: number): boolean {
    const { epoch: previousEpoch, hash: previousHash } = this.#last;
    const journalId = this.#journalId;
    const known = journalId === undefined ? {} : { journalId, previousHash };
    return canBeUnfinishedHeader(file, { firstIndex, previousEpoch, ...known });
  }

  #link(header: SegmentHeader, name: string, firstIndex: number): void {
    const place = { segment: name, offset: 0, index: firstIndex };
    if (header.firstIndex !== firstIndex) {
      throw dataLoss(
        `the file is named for entry ${String(firstIndex)} and holds those from entry ` +
          `${String(header.firstIndex)} on: a copy of another segment`,
        place,
      );
    }
    if (this.#journalId === undefined) {
      this.#journalId = header.journalId;
      this.#seed = checksumSeed(header.journalId);
      this.#last = {
        index: firstIndex - 1,
        epoch: header.previousEpoch,
        hash: firstIndex === 1 ? genesisHash(header.journalId) : header.previousHash,
      };
    }
    if (!header.journalId.equals(this.#journalId)) {
      throw dataLoss("the segment belongs to another journal", place);
    }
    const { index, epoch, hash } = this.#last;
    if (firstIndex !== index + 1) {
      const missing = `entries ${String(index + 1)} to ${String(firstIndex - 1)} are missing`;
      const twice = `the segment before it reaches entry ${String(index)}`;
      throw dataLoss(firstIndex > index ? missing : twice, place);
    }
    if (header.previousEpoch !== epoch || !header.previousHash.equals(hash)) {
      throw dataLoss("the segment does not continue the one before it", place);
    }
  }

  #entries(
    file: StorageFile,
    name: string,
    size: number,
    positions: SegmentPositions,
    isLast: boolean,
  ): void {
    const chain = new Chain(this.#last, this.#seed);
    const reason = this.#walk(file, positions, chain);
    this.#last = chain.position;
    if (reason === undefined) return;
    const { index } = chain.position;
    const place = { segment: name, offset: positions.end, index: index + 1 };
    if (!isLast) throw dataLoss(`${reason}, in a closed segment`, place);
    const bytesCut = size - positions.end;
    if (bytesCut > TAIL_BYTES_MAX) {
      const length = `${String(bytesCut)} bytes follow, more than one unfinished write`;
      throw dataLoss(`${reason}, and ${length}`, place);
    }
    const tail = this.#chunk.subarray(
      0,
      readFully(file, this.#chunk.subarray(0, bytesCut), positions.end),
    );
    const objection = objectToCut(tail, positions.end, chain, this.#seed);
    if (objection !== undefined) {
      const at = `at byte ${String(positions.end + objection.at)} ${objection.reason}`;
      throw dataLoss(`${reason}, and ${at}`, place);
    }
    this.#repairs.push({
      kind: "torn_tail",
      segment: name,
      offset: positions.end,
      bytesCut,
      lastIndex: index,
      reason,
    });
  }

  /** Walks whole entries as far as they go; returns what stopped it short of the file's end. */
  #walk(file: StorageFile, positions: SegmentPositions, chain: Chain): string | undefined {
    const chunk = this.#chunk;
    let base = SEGMENT_HEADER_BYTES;
    let at = 0;
    let filled = 0;
    for (;;) {
      const check = chain.next(chunk, at, filled);
      switch (check.kind) {
        case "whole":
          positions.add(base + at, base + check.end);
          this.#lastWrite = { offset: base + at, end: base + check.end };
          at = check.end;
          break;
        case "bad":
          return check.reason;
        case "short": {
          chunk.copyWithin(0, at, filled);
          base += at;
          filled -= at;
          at = 0;
          const count = readFully(file, chunk.subarray(filled), base + filled);
          if (count === 0) return filled > 0 ? "an entry is cut short" : undefined;
          filled += count;
        }
      }
    }
  }
}
