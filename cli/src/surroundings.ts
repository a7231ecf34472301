import type { Readable, Writable } from "node:stream";

/** A stream that people or programs read. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
};

/** What the command takes from its process. Only main.ts names the real ones. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  /** The result, and nothing else. */
  readonly stdout: OutputStream;
  /** What happens on the way: progress, hints, logs, errors. */
  readonly stderr: OutputStream;
  /** Listens to a signal until the returned function is called. */
  readonly onSignal: (signal: NodeJS.Signals, listener: () => void) => () => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
