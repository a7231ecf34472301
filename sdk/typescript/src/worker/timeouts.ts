import type { Lease } from "./lease.js";
import type { LeaseBook } from "./lease-book.js";
import { timeoutReason } from "./reports.js";

/** The longest wait that a timer of Node can be set to. Milliseconds. */
const longestTimerMs = 2_147_483_647;

/**
 * Tells handlers that their time is up. One timer serves them all: when it fires, what runs is looked
 * through, which is little, instead of keeping a timer for each task, which are many.
 */
export class Timeouts {
  readonly #book: LeaseBook;
  #nextAt = Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(book: LeaseBook) {
    this.#book = book;
  }

  /** A handler has started. */
  watch(lease: Lease): void {
    if (lease.timeoutAt < this.#nextAt) this.#setFor(lease.timeoutAt);
  }

  /** No handler is watched any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#nextAt = Infinity;
  }

  #setFor(at: number): void {
    clearTimeout(this.#timer);
    this.#nextAt = at;
    const inMs = Math.max(0, Math.min(longestTimerMs, Math.ceil(at - performance.now())));
    this.#timer = setTimeout(this.#fire, inMs);
  }

  readonly #fire = (): void => {
    const now = performance.now();
    let nextAt = Infinity;
    for (const lease of this.#book.values()) {
      if (lease.state !== "running" || lease.abortReason !== undefined) continue;
      if (lease.timeoutAt <= now) lease.abort(timeoutReason(lease));
      else if (lease.timeoutAt < nextAt) nextAt = lease.timeoutAt;
    }
    this.#nextAt = Infinity;
    this.#timer = undefined;
    if (nextAt !== Infinity) this.#setFor(nextAt);
  };
}
