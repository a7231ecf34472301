/**
 * Columns of numbers that grow without ever copying what they hold: a million tasks are a few
 * dozen of these, and no growth is felt by the event loop.
 */

const chunkBits = 14;
const chunkSize = 1 << chunkBits;
const chunkMask = chunkSize - 1;

interface NumberArray {
  [index: number]: number;
  readonly length: number;
}

class Column<A extends NumberArray> {
  readonly #chunks: A[] = [];
  readonly #make: (size: number) => A;

  constructor(make: (size: number) => A) {
    this.#make = make;
  }

  /** 0 where nothing was ever set. */
  get(at: number): number {
    const chunk = this.#chunks[at >>> chunkBits];
    return chunk === undefined ? 0 : (chunk[at & chunkMask] ?? 0);
  }

  set(at: number, value: number): void {
    let chunk = this.#chunks[at >>> chunkBits];
    if (chunk === undefined) chunk = this.#grow(at >>> chunkBits);
    chunk[at & chunkMask] = value;
  }

  add(at: number, by: number): void {
    this.set(at, this.get(at) + by);
  }

  #grow(slot: number): A {
    while (this.#chunks.length <= slot) this.#chunks.push(this.#make(chunkSize));
    return this.#chunks[slot] as A;
  }
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
  readonly #chunks: (T | undefined)[][] = [];

  /** undefined where nothing was ever set. */
  get(at: number): T | undefined {
    return this.#chunks[at >>> chunkBits]?.[at & chunkMask];
  }

  set(at: number, value: T | undefined): void {
    const slot = at >>> chunkBits;
    while (this.#chunks.length <= slot) {
      this.#chunks.push(new Array<T | undefined>(chunkSize).fill(undefined));
    }
    (this.#chunks[slot] as (T | undefined)[])[at & chunkMask] = value;
  }
}
