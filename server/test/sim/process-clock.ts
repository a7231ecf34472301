import type { Clock } from "../../src/engine/clock.js";
import type { Scheduler } from "./scheduler.js";

/** What the machine of a process believes of the date: set forward and back by faults. */
export interface WallClock {
  offsetMs: number;
}

/** Virtual time zero, as a date. */
const epochMs = 1_750_000_000_000;

/**
 * The clock of one process, which is also its life: once dead nothing of it happens any more, and while it
 * stands still all that would happen waits, in its order.
 */
export class ProcessClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #wall: WallClock;
  readonly #bornAt: number;
  readonly #onError: (error: unknown) => void;
  #isDead = false;
  #stalledUntil = 0;

  /** @param onError something that happened in the process threw */
  constructor(scheduler: Scheduler, wall: WallClock, onError: (error: unknown) => void) {
    this.#scheduler = scheduler;
    this.#wall = wall;
    this.#bornAt = scheduler.now;
    this.#onError = onError;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isStalled(): boolean {
    return this.#scheduler.now < this.#stalledUntil;
  }

  monotonicMs(): number {
    return this.#scheduler.now - this.#bornAt + 1_000;
  }

  wallMs(): number {
    return epochMs + this.#scheduler.now + this.#wall.offsetMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    let isOff = false;
    const cancel = this.#scheduler.after(delayMs, () => {
      this.enter(() => {
        if (!isOff) callback();
      });
    });
    return () => {
      isOff = true;
      cancel();
    };
  }

  soon(callback: () => void): void {
    this.#scheduler.after(0, () => {
      this.enter(callback);
    });
  }

  /** Something reaches the process: now, or when it goes on, or never. */
  enter(callback: () => void): void {
    if (this.#isDead) return;
    if (this.isStalled) {
      this.#scheduler.at(this.#stalledUntil, () => {
        this.enter(callback);
      });
      return;
    }
    try {
      callback();
    } catch (error) {
      this.#onError(error);
    }
  }

  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#scheduler.now + ms);
  }

  die(): void {
    this.#isDead = true;
  }
}
