import type { Peer } from "./peer.js";
import type { Wire } from "./wire.js";

/** How often a dead way is tried again. */
const retryMs = 500;

/**
 * One direction of a connection: what is sent arrives late, in its order, and never not at all while the
 * connection lives. Over a dead link it waits, as TCP would have it.
 */
export class Direction {
  readonly #wire: Wire;
  readonly #peer: Peer;
  readonly #isDead: () => boolean;
  readonly #waiting: (() => void)[] = [];
  #arrivesAt = 0;
  #isTrying = false;

  constructor(wire: Wire, peer: Peer, isDead: () => boolean) {
    this.#wire = wire;
    this.#peer = peer;
    this.#isDead = isDead;
  }

  send(arrive: () => void): void {
    const { scheduler } = this.#wire.parts;
    this.#arrivesAt = Math.max(this.#arrivesAt, scheduler.now + this.#wire.delayMs(this.#peer));
    scheduler.at(this.#arrivesAt, () => {
      this.#waiting.push(arrive);
      if (!this.#isTrying) this.#deliver();
    });
  }

  #deliver(): void {
    this.#isTrying = false;
    if (this.#isDead()) {
      this.#isTrying = true;
      this.#wire.parts.scheduler.after(retryMs, () => {
        this.#deliver();
      });
      return;
    }
    for (const arrive of this.#waiting.splice(0)) arrive();
  }
}
