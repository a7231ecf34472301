/** What the exit codes of `capstan` mean. They are part of its interface: docs/cli.md lists them. */
export const exitCodes = {
  ok: 0,
  /** The job ended otherwise than succeeded, or the command failed in a way that has no code of its own. */
  failed: 1,
  /** The command line, or what it names, is wrong: the same call again cannot succeed. */
  usage: 2,
  /** No master answers. */
  unreachable: 3,
  /** The caller has no token, or one that does not allow this. */
  auth: 4,
  notFound: 5,
  timeout: 6,
  /** `capstan server`: its journal cannot be used. As the server's own process says it. */
  journal: 74,
} as const;

/** The shell's convention for a process that a signal ended: 128 and the signal's number. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return signalBase + (signalNumbers[signal] ?? 0);
}

const signalBase = 128;
const signalNumbers: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGTERM: 15,
};
