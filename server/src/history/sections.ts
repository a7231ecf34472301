import type { Database, Statement } from "./sqlite.js";
import type { BlobId } from "../core/index.js";

/** Stands for the length of a blob that was given up. */
const released = 0xffff_ffff;

/** Sections in memory: those who read outputs come for one blob after the other. */
const cachedMax = 8;

interface Section {
  readonly firstBlob: BlobId;
  readonly lengths: Uint32Array;
  readonly bytes: Uint8Array;
}

interface Row {
  readonly first_blob: number;
  readonly lengths: Uint8Array;
  readonly bytes: Uint8Array;
}

/**
 * Bytes of payloads, outputs, failures and checkpoints, in the sections in which the journal's entries
 * brought them. A section becomes shorter with each of its blobs that is given up, and goes with the
 * last.
 */
export class Sections {
  readonly #cache = new Map<BlobId, Section>();
  #released: BlobId[] = [];
  readonly #find: Statement;
  readonly #put: Statement;
  readonly #remove: Statement;

  constructor(database: Database) {
    this.#find = database.prepare(
      "SELECT first_blob, lengths, bytes FROM section WHERE first_blob <= ? ORDER BY first_blob DESC LIMIT 1",
    );
    this.#put = database.prepare(
      "INSERT OR REPLACE INTO section (first_blob, live, lengths, bytes) VALUES (?, ?, ?, ?)",
    );
    this.#remove = database.prepare("DELETE FROM section WHERE first_blob = ?");
  }

  add(firstBlob: BlobId, lengths: Uint32Array, bytes: Uint8Array): void {
    if (lengths.length === 0) return;
    this.#put.run(firstBlob, lengths.length, bytesOf(lengths), bytes);
  }

  /** @returns undefined when it is not kept, or not any more */
  get(blob: BlobId): Uint8Array | undefined {
    const section = this.#sectionOf(blob);
    if (section === undefined) return undefined;
    const { firstBlob, lengths, bytes } = section;
    const at = blob - firstBlob;
    const length = lengths[at];
    if (length === undefined || length === released) return undefined;
    const start = offsetOf(lengths, at);
    return bytes.subarray(start, start + length);
  }

  /** Gives up a blob, with the next flush. @param blob 0: none */
  release(blob: BlobId): void {
    if (blob > 0) this.#released.push(blob);
  }

  /** Rewrites the sections of which blobs were given up, each once. */
  flush(): void {
    if (this.#released.length === 0) return;
    const blobs = Float64Array.from(this.#released).sort();
    this.#released = [];
    for (let from = 0; from < blobs.length;) {
      const section = this.#sectionOf(blobs[from] as number);
      const end = section === undefined ? 0 : section.firstBlob + section.lengths.length;
      let to = from + 1;
      while (to < blobs.length && (blobs[to] as number) < end) to += 1;
      if (section !== undefined) this.#shorten(section, blobs.subarray(from, to));
      from = to;
    }
  }

  #shorten({ firstBlob, lengths, bytes }: Section, gone: Float64Array): void {
    this.#cache.delete(firstBlob);
    const left = lengths.slice();
    for (const blob of gone) {
      const at = blob - firstBlob;
      if (at < left.length) left[at] = released;
    }
    const kept: Uint8Array[] = [];
    let live = 0;
    let start = 0;
    for (const [at, length] of lengths.entries()) {
      if (length === released) continue;
      if (left[at] !== released) {
        live += 1;
        kept.push(bytes.subarray(start, start + length));
      }
      start += length;
    }
    if (live === 0) this.#remove.run(firstBlob);
    else this.#put.run(firstBlob, live, bytesOf(left), Buffer.concat(kept));
  }

  #sectionOf(blob: BlobId): Section | undefined {
    for (const section of this.#cache.values()) {
      if (blob >= section.firstBlob && blob < section.firstBlob + section.lengths.length) {
        return section;
      }
    }
    const row = this.#find.get(blob) as Row | undefined;
    if (row === undefined) return undefined;
    const section = { firstBlob: row.first_blob, lengths: wordsOf(row.lengths), bytes: row.bytes };
    const [oldest] = this.#cache.keys();
    if (this.#cache.size >= cachedMax && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(section.firstBlob, section);
    return section;
  }
}

function offsetOf(lengths: Uint32Array, at: number): number {
  let offset = 0;
  for (let i = 0; i < at; i++) {
    const length = lengths[i] as number;
    if (length !== released) offset += length;
  }
  return offset;
}

/** As they lie in memory: little-endian, as all machines are that Node runs on but one. */
function bytesOf(lengths: Uint32Array): Uint8Array {
  return new Uint8Array(lengths.buffer, lengths.byteOffset, lengths.byteLength);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice().buffer);
}
