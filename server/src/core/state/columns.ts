/**
 * Columns of numbers that grow without ever copying what they hold: a million tasks are a few
 * dozen of these, and no growth is felt by the event loop.
 */

const chunkBits = 14;
/** Rows in a chunk. */
export const chunkSize = 1 << chunkBits;
const chunkMask = chunkSize - 1;

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

interface NumberArray {
  [index: number]: number;
  readonly length: number;
  readonly BYTES_PER_ELEMENT: number;
  subarray(from: number, to: number): NumberArray;
  set(values: ArrayLike<number>): void;
}

/** A column of numbers of any width. */
export class Column<A extends NumberArray = Numbers> {
  /** undefined: nothing was ever set in it; `#dropped`: it was given up. */
  readonly #chunks: (A | undefined)[] = [];
  readonly #make: (size: number) => A;
  /** Out of the range of an empty array 0 is read, and nothing is kept. */
  readonly #dropped: A;

  constructor(make: (size: number) => A) {
    this.#make = make;
    this.#dropped = make(0);
  }

  /** 0 where nothing was ever set. */
  get(at: number): number {
    const chunk = this.#chunks[at >>> chunkBits];
    return chunk === undefined ? 0 : (chunk[at & chunkMask] ?? 0);
  }

  set(at: number, value: number): void {
    let chunk = this.#chunks[at >>> chunkBits];
    if (chunk === undefined) {
      if (value === 0) return;
      chunk = this.#grow(at >>> chunkBits);
    }
    chunk[at & chunkMask] = value;
  }

  add(at: number, by: number): void {
    this.set(at, this.get(at) + by);
  }

  /** Chunks there are, given up ones too. */
  get slots(): number {
    return this.#chunks.length;
  }

  /** A view of a chunk up to its last number that is not 0. */
  chunk(slot: number): A {
    const chunk = this.#chunks[slot] ?? this.#dropped;
    let length = chunk.length;
    while (length > 0 && chunk[length - 1] === 0) length -= 1;
    return chunk.subarray(0, length) as A;
  }

  /** Sets a chunk to numbers that were one. @param values at most as many as a chunk has */
  restore(slot: number, values: ArrayLike<number>): void {
    this.#grow(slot).set(values);
  }

  /** Gives up a chunk: it reads as 0 from now on, and what is written to it is lost. */
  drop(slot: number): void {
    reach(this.#chunks, slot);
    this.#chunks[slot] = this.#dropped;
  }

  #grow(slot: number): A {
    reach(this.#chunks, slot);
    return (this.#chunks[slot] = this.#make(chunkSize));
  }
}

/** Chunks below the one asked for are not made: what is seldom set would take them for all that came before. */
function reach(chunks: unknown[], slot: number): void {
  while (chunks.length <= slot) chunks.push(undefined);
}

/** Values in [0, 2^8). */
export class U8Column extends Column<Uint8Array> {
  constructor() {
    super((size) => new Uint8Array(size));
  }
}

/** Values in [0, 2^16). */
export class U16Column extends Column<Uint16Array> {
  constructor() {
    super((size) => new Uint16Array(size));
  }
}

/** Values in [0, 2^32). */
export class U32Column extends Column<Uint32Array> {
  constructor() {
    super((size) => new Uint32Array(size));
  }
}

/** Any number; exact for integers up to 2^53. */
export class F64Column extends Column<Float64Array> {
  constructor() {
    super((size) => new Float64Array(size));
  }
}

/**
 * References, in chunks too: what is pushed into one great array copies it now and then. For what is shared,
 * or text: an object of its own for each number is what columns are there to avoid.
 */
export class RefColumn<T> {
  readonly #chunks: ((T | undefined)[] | undefined)[] = [];
  readonly #dropped: (T | undefined)[] = [];

  /** undefined where nothing was ever set. */
  get(at: number): T | undefined {
    return this.#chunks[at >>> chunkBits]?.[at & chunkMask];
  }

  set(at: number, value: T | undefined): void {
    let chunk = this.#chunks[at >>> chunkBits];
    if (chunk === undefined) {
      if (value === undefined) return;
      chunk = this.#grow(at >>> chunkBits);
    }
    if (chunk.length > 0) chunk[at & chunkMask] = value;
  }

  /** Chunks there are, given up ones too. */
  get slots(): number {
    return this.#chunks.length;
  }

  /** What a chunk has, up to the last that is there. */
  chunk(slot: number): readonly (T | undefined)[] {
    const chunk = this.#chunks[slot] ?? [];
    let length = chunk.length;
    while (length > 0 && chunk[length - 1] === undefined) length -= 1;
    return chunk.slice(0, length);
  }

  /** As of columns of numbers. */
  drop(slot: number): void {
    reach(this.#chunks, slot);
    this.#chunks[slot] = this.#dropped;
  }

  #grow(slot: number): (T | undefined)[] {
    reach(this.#chunks, slot);
    return (this.#chunks[slot] = new Array<T | undefined>(chunkSize).fill(undefined));
  }
}

/**
 * Which rows of a table are gone for good. Numbers are never given out twice, so a chunk of rows that are all
 * gone is given up by every column, and memory follows what is there and not what has ever been.
 */
export class RetiredRows {
  /** For each chunk: a row's byte is 1 when it is gone; undefined: none is; an empty array: all are. */
  readonly #chunks: (Uint8Array | undefined)[] = [];
  readonly #counts: number[] = [];

  /** Chunks of which any row is gone. */
  *chunks(): Generator<readonly [slot: number, rows: Uint8Array]> {
    for (const [slot, rows] of this.#chunks.entries()) if (rows !== undefined) yield [slot, rows];
  }

  /** Sets a chunk to what {@link chunks} gave. @param rows empty: all are gone */
  restore(slot: number, rows: Uint8Array): void {
    this.#reach(slot);
    this.#chunks[slot] = rows.slice();
    this.#counts[slot] = rows.length === 0 ? chunkSize : rows.reduce((sum, row) => sum + row, 0);
  }

  #reach(slot: number): void {
    reach(this.#chunks, slot);
    while (this.#counts.length <= slot) this.#counts.push(0);
  }

  has(no: number): boolean {
    const chunk = this.#chunks[no >>> chunkBits];
    return chunk !== undefined && (chunk.length === 0 || chunk[no & chunkMask] === 1);
  }

  /**
   * Says that a row is gone, if it was not before.
   *
   * @returns the chunk that is now to be dropped, when that was the last row of it; else -1
   */
  add(no: number): number {
    if (this.has(no)) return -1;
    const slot = no >>> chunkBits;
    this.#reach(slot);
    const rows = (this.#chunks[slot] ??= new Uint8Array(chunkSize));
    rows[no & chunkMask] = 1;
    const count = (this.#counts[slot] ?? 0) + 1;
    this.#counts[slot] = count;
    if (count < chunkSize) return -1;
    this.#chunks[slot] = new Uint8Array(0);
    return slot;
  }
}

/** What tables do with a chunk of rows that are all gone. @param columns every column of the table */
export function dropChunk(columns: readonly { drop(slot: number): void }[], slot: number): void {
  for (const column of columns) column.drop(slot);
}
