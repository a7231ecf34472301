/** The waits between attempts: full jitter over a doubling ceiling. */
export interface BackoffLimits {
  /** The first ceiling. Milliseconds. */
  readonly baseMs: number;
  /** What the ceiling never exceeds. Milliseconds. */
  readonly capMs: number;
}

/**
 * Draws the waits between attempts. The whole range below a doubling ceiling is drawn from, so that
 * callers that failed together do not come back together.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  #attempts = 0;

  /** @param random uniform in [0, 1) */
  constructor(limits: BackoffLimits, random: () => number = Math.random) {
    this.#limits = limits;
    this.#random = random;
  }

  /** @returns how long to wait now: milliseconds in [0, min(capMs, baseMs * 2^n)) after n waits */
  nextMs(): number {
    const { baseMs, capMs } = this.#limits;
    const ceilingMs = Math.min(capMs, baseMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return Math.floor(this.#random() * ceilingMs);
  }

  /** Begins anew: after a success. */
  reset(): void {
    this.#attempts = 0;
  }
}

/**
 * Waits.
 * @throws the signal's reason when it is aborted
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
