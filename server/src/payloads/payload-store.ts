import { type BlobId, BlobTable } from "./blob-table.js";
import { SectionTable } from "./section-table.js";

export type { BlobId } from "./blob-table.js";

/** What a section costs beside its bytes, so that many tiny ones do not slip under the budget. */
const SECTION_OVERHEAD_BYTES = 256;
const EMPTY: Uint8Array = new Uint8Array(0);

/** Bytes [offset, offset + length) of an entry's body: {@link Journal.readBytes}. */
export type ReadBytes = (entryIndex: number, offset: number, length: number) => Promise<Uint8Array>;

/** Bytes [start, stop) of a section. */
export interface BlobSpan {
  readonly section: Uint8Array;
  readonly start: number;
  readonly stop: number;
}

/** A section of an entry, with those of its blobs that are still needed. */
export interface LiveSection {
  readonly entryIndex: number;
  /** Where it starts in the entry's body, and how long it was when all of its blobs were needed. */
  readonly sectionOffset: number;
  readonly sectionLength: number;
  /** Numbers of the blobs, ascending, and where each lies in the section. */
  readonly blobs: readonly BlobId[];
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
}

export interface PayloadStats {
  /** Blobs that have not been released, and the journal entries that hold them. */
  readonly blobs: number;
  readonly entries: number;
  /** Bytes in memory, and how many of them stay there because they are not durable yet. */
  readonly cachedBytes: number;
  readonly pinnedBytes: number;
  readonly budgetBytes: number;
  /** What the index itself takes. */
  readonly indexBytes: number;
  readonly hits: number;
  readonly misses: number;
  /** Reads of the journal: misses of one entry at the same time share one. */
  readonly reads: number;
  readonly evictions: number;
}

/**
 * The bytes of tasks: payloads, outputs, failures, checkpoints. They lie in the journal, in the same
 * entries as the events that speak of them; this is an index into it with a cache of a bounded size,
 * and is built again from the journal.
 *
 * The unit of the cache is an entry's whole section: what was submitted together is asked for
 * together, and one read brings it all.
 */
export class PayloadStore {
  readonly #readBytes: ReadBytes;
  readonly #budgetBytes: number;
  readonly #blobs = new BlobTable();
  readonly #sections = new SectionTable();
  /** Sections that cannot be read back yet, in the order of their entries. */
  #pending: { readonly entryIndex: number; readonly slot: number }[] = [];
  #pinnedBytes = 0;
  readonly #span = { section: EMPTY, start: 0, stop: 0 };
  #durableIndex = 0;
  #hits = 0;
  #misses = 0;
  #reads = 0;
  #evictions = 0;

  /**
   * @param budgetBytes what sections may take in memory, beside those that are not durable yet; 0
   *   keeps none
   * @param readBytes brings back what was evicted
   */
  constructor(options: { readonly budgetBytes: number; readonly readBytes: ReadBytes }) {
    this.#budgetBytes = options.budgetBytes;
    this.#readBytes = options.readBytes;
  }

