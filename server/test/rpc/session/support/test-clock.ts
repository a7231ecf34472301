import type { Clock } from "../../../../src/engine/clock.js";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** One turn of the event loop, input and all. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time that stands still until it is told to go on; turns of the event loop are real. */
export class TestClock implements Clock {
  #now = 1_000;
  #timers = new Set<Timer>();

  monotonicMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return 1_750_000_000_000 + this.#now;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  /** Lets so much time pass, timer by timer, with turns enough between them for what follows. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      for (let i = 0; i < 6; i++) await turn();
    }
    this.#now = end;
    await turn();
  }
}
