/** What a master has opened so far: closed again in reverse, at its end or when the next thing does not open. */
export class Opened {
  readonly #closers: (() => void | Promise<void>)[] = [];

  /** Takes note of how to close what was just opened. */
  add(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /**
   * Closes what is open, the last first, all of it even where something goes wrong.
   *
   * @throws what went wrong first
   */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
