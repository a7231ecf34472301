/**
 * A small seeded generator, so that a failing run can be repeated from its seed.
 * Source: mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md
 */
export class Prng {
  #state: number;
  /** Weights that were asked for, with their sum: the same few are drawn from again and again. */
  readonly #sums = new WeakMap<object, readonly [entries: [string, number][], sum: number]>();

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 2^32). */
  readonly uint32 = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };

  /** Uniform integer in [0, n). */
  below(n: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * n);
  }

  chance(probability: number): boolean {
    return this.uint32() / 2 ** 32 < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** One of the keys, by weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    let known = this.#sums.get(weights);
    if (known === undefined) {
      const entries = Object.entries<number>(weights);
      known = [entries, entries.reduce((sum, [, weight]) => sum + weight, 0)];
      this.#sums.set(weights, known);
    }
    const [entries, sum] = known;
    let left = this.below(sum);
    for (const [key, weight] of entries) {
      if (left < weight) return key as K;
      left -= weight;
    }
    throw new Error("no weights");
  }
}
