import type { RunOperation } from "../../src/journal/file/writer.js";

/** What is needed of a clock. */
export interface Timers {
  setTimer(delayMs: number, callback: () => void): () => void;
}

/**
 * A slow disk under an inline writer, on a clock of the test's: each operation is carried out after a
 * part of its time, and told of after the rest, so that it may be done and not known yet when the
 * process dies.
 *
 * @param latencyMs of the next operation
 * @param share how much of that passes before it is carried out, from 0 to 1
 * @returns what to pass as `run`, and `stop`: the process dies, what was not carried out never is, and
 *   nobody is told of anything
 */
export function slowly(
  clock: Timers,
  latencyMs: () => number,
  share: () => number = () => 0.5,
): { readonly run: RunOperation; readonly stop: () => void } {
  let isStopped = false;
  const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
  const never = new Promise<never>(() => undefined);
  return {
    run: async (operation) => {
      const ms = latencyMs();
      const before = ms * share();
      await wait(before);
      if (isStopped) return never;
      try {
        return operation();
      } finally {
        await wait(ms - before);
        if (isStopped) await never;
      }
    },
    stop: () => {
      isStopped = true;
    },
  };
}
