/** The rhythm of a session. Milliseconds. */
export interface PulseTerms {
  readonly leaseTermMs: number;
  readonly pingIntervalMs: number;
}

/** Before the first session: the protocol's defaults. */
export const defaultTerms: PulseTerms = { leaseTermMs: 15_000, pingIntervalMs: 5_000 };

/** What a pulse does. */
export interface PulseEvents {
  /**
   * It is time to ping.
   * @param renew whether with the list of held leases, which renews them
   * @returns whether the ping was sent
   */
  onPing(renew: boolean): boolean;
  /** Nothing has come for too long: the link is dead, whatever TCP says. */
  onSilence(): void;
}

/** How late a tick may be before it was this process that stood still, not the link. */
const lateTicks = 2;

/**
 * Pings, renews and listens: leases are renewed at a third of their term, and a session from which nothing
 * has come for three pings of the master, or a whole term if that is shorter, is taken for dead.
 */
export class Pulse {
  readonly #events: PulseEvents;
  #timer: NodeJS.Timeout | undefined;
  #tickMs = 0;
  #silenceMs = 0;
  #renewEveryMs = 0;
  #heardAt = 0;
  #tickedAt = 0;
  #renewedAt = 0;

  constructor(events: PulseEvents) {
    this.#events = events;
  }

  /** A stream was opened; nothing is sent before it is registered, but it must not stay silent. */
  listen(terms: PulseTerms): void {
    this.#start(terms);
    this.#renewedAt = Infinity;
  }

  /** A session stands: Register has renewed what is held. */
  beat(terms: PulseTerms): void {
    this.#start(terms);
    this.#renewedAt = performance.now();
  }

  /** Something has come. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #start({ leaseTermMs, pingIntervalMs }: PulseTerms): void {
    this.stop();
    const now = performance.now();
    this.#heardAt = now;
    this.#tickedAt = now;
    this.#renewEveryMs = leaseTermMs / 3;
    this.#tickMs = Math.max(10, Math.min(pingIntervalMs, this.#renewEveryMs));
    this.#silenceMs = Math.min(leaseTermMs, 3 * pingIntervalMs);
    this.#timer = setInterval(this.#tick, this.#tickMs);
  }

  readonly #tick = (): void => {
    const now = performance.now();
    // After a stall of our own what came meanwhile lies unread: give it a turn before judging.
    if (now - this.#tickedAt > lateTicks * this.#tickMs) this.#heardAt = now;
    this.#tickedAt = now;
    if (now - this.#heardAt > this.#silenceMs) {
      this.#events.onSilence();
      return;
    }
    if (this.#renewedAt === Infinity) return;
    const renew = now - this.#renewedAt + this.#tickMs > this.#renewEveryMs * 1.01;
    if (this.#events.onPing(renew) && renew) this.#renewedAt = now;
  };
}