  /**
   * Registers the blob section of one entry: `lengths.length` blobs from `firstBlob` on, back to
   * back. The section is copied at once, so it may be a view into the entry's body, and the body be moved to
   * another thread after. The copy stays in memory until {@link markDurable} says that it can be read back; on
   * replay, say so right after.
   *
   * @param sectionOffset where the section starts in the entry's body
   * @throws RangeError if the lengths do not add up to the section, or an id is taken: a bug of the
   *   caller's
   */
  add(
    entryIndex: number,
    sectionOffset: number,
    firstBlob: BlobId,
    lengths: Uint32Array | readonly number[],
    section: Uint8Array,
  ): void {
    const count = lengths.length;
    if (count === 0) return;
    if (!(Number.isSafeInteger(firstBlob) && firstBlob >= 1)) {
      throw new RangeError(`blob ids count from 1, got ${String(firstBlob)}`);
    }
    const sum = sumOf(lengths);
    if (sum !== section.byteLength) {
      const has = `the section has ${String(section.byteLength)} bytes`;
      throw new RangeError(`lengths add up to ${String(sum)}, ${has}`);
    }
    const slot = this.#sections.add(entryIndex, sectionOffset, sum, count);
    let offset = 0;
    for (let i = 0; i < count; i++) {
      const length = lengths[i] ?? 0;
      this.#blobs.add(firstBlob + i, slot, offset, length);
      offset += length;
    }
    const isDurable = entryIndex <= this.#durableIndex;
    // It would be evicted at once: who builds a snapshot keeps nothing in memory, and spares the copies.
    if (isDurable && sum + SECTION_OVERHEAD_BYTES > this.#budgetBytes) return;
    this.#sections.setBytes(slot, copyOf(section));
    if (isDurable) {
      this.#sections.touch(slot);
      this.#evict();
    } else {
      this.#pending.push({ entryIndex, slot });
      this.#pinnedBytes += section.byteLength;
    }
  }

  /**
   * Registers what is left of an entry's section whose bytes lie in a snapshot, or still in the journal: read
   * when they are asked for. Of a store that is new; blobs come in the order of their numbers.
   */
  restore({
    entryIndex,
    sectionOffset,
    sectionLength,
    blobs,
    offsets,
    lengths,
  }: LiveSection): void {
    const slot = this.#sections.add(entryIndex, sectionOffset, sectionLength, blobs.length);
    for (const [i, blob] of blobs.entries()) {
      this.#blobs.add(blob, slot, offsets[i] ?? 0, lengths[i] ?? 0);
    }
    this.#durableIndex = Math.max(this.#durableIndex, entryIndex);
  }

  /** Every section with a blob that has not been released, in the order of their entries. */
  *live(): Generator<LiveSection> {
    let slot = -1;
    let section: { blobs: number[]; offsets: number[]; lengths: number[] } | undefined;
    for (const blob of this.#blobs) {
      // Whoever takes a section may look something up: the next look-up overwrites these.
      const { slot: at, offset, length } = this.#blobs;
      if (at !== slot || section === undefined) {
        if (section !== undefined) yield this.#liveSection(slot, section);
        slot = at;
        section = { blobs: [], offsets: [], lengths: [] };
      }
      section.blobs.push(blob);
      section.offsets.push(offset);
      section.lengths.push(length);
    }
    if (section !== undefined) yield this.#liveSection(slot, section);
  }

  #liveSection(slot: number, blobs: Pick<LiveSection, "blobs" | "offsets" | "lengths">) {
    const sections = this.#sections;
    return {
      entryIndex: sections.entryIndex(slot),
      sectionOffset: sections.sectionOffset(slot),
      sectionLength: sections.sectionLength(slot),
      ...blobs,
    };
  }

