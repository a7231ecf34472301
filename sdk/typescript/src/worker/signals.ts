import { constants } from "node:os";

const names = ["SIGTERM", "SIGINT"] as const;

/**
 * Listens to the signals that end a process: the first drains, a second ends the process at once with 128
 * + its number.
 * @returns stops listening
 */
export function onEndSignals(drain: () => void): () => void {
  let isDraining = false;
  const listeners = names.map((name) => {
    const listener = (): void => {
      if (isDraining) process.exit(128 + constants.signals[name]);
      isDraining = true;
      drain();
    };
    process.on(name, listener);
    return { name, listener };
  });
  return () => {
    for (const { name, listener } of listeners) process.off(name, listener);
  };
}
