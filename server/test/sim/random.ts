import { Prng } from "../core/support/prng.js";

/** The dice of a run. Actors have dice of their own, so that a change of one does not disturb the others. */
export class Random extends Prng {
  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (this.uint32() / 2 ** 32) * (high - low);
  }

  /** Uniform integer in [low, high]. */
  integer(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** Exponential, of that mean. */
  exponential(mean: number): number {
    return -Math.log(1 - this.uint32() / 2 ** 32) * mean;
  }

  fork(): Random {
    return new Random(this.uint32());
  }
}
