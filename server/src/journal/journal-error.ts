/** Why a journal cannot be opened, read or written. One row each in {@link JournalError}. */
export type JournalErrorKind =
  /** Something that was durable is damaged or gone. Never repaired by itself: restore, or ask. */
  | "data_loss"
  /** Another process holds the journal. */
  | "locked"
  /** Written by a later release. */
  | "newer_format"
  /** No room; nothing was changed and the same call may be made again. */
  | "disk_full"
  /** The outcome is unknown, or the disk failed. The process must end. */
  | "failed";

/** Where in the journal an error lies. */
export interface JournalPlace {
  /** File name of the segment or the snapshot, or the name of the stream. */
  readonly segment: string;
  /** Bytes from the start of the segment. */
  readonly offset?: number;
  /** Index of the entry that is damaged or missing. */
  readonly index?: number;
}

export class JournalError extends Error {
  override readonly name: string = "JournalError";
  readonly kind: JournalErrorKind;
  readonly place: JournalPlace | undefined;
  /** Of a journal that ends too early: the entry that it had to reach, for somebody has seen it. */
  readonly mustReach: number | undefined;

  constructor(
    kind: JournalErrorKind,
    message: string,
    options: {
      readonly place?: JournalPlace;
      readonly mustReach?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(
      options.place === undefined ? message : `${message} (${describe(options.place)})`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.kind = kind;
    this.place = options.place;
    this.mustReach = options.mustReach;
  }
}

/**
 * An append whose outcome is unknown, or an fsync error. Memory may be ahead of the disk or behind
 * it: only ending the process and replaying tells. An fsync is never tried again, because a second
 * one may report success for pages that the kernel has already dropped.
 * Source: https://lwn.net/Articles/752063/
 */
export class JournalFailure extends JournalError {
  override readonly name = "JournalFailure";

  constructor(
    message: string,
    options: { readonly place?: JournalPlace; readonly cause?: unknown } = {},
  ) {
    super("failed", message, options);
  }
}

/** DATA_LOSS at a place, in words that an operator can act on. */
export function dataLoss(message: string, place: JournalPlace): JournalError {
  return new JournalError("data_loss", `DATA_LOSS: ${message}`, { place });
}

/** DATA_LOSS of a journal that ends before an entry that somebody has seen. */
export function endsTooEarly(
  ends: { readonly lastIndex: number; readonly mustReach: number },
  detail: string,
  place: JournalPlace,
): JournalError {
  const { lastIndex, mustReach } = ends;
  const message =
    `DATA_LOSS: the journal ends at entry ${String(lastIndex)}, but entry ${String(mustReach)} ` +
    `had been durable${detail}`;
  return new JournalError("data_loss", message, { place, mustReach });
}

/** The same error, of the same place, told at more length. */
export function reworded(error: JournalError, message: string): JournalError {
  const { kind, mustReach, place } = error;
  const known = mustReach === undefined ? {} : { mustReach };
  // Its place is in the message already.
  return Object.assign(new JournalError(kind, message, { ...known, cause: error }), { place });
}

function describe({ segment, offset, index }: JournalPlace): string {
  const parts = [`${segment.endsWith(".snapshot") ? "snapshot" : "segment"} ${segment}`];
  if (offset !== undefined) parts.push(`byte ${offset}`);
  if (index !== undefined) parts.push(`entry ${index}`);
  return parts.join(", ");
}

/** What was thrown, in its own words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
