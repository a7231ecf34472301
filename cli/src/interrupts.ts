import { Interrupted } from "./errors.js";
import type { Surroundings } from "./surroundings.js";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Signals while a command waits: each is told, and the command decides whether it ends. */
export class Interrupts {
  readonly #abort = new AbortController();
  readonly #undo: readonly (() => void)[];
  #first: (() => boolean) | undefined;

  constructor(surroundings: Surroundings) {
    this.#undo = signals.map((signal) =>
      surroundings.onSignal(signal, () => this.#interrupt(signal)),
    );
  }

  /** Aborted, with `Interrupted`, when the command is to end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Does something else at the next signal. It says by `false` that the command is to end all the same. */
  onFirst(action: () => boolean): void {
    this.#first = action;
  }

  /** Signals have their usual effect again. */
  stop(): void {
    for (const undo of this.#undo) undo();
  }

  #interrupt(signal: NodeJS.Signals): void {
    const first = this.#first;
    this.#first = undefined;
    if (first?.() === true) return;
    this.#abort.abort(new Interrupted(signal));
  }
}
