/** A log, as whoever writes to one sees it: fields first, then the same words each time. */
interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What is needed to know when a window is over. */
interface Timers {
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** How many lines of the same words are written in a window, and how long that is. */
const linesMax = 20;
const windowMs = 10_000;

/**
 * A log that says the same no more than twenty times in ten seconds: a fleet of ten thousand that goes at once is
 * told by twenty lines and one that sums up the rest, which stand at debug. Of `info` alone: what is worse
 * is rare, or must be seen each time.
 */
export class FewLines implements Log {
  readonly #log: Log;
  readonly #timers: Timers;
  /** By message, while its window lasts: how often it was said. */
  readonly #said = new Map<string, number>();

  constructor(log: Log, timers: Timers) {
    this.#log = log;
    this.#timers = timers;
  }

  debug(fields: object, message: string): void {
    this.#log.debug(fields, message);
  }

  info(fields: object, message: string): void {
    const before = this.#said.get(message);
    this.#said.set(message, (before ?? 0) + 1);
    if (before === undefined) this.#timers.setTimer(windowMs, () => this.#sumUp(message));
    this.#log[before === undefined || before < linesMax ? "info" : "debug"](fields, message);
  }

  warn(fields: object, message: string): void {
    this.#log.warn(fields, message);
  }

  error(fields: object, message: string): void {
    this.#log.error(fields, message);
  }

  #sumUp(message: string): void {
    const more = (this.#said.get(message) ?? 0) - linesMax;
    this.#said.delete(message);
    if (more > 0) this.#log.info({ more, withinMs: windowMs }, `more of the same: ${message}`);
  }
}
