import type { Clock } from "./clock.js";

/** A stall shorter than this is the ordinary jitter of an event loop or a disk. */
export const stallMinMs = 250;
/** How often the loop is felt. */
const beatMs = 100;

/**
 * The two clocks of decisions. `now` never goes back, also over restarts: it starts at the later
 * of the wall clock and the last time in the journal. `termNow` counts from the start of the process,
 * less all stalls: what the master or its journal lost is added to every lease term. Nothing of it
 * outlives the process, and small numbers are cheaper.
 */
export class JournalClock {
  readonly #clock: Clock;
  readonly #originMs: number;
  readonly #startedAt: number;
  #stalledMs = 0;
  #lastBeat: number;
  /** What of the time since the last beat was given back already. */
  #givenSinceBeat = 0;
  #stop: (() => void) | undefined;

  /** @param lastNow the last time in the journal */
  constructor(clock: Clock, lastNow: number) {
    this.#clock = clock;
    this.#originMs = Math.max(clock.wallMs(), lastNow);
    this.#startedAt = clock.monotonicMs();
    this.#lastBeat = this.#startedAt;
    this.#beat();
  }

  get now(): number {
    return Math.floor(this.#originMs + this.#clock.monotonicMs() - this.#startedAt);
  }

  get wall(): number {
    return Math.floor(this.#clock.wallMs());
  }

  get termNow(): number {
    return Math.floor(this.#clock.monotonicMs() - this.#startedAt) - this.#stalledMs;
  }

  /** All that was given back so far. Milliseconds; whoever will add a stall asks when it begins. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /**
   * Time in which nothing could be decided: no term runs in it. What is ordinary is not given back,
   * or terms would stand still for ever on a disk that is always so slow. Nor is anything twice: the
   * loop and the journal often stand still together.
   *
   * @param stalledBefore `stalledMs` when it began
   */
  addStall(ms: number, stalledBefore = this.#stalledMs): void {
    const left = ms - (this.#stalledMs - stalledBefore);
    if (left <= stallMinMs) return;
    const given = Math.floor(left - stallMinMs);
    this.#stalledMs += given;
    // Of a stall that began before the last beat, the loop can only have had what came after it.
    const sinceBeat = this.#clock.monotonicMs() - this.#lastBeat;
    this.#givenSinceBeat = Math.min(this.#givenSinceBeat + given, sinceBeat);
  }

  /** Feels how long the loop was away since the last beat. Asked before anything expires. */
  feel(): void {
    const at = this.#clock.monotonicMs();
    this.addStall(at - this.#lastBeat - beatMs, this.#stalledMs - this.#givenSinceBeat);
    this.#lastBeat = at;
    this.#givenSinceBeat = 0;
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #beat(): void {
    this.#stop = this.#clock.setTimer(beatMs, () => {
      this.feel();
      this.#beat();
    });
  }
}
