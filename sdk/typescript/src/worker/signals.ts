import { constants } from "node:os";

const names = ["SIGTERM", "SIGINT"] as const;

/** The workers of this process that still listen: a signal drains them all, each within bounds of its own. */
const listening = new Set<symbol>();

/**
 * Listens to the signals that end a process: the first drains, a second ends the process at once with 128
 * + its number.
 * @returns stops listening
 */
export function onEndSignals(drain: (signal: string) => void): () => void {
  const own = Symbol();
  listening.add(own);
  let isDraining = false;
  const listeners = names.map((name) => {
    const listener = (): void => {
      if (isDraining) process.exit(128 + constants.signals[name]);
      isDraining = true;
      drain(name);
    };
    process.on(name, listener);
    return { name, listener };
  });
  return () => {
    for (const { name, listener } of listeners) process.off(name, listener);
    listening.delete(own);
  };
}

/** What comes after `run` may take so long: `startTracing` sends its last spans within 2 s. Milliseconds. */
const lastWorkMs = 2_500;

/**
 * Ends a process that a handler keeps alive; one that ends before by itself is not kept by this. Another worker in
 * it that drains still is waited for: what it runs may finish.
 */
export function endProcessSoon(exitCode: number): void {
  const timer = setTimeout(() => {
    if (listening.size === 0) process.exit(exitCode);
    timer.refresh();
  }, lastWorkMs).unref();
}
