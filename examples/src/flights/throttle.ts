/**
 * What stands for the disks and the network. All four workers of the example run on one machine and
 * read the same disk, which is far too fast to show why the place of data matters. So each reader is
 * held to a rate that depends on how far away its data would be: it reads at once, and then sleeps off
 * what a slower disk or link would have taken longer. Sleeping burns no CPU, so nine such readers
 * behave alike on two cores and on twenty.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Distance } from "./place.js";

/**
 * What one reader gets. Bytes a second. A map task reads 20 kB (`rangeBytes` in job.ts), so it takes
 * some 60 ms beside its data, 125 ms in the same rack and 200 ms from another one.
 */
export const bytesPerSecond = {
  host: 320_000,
  rack: 160_000,
  remote: 100_000,
} as const satisfies Record<Distance, number>;

/** Time, so that a test can do without it. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** @throws the signal's reason, should it be aborted */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const realClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/** Holds one reader to a rate, from the moment that it is made. */
export class Throttle {
  readonly #rate: number;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #bytes = 0;

  /** @param rate bytes a second */
  constructor(rate: number, clock: Clock = realClock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** So many bytes were read: resolves when they would have been, at the rate. */
  async passed(bytes: number, signal: AbortSignal): Promise<void> {
    this.#bytes += bytes;
    const dueAt = this.#startedAt + (this.#bytes / this.#rate) * 1000;
    const earlyMs = dueAt - this.#clock.now();
    if (earlyMs > 0) await this.#clock.sleep(earlyMs, signal);
  }
}
