import type { Clock } from "./clock.js";
import type { JournalClock } from "./journal-clock.js";

/** Wakes the engine when the next timer of its state is due. One timer of the machine, not many. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /**
   * Sets it to the earlier of two times, each on its own clock. An alarm that stands already and
   * is earlier stays: it costs a look, and setting timers anew each turn would cost more.
   */
  set(next: { readonly now: number; readonly term: number }, time: JournalClock): void {
    const { now, termNow } = time;
    const delayMs = Math.max(1, Math.min(next.now - now, next.term - termNow));
    if (delayMs === Infinity) return;
    const at = now + delayMs;
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      // A turn later: input that is here already comes before what expires.
      this.#clock.soon(this.#ring);
    });
    this.#timer = { at, cancel };
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