  /** Says that entries up to an index can be read back, so that memory need not hold them. */
  markDurable(entryIndex: number): void {
    this.#durableIndex = Math.max(this.#durableIndex, entryIndex);
    let done = 0;
    for (const { entryIndex: index, slot } of this.#pending) {
      if (index > entryIndex) break;
      done += 1;
      this.#pinnedBytes -= this.#sections.sectionLength(slot);
      if (this.#sections.isLive(slot)) this.#sections.touch(slot);
      else this.#sections.remove(slot);
    }
    if (done === 0) return;
    this.#pending = this.#pending.slice(done);
    this.#evict();
  }

  /**
   * A blob's bytes: at once if they are in memory, else read from the journal. A view that stays right
   * for as long as it is held, and holds its whole section in memory with it; never write to it.
   *
   * @throws RangeError if the blob was never added, or has been released
   */
  get(blob: BlobId): Uint8Array | Promise<Uint8Array> {
    this.#find(blob);
    const { slot, offset, length } = this.#blobs;
    if (length === 0) return EMPTY;
    const bytes = this.#sections.bytes(slot);
    if (bytes !== undefined) {
      this.#hits += 1;
      if (this.#sections.isEvictable(slot)) this.#sections.touch(slot);
      return bytes.subarray(offset, offset + length);
    }
    this.#misses += 1;
    const reading = this.#sections.reading(slot) ?? this.#read(slot);
    return reading.then((section) => section.subarray(offset, offset + length));
  }

  /**
   * A blob's bytes where they lie, without a view being made for them: for those who copy them at once,
   * tens of thousands a second.
   *
   * @returns undefined when they are not in memory; the same object every time, good until the next call
   * @throws RangeError as {@link get}
   */
  find(blob: BlobId): BlobSpan | undefined {
    this.#find(blob);
    const { slot, offset, length } = this.#blobs;
    const span = this.#span;
    span.start = offset;
    span.stop = offset + length;
    if (length === 0) {
      span.section = EMPTY;
      span.start = span.stop = 0;
      return span;
    }
    const bytes = this.#sections.bytes(slot);
    if (bytes === undefined) return undefined;
    this.#hits += 1;
    if (this.#sections.isEvictable(slot)) this.#sections.touch(slot);
    span.section = bytes;
    return span;
  }

  /** Bytes in a blob. @throws RangeError as {@link get} */
  length(blob: BlobId): number {
    this.#find(blob);
    return this.#blobs.length;
  }

  has(blob: BlobId): boolean {
    return this.#blobs.find(blob);
  }

  /**
   * The blob is needed no more. The memory of its section goes with the last of its blobs. Bytes and
   * promises that were given out stay right. @throws RangeError as {@link get}
   */
  release(blob: BlobId): void {
    this.#find(blob);
    const { slot } = this.#blobs;
    this.#blobs.remove(blob);
    if (!this.#sections.releaseOne(slot)) return;
    // A row that is waited for, by a read or by the journal, goes when the wait is over.
    const isPending = this.#sections.entryIndex(slot) > this.#durableIndex;
    if (isPending || this.#sections.reading(slot) !== undefined) return;
    this.#sections.remove(slot);
  }

  stats(): PayloadStats {
    return {
      blobs: this.#blobs.size,
      entries: this.#sections.size,
      cachedBytes: this.#sections.cachedBytes,
      pinnedBytes: this.#pinnedBytes,
      budgetBytes: this.#budgetBytes,
      indexBytes: this.#blobs.bytes,
      hits: this.#hits,
      misses: this.#misses,
      reads: this.#reads,
      evictions: this.#evictions,
    };
  }

  #find(blob: BlobId): void {
    if (!this.#blobs.find(blob)) throw new RangeError(`there is no blob ${String(blob)}`);
  }

  #read(slot: number): Promise<Uint8Array> {
    this.#reads += 1;
    const sections = this.#sections;
    const length = sections.sectionLength(slot);
    const reading = this.#readBytes(sections.entryIndex(slot), sections.sectionOffset(slot), length)
      .then((read) => {
        if (read.byteLength !== length) throw new RangeError("the journal gave too few bytes");
        const section = compact(read);
        if (sections.isLive(slot)) this.#cache(slot, section);
        return section;
      })
      .finally(() => {
        sections.setReading(slot, undefined);
        if (!sections.isLive(slot)) sections.remove(slot);
      });
    sections.setReading(slot, reading);
    return reading;
  }

  #cache(slot: number, section: Uint8Array): void {
    this.#sections.setBytes(slot, section);
    this.#sections.touch(slot);
    this.#evict();
  }

  #evict(): void {
    const sections = this.#sections;
    for (;;) {
      const overhead = (sections.cachedCount - this.#pending.length) * SECTION_OVERHEAD_BYTES;
      if (sections.cachedBytes - this.#pinnedBytes + overhead <= this.#budgetBytes) return;
      const slot = sections.leastUsed();
      if (slot === undefined) return;
      sections.dropBytes(slot);
      this.#evictions += 1;
    }
  }
}

function sumOf(lengths: Uint32Array | readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < lengths.length; i++) sum += lengths[i] ?? 0;
  return sum;
}

/** The bytes without much memory around them: what was read along would stay in memory too. */
function compact({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return buffer.byteLength <= 2 * byteLength ? bytes : copyOf(bytes);
}

/** A copy in memory of its own, which need not be zeroed first. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(Buffer.allocUnsafeSlow(bytes.byteLength).buffer);
  copy.set(bytes);
  return copy;
}
