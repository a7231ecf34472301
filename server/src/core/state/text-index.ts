const smallest = 64;

/**
 * Numbers by text, for hundreds of thousands: two numbers an entry, in typed arrays that the garbage
 * collector does not walk. It keeps no text: whoever is found is asked for it.
 *
 * Open addressing with linear probing, at most half full.
 */
export class TextIndex {
  readonly #textOf: (no: number) => string;
  readonly #seed: number;
  /** One more than the number; 0: the slot is free. */
  #numbers = new Uint32Array(smallest);
  #hashes = new Int32Array(smallest);
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

  find(text: string): number | undefined {
    const hash = this.#hash(text);
    const mask = this.#numbers.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#numbers[slot] as number;
      if (entry === 0) return undefined;
      if (this.#hashes[slot] === hash && this.#textOf(entry - 1) === text) return entry - 1;
    }
  }

  /** Adds a text that is not there yet. @param no from 0 to 2^32 - 2 */
  add(text: string, no: number): void {
    if (2 * (this.#count + 1) > this.#numbers.length) this.#grow();
    this.#count += 1;
    this.#place(this.#hash(text), no + 1);
  }

  /** Removes the text of a number that was added under it. */
  remove(text: string, no: number): void {
    const mask = this.#numbers.length - 1;
    let slot = this.#hash(text) & mask;
    while (this.#numbers[slot] !== no + 1) {
      if (this.#numbers[slot] === 0) return;
      slot = (slot + 1) & mask;
    }
    this.#count -= 1;
    // Those behind it that were pushed on by it move up, so that no look-up stops at the gap.
    for (let next = (slot + 1) & mask; this.#numbers[next] !== 0; next = (next + 1) & mask) {
      const home = (this.#hashes[next] as number) & mask;
      if (((next - home) & mask) < ((next - slot) & mask)) continue;
      this.#numbers[slot] = this.#numbers[next] as number;
      this.#hashes[slot] = this.#hashes[next] as number;
      slot = next;
    }
    this.#numbers[slot] = 0;
  }

  /** Numbers with their texts, in no order. */
  *entries(): Generator<readonly [string, number]> {
    for (const entry of this.#numbers) {
      if (entry !== 0) yield [this.#textOf(entry - 1), entry - 1];
    }
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

  /** FNV-1a by the UTF-16 unit, mixed so that the low bits depend on all of it. */
  #hash(text: string): number {
    let hash = this.#seed ^ 0x811c_9dc5;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
    }
    return hash ^ (hash >>> 15);
  }
}
