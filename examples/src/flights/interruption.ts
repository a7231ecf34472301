/** Ctrl-C and its like, as a signal and as a promise. */

/** Somebody wants the program to end. */
export class Interrupted extends Error {
  /** What a shell expects of a program that ended by this signal. */
  readonly exitCode: number;

  constructor(name: string, exitCode: number) {
    super(`stopped by ${name}`);
    this.exitCode = exitCode;
  }
}

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** One Ctrl-C may arrive several times: from the terminal, and from npm, which passes it on. Milliseconds. */
const sameInterruptionMs = 500;

/** Listens from now on: the first interruption ends the work in good order, a later one at once. */
export function interruption(): { signal: AbortSignal; interrupted: Promise<never> } {
  const controller = new AbortController();
  const { signal } = controller;
  let firstAt = Infinity;
  for (const [name, exitCode] of Object.entries(exitCodes)) {
    process.on(name, () => {
      if (!signal.aborted) {
        firstAt = performance.now();
        controller.abort(new Interrupted(name, exitCode));
      } else if (performance.now() - firstAt > sameInterruptionMs) {
        process.exit(exitCode);
      }
    });
  }
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Interrupted));
  });
  return { signal, interrupted };
}
