/**
 * A binary heap of numbers with a value each, smallest key first; equal keys come out in the
 * order of their values, so that two runs of one history agree.
 */
export class NumberHeap {
  readonly #keys: number[] = [];
  readonly #values: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** The smallest key; Infinity when empty. */
  get firstKey(): number {
    return this.#keys[0] ?? Infinity;
  }

  /** The value of the smallest key; undefined when empty. */
  get firstValue(): number | undefined {
    return this.#values[0];
  }

  /** So many of the values: the one of the smallest key, and others of small keys, in no order. */
  firstValues(most: number): readonly number[] {
    return this.#values.slice(0, most);
  }

  push(key: number, value: number): void {
    let at = this.#keys.length;
    this.#keys.push(key);
    this.#values.push(value);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): number | undefined {
    const value = this.#values[0];
    if (value === undefined) return undefined;
    const lastKey = this.#keys.pop() as number;
    const lastValue = this.#values.pop() as number;
    if (this.#keys.length > 0) {
      this.#keys[0] = lastKey;
      this.#values[0] = lastValue;
      this.#sink();
    }
    return value;
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#keys.length) return;
      const right = left + 1;
      const child = right < this.#keys.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const keyA = this.#keys[a] as number;
    const keyB = this.#keys[b] as number;
    if (keyA !== keyB) return keyA < keyB;
    return (this.#values[a] as number) < (this.#values[b] as number);
  }

  #swap(a: number, b: number): void {
    const key = this.#keys[a] as number;
    this.#keys[a] = this.#keys[b] as number;
    this.#keys[b] = key;
    const value = this.#values[a] as number;
    this.#values[a] = this.#values[b] as number;
    this.#values[b] = value;
  }
}
