/** Where it is written. */
interface Log {
  info(fields: object, message: string): void;
}

/** How long a replay is silent between two lines. */
const silentMs = 3_000;

/** Lines of the log about the replay of a journal: one at its start, and one each three seconds while it lasts. */
export class ReplayLines {
  readonly #log: Log;
  readonly #clock: { monotonicMs(): number };
  #saidAt = 0;

  constructor(log: Log, clock: { monotonicMs(): number }) {
    this.#log = log;
    this.#clock = clock;
  }

  /** As the engine tells it; a journal without entries is not worth a line. */
  readonly tell = (at: number, first: number, last: number): void => {
    if (last < first) return;
    const now = this.#clock.monotonicMs();
    if (at < first) {
      this.#saidAt = now;
      this.#log.info({ first, last }, "replaying the journal");
      return;
    }
    if (now - this.#saidAt < silentMs || at === last) return;
    this.#saidAt = now;
    const [entries, of] = [at - first + 1, last - first + 1];
    const percent = Math.floor((100 * entries) / of);
    this.#log.info({ entries, of, percent }, "still replaying the journal");
  };
}
