/** Slots of a part that holds next to nothing. */
const smallest = 16;
/** Of the hash, the bits that say which part. */
const partBits = 8;

/**
 * Numbers by text, for millions: two numbers an entry, in typed arrays that the garbage collector does not walk. It
 * keeps no text: whoever is found is asked for it.
 *
 * Parts by hash, each of which grows by itself: what one addition may have to move is a share of the whole.
 */
export class TextIndex {
  readonly #textOf: (no: number) => string;
  readonly #seed: number;
  readonly #parts: (Part | undefined)[] = new Array<undefined>(1 << partBits).fill(undefined);
  #count = 0;

  /**
   * @param textOf the text under which a number was added
   * @param seed of the hash: where texts come from outside, one that nobody there can know
   */
  constructor(textOf: (no: number) => string, seed: number) {
    this.#textOf = textOf;
    this.#seed = seed;
  }

  get size(): number {
    return this.#count;
  }

  /** How many entries an addition may have to move at the most. */
  get largestPart(): number {
    return Math.max(0, ...this.#parts.map((part) => part?.count ?? 0));
  }

  find(text: string): number | undefined {
    const hash = this.#hash(text);
    return this.#partOf(hash)?.find(hash, text, this.#textOf);
  }

  /** Adds a text that is not there yet. @param no from 0 to 2^32 - 2 */
  add(text: string, no: number): void {
    const hash = this.#hash(text);
    const part = (this.#parts[partNumber(hash)] ??= new Part());
    part.add(hash, no + 1);
    this.#count += 1;
  }

  /** Removes the text of a number that was added under it. */
  remove(text: string, no: number): void {
    const hash = this.#hash(text);
    if (this.#partOf(hash)?.remove(hash, no + 1) === true) this.#count -= 1;
  }

  /** Numbers with their texts, in no order. */
  *entries(): Generator<readonly [string, number]> {
    for (const part of this.#parts) {
      for (const entry of part?.entries() ?? []) yield [this.#textOf(entry - 1), entry - 1];
    }
  }

  #partOf(hash: number): Part | undefined {
    return this.#parts[partNumber(hash)];
  }

  /** FNV-1a by the UTF-16 unit, mixed so that the low bits depend on all of it. */
  #hash(text: string): number {
    let hash = this.#seed ^ 0x811c_9dc5;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
    }
    return hash ^ (hash >>> 15);
  }
}

/** By the high bits: slots go by the low ones. */
function partNumber(hash: number): number {
  return hash >>> (32 - partBits);
}

/** Open addressing with linear probing, at most half full. */
class Part {
  count = 0;
  /** One more than the number; 0: the slot is free. */
  #numbers = new Uint32Array(smallest);
  #hashes = new Int32Array(smallest);

  find(hash: number, text: string, textOf: (no: number) => string): number | undefined {
    const mask = this.#numbers.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#numbers[slot] as number;
      if (entry === 0) return undefined;
      if (this.#hashes[slot] === hash && textOf(entry - 1) === text) return entry - 1;
    }
  }

  add(hash: number, entry: number): void {
    if (2 * (this.count + 1) > this.#numbers.length) this.#grow();
    this.count += 1;
    this.#place(hash, entry);
  }

  /** @returns whether it was there */
  remove(hash: number, entry: number): boolean {
    const mask = this.#numbers.length - 1;
    let slot = hash & mask;
    while (this.#numbers[slot] !== entry) {
      if (this.#numbers[slot] === 0) return false;
      slot = (slot + 1) & mask;
    }
    this.count -= 1;
    // Those behind it that were pushed on by it move up, so that no look-up stops at the gap.
    for (let next = (slot + 1) & mask; this.#numbers[next] !== 0; next = (next + 1) & mask) {
      const home = (this.#hashes[next] as number) & mask;
      if (((next - home) & mask) < ((next - slot) & mask)) continue;
      this.#numbers[slot] = this.#numbers[next] as number;
      this.#hashes[slot] = this.#hashes[next] as number;
      slot = next;
    }
    this.#numbers[slot] = 0;
    return true;
  }

  *entries(): Generator<number> {
    for (const entry of this.#numbers) if (entry !== 0) yield entry;
  }

  #place(hash: number, entry: number): void {
    const mask = this.#numbers.length - 1;
    let slot = hash & mask;
    while (this.#numbers[slot] !== 0) slot = (slot + 1) & mask;
    this.#numbers[slot] = entry;
    this.#hashes[slot] = hash;
  }

  #grow(): void {
    const numbers = this.#numbers;
    const hashes = this.#hashes;
    this.#numbers = new Uint32Array(2 * numbers.length);
    this.#hashes = new Int32Array(2 * numbers.length);
    for (let slot = 0; slot < numbers.length; slot++) {
      const entry = numbers[slot] as number;
      if (entry !== 0) this.#place(hashes[slot] as number, entry);
    }
  }
}
