/** Number of a payload, an output, a failure or a checkpoint: 1, 2, 3…, never reused. */
export type BlobId = number;

const CHUNK_BLOBS = 4096;
const FIELDS = 3;

interface Chunk {
  /** Slot + 1, offset, length of each blob; slot + 1 is 0 for one that is not there. */
  readonly rows: Uint32Array;
  live: number;
}

/**
 * Where each blob lies: twelve bytes a blob in chunks of 4,096 ids. A chunk goes when its last blob
 * does, so memory follows what is live and not what has ever been.
 */
export class BlobTable {
  readonly #chunks = new Map<number, Chunk>();
  #cachedNumber = -1;
  #cached: Chunk | undefined;
  /** Results of the last {@link find}: fields, so that a look-up allocates nothing. */
  slot = 0;
  offset = 0;
  length = 0;

  /** Blobs that are there. */
  size = 0;

  get bytes(): number {
    return this.#chunks.size * CHUNK_BLOBS * FIELDS * Uint32Array.BYTES_PER_ELEMENT;
  }

  add(blob: BlobId, slot: number, offset: number, length: number): void {
    const number = Math.floor(blob / CHUNK_BLOBS);
    const chunk = this.#chunk(number) ?? this.#create(number);
    const row = (blob % CHUNK_BLOBS) * FIELDS;
    if (chunk.rows[row] !== 0) throw new RangeError(`blob ${String(blob)} is there already`);
    chunk.rows[row] = slot + 1;
    chunk.rows[row + 1] = offset;
    chunk.rows[row + 2] = length;
    chunk.live += 1;
    this.size += 1;
  }

  /** Looks a blob up; false if it was never added, or released. */
  find(blob: BlobId): boolean {
    const chunk = this.#chunk(Math.floor(blob / CHUNK_BLOBS));
    if (chunk === undefined) return false;
    const row = (blob % CHUNK_BLOBS) * FIELDS;
    const slot = chunk.rows[row] ?? 0;
    if (slot === 0) return false;
    this.slot = slot - 1;
    this.offset = chunk.rows[row + 1] ?? 0;
    this.length = chunk.rows[row + 2] ?? 0;
    return true;
  }

  /** Blobs that are there, ascending; each can be looked at as after {@link find}. */
  *[Symbol.iterator](): Generator<BlobId> {
    for (const number of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      const first = number * CHUNK_BLOBS;
      for (let i = 0; i < CHUNK_BLOBS; i++) if (this.find(first + i)) yield first + i;
    }
  }

  /** Removes a blob that is there. */
  remove(blob: BlobId): void {
    const number = Math.floor(blob / CHUNK_BLOBS);
    const chunk = this.#chunk(number);
    if (chunk === undefined) return;
    chunk.rows[(blob % CHUNK_BLOBS) * FIELDS] = 0;
    this.size -= 1;
    chunk.live -= 1;
    if (chunk.live > 0) return;
    this.#chunks.delete(number);
    this.#cachedNumber = -1;
    this.#cached = undefined;
  }

  #chunk(number: number): Chunk | undefined {
    // Neighbours are asked for together.
    if (number !== this.#cachedNumber) {
      this.#cached = this.#chunks.get(number);
      this.#cachedNumber = this.#cached === undefined ? -1 : number;
    }
    return this.#cached;
  }

  #create(number: number): Chunk {
    const chunk = { rows: new Uint32Array(CHUNK_BLOBS * FIELDS), live: 0 };
    this.#chunks.set(number, chunk);
    return chunk;
  }
}
