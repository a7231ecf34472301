import { join } from "node:path";
import type { StoredEntry } from "../journal.js";
import { dataLoss, JournalError } from "../journal-error.js";
import { Chain, type ChainPosition } from "./chain.js";
import {
  checksumSeed,
  decodeSegmentHeader,
  FRAME_HEADER_BYTES,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "./format.js";
import { readFully, type Storage, type StorageFile } from "./storage.js";

const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads a journal's entries from beside its master: from another thread, which is told how far the
 * journal is durable and looks at nothing behind that. Synchronous, and verifies what it reads as
 * every reader does.
 */
export class SegmentFollower {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #journalId: Buffer;
  readonly #from: number;
  #file: StorageFile | undefined;
  #segment = 0;
  /** Where the next entry begins in the open segment. */
  #offset = 0;
  #chain: Chain | undefined;

  /**
   * @param journalId 32 hex digits: entries of another journal are refused
   * @param from index of the first entry to read
   */
  constructor(storage: Storage, directory: string, journalId: string, from: number) {
    this.#storage = storage;
    this.#directory = directory;
    this.#journalId = Buffer.from(journalId, "hex");
    this.#from = from;
  }

  /**
   * The next entries up to an index, about 1 MiB of them; none when all up to there were given.
   *
   * @param through index up to which the journal is known to be durable
   * @throws JournalError `data_loss` if an entry is damaged or not kept
   */
  read(through: number): StoredEntry[] {
    for (;;) {
      const chain = (this.#chain ??= this.#openFirst());
      if (chain.position.index >= through) return [];
      const entries = this.#readChunk(chain, through).filter(({ index }) => index >= this.#from);
      if (entries.length > 0) return entries;
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #readChunk(chain: Chain, through: number): StoredEntry[] {
    const file = this.#file as StorageFile;
    const left = file.size() - this.#offset;
    if (left < FRAME_HEADER_BYTES) {
      this.#openNext(chain);
      return [];
    }
    // A buffer of its own: entries are views of it.
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, left));
    const bytes = readFully(file, chunk, this.#offset);
    const entries: StoredEntry[] = [];
    let at = 0;
    while (chain.position.index < through) {
      const check = chain.next(chunk, at, bytes);
      if (check.kind === "bad") throw this.#damage(check.reason, at, chain);
      if (check.kind === "short") {
        if (at === 0) throw this.#damage("an entry is cut short", at, chain);
        break;
      }
      const { epoch, index, bodyStart, end } = check;
      entries.push({ epoch, index, body: chunk.subarray(bodyStart, end) });
      at = end;
    }
    this.#offset += at;
    return entries;
  }

  #openFirst(): Chain {
    const firsts = this.#storage
      .list(this.#directory)
      .flatMap((name) => parseSegmentName(name) ?? [])
      .sort((a, b) => a - b);
    const first = firsts.filter((index) => index <= this.#from).at(-1);
    if (first === undefined) {
      const kept = firsts[0] === undefined ? "no entry" : `entries from ${String(firsts[0])} on`;
      const what = `DATA_LOSS: entry ${String(this.#from)} is not kept: the journal has ${kept}`;
      throw new JournalError("data_loss", what);
    }
    return this.#open(first);
  }

  #openNext(chain: Chain): void {
    const { index, epoch, hash } = chain.position;
    this.#chain = this.#open(index + 1);
    const before = this.#chain.position;
    if (before.epoch === epoch && before.hash.equals(hash)) return;
    const place = { segment: segmentName(index + 1), offset: 0, index: index + 1 };
    throw dataLoss("the segment does not continue the one before it", place);
  }

  #open(firstIndex: number): Chain {
    this.close();
    const segment = segmentName(firstIndex);
    try {
      this.#file = this.#storage.open(join(this.#directory, segment), "read");
    } catch (cause) {
      throw new JournalError("failed", "the journal cannot be read", { place: { segment }, cause });
    }
    this.#segment = firstIndex;
    this.#offset = SEGMENT_HEADER_BYTES;
    return new Chain(this.#header(this.#file, firstIndex), checksumSeed(this.#journalId));
  }

  #header(file: StorageFile, firstIndex: number): ChainPosition {
    const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const decoded = decodeSegmentHeader(bytes.subarray(0, readFully(file, bytes, 0)));
    const place = { segment: segmentName(firstIndex), offset: 0, index: firstIndex };
    if (decoded.kind !== "whole") throw dataLoss("the segment header has gone bad", place);
    const { journalId, previousEpoch, previousHash } = decoded.header;
    if (!journalId.equals(this.#journalId)) {
      throw dataLoss("the segment is of another journal", place);
    }
    return { index: firstIndex - 1, epoch: previousEpoch, hash: previousHash };
  }

  #damage(reason: string, at: number, chain: Chain): JournalError {
    const place = { segment: segmentName(this.#segment), offset: this.#offset + at };
    return dataLoss(reason, { ...place, index: chain.position.index + 1 });
  }
}
