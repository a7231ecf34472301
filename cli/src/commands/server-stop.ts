import type { Surroundings } from "../surroundings.js";

/** What tells a master to stop. */
export interface StopSignals {
  /** Somebody wants it to end in order. */
  readonly first: Promise<NodeJS.Signals>;
  /** Somebody does not want to wait for that. */
  readonly second: Promise<NodeJS.Signals>;
}

/**
 * Listens to the signals that stop a master, from now on. It has to be called before the master says that
 * it is ready: whoever reads that may send a signal at once, and one that nobody listens to kills.
 */
export function listenForStop(surroundings: Surroundings): StopSignals {
  const told: ((signal: NodeJS.Signals) => void)[] = [];
  const first = new Promise<NodeJS.Signals>((resolve) => told.push(resolve));
  const second = new Promise<NodeJS.Signals>((resolve) => told.push(resolve));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    surroundings.onSignal(signal, () => told.shift()?.(signal));
  }
  return { first, second };
}
