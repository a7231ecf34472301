import type { Ledger } from "./ledger.js";
import type { Lease } from "./lease.js";

/**
 * Leases that have not started, and the rule by which they do. One that the master counts as fit starts as
 * soon as it fits here too; those ahead of the resources follow when something ends, the oldest first,
 * stopping at the first that does not fit.
 */
export class Intake {
  readonly #ledger: Ledger;
  readonly #fit = new Queue();
  readonly #ahead = new Queue();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** A lease arrives, in the order of the assignments. */
  add(lease: Lease, ahead: boolean): void {
    (ahead ? this.#ahead : this.#fit).push(lease);
  }

  /**
   * The next lease to start, with its demand taken; undefined when none can. Leases that are not waiting any
   * more (given back meanwhile) fall out here.
   */
  next(): Lease | undefined {
    const fit = this.#fit.peek();
    // A fit one that does not fit here yet (the master promoted in another order) goes before those ahead.
    const first = fit ?? this.#ahead.peek();
    if (first === undefined || !this.#ledger.fits(first.demand)) return undefined;
    (fit === undefined ? this.#ahead : this.#fit).shift();
    this.#ledger.take(first.demand);
    return first;
  }
}

/** First in, first out, without moving what is left. */
class Queue {
  #items: (Lease | undefined)[] = [];
  #head = 0;

  push(lease: Lease): void {
    this.#items.push(lease);
  }

  /** The first that is still waiting. */
  peek(): Lease | undefined {
    for (;;) {
      const lease = this.#items[this.#head];
      if (lease === undefined) {
        this.#items = [];
        this.#head = 0;
        return undefined;
      }
      if (lease.state === "waiting") return lease;
      this.shift();
    }
  }

  shift(): void {
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head < 1_024 || this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
