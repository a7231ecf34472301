/**
 * The journal: the only durable truth of a master. Everything else it keeps on disk can be rebuilt
 * from here, so a driver's one duty is never to forget, reorder or alter an entry that it called
 * durable, and to refuse to serve when it finds that somebody else did.
 *
 * The engine is its only writer and has one entry in flight at a time: compare-and-append engines
 * fence a stale leader only at that depth, and a group-committed batch makes up for it.
 */

/** The largest body of one entry, in bytes: what every engine behind the port takes in one message. */
export const ENTRY_BYTES_MAX = 512 * 1024;

/**
 * What became of one append. An unknown outcome and an fsync error are not values: they are thrown
 * as {@link JournalFailure}, and the process must end and recover by replay.
 */
export type AppendOutcome =
  | { readonly kind: "durable"; readonly index: number }
  | {
      /** Nothing of the entry is left behind: the same entry can be tried again, or another. */
      readonly kind: "not_written";
      readonly reason: "disk_full";
      /** The body, back in the caller's hands (in a buffer that may be another one), for the next try. */
      readonly body: Uint8Array;
      readonly cause: unknown;
    };

/** One entry as it was stored. */
export interface StoredEntry {
  /** Of the claim under which it was written; never falls from one entry to the next. */
  readonly epoch: number;
  /** From 1, without gaps, across all epochs. */
  readonly index: number;
  /**
   * The bytes given to `append`; empty for a claim. A view: it stays right for as long as it is held,
   * and may hold up to 1 MiB of its neighbours in memory with it, so copy what is kept for long.
   */
  readonly body: Uint8Array;
}

/** Something that a crash left behind and opening put right. Report it: nothing else will. */
export interface Repair {
  /**
   * `torn_tail`: the last write had not been finished, hence never acknowledged, and was cut off.
   * `torn_segment`: a segment had been created and its header not finished; it was removed.
   */
  readonly kind: "torn_tail" | "torn_segment";
  /** File name. */
  readonly segment: string;
  /** Where the cut was made, in bytes from the start of the file. */
  readonly offset: number;
  readonly bytesCut: number;
  /** The last whole entry before the cut, 0 if there is none. */
  readonly lastIndex: number;
  /** What was wrong with the bytes that were cut. */
  readonly reason: string;
}

/** The port. `file`, `memory` and the replicated drivers pass one contract suite. */
export interface Journal {
  /** Draws one journal from another (32 hex digits): what is derived from it carries it. */
  readonly id: string;
  /** Index of the first entry still kept; `lastIndex` + 1 when there is none. */
  readonly firstIndex: number;
  /** Index of the last durable entry, 0 when there has been none. */
  readonly lastIndex: number;
  /**
   * The last entry of each stretch that is never written to again, ascending: what a snapshot is built from
   * and what is removed as a whole. Empty where the driver has no such stretches.
   */
  readonly closed: readonly number[];
  /** What opening had to repair. */
  readonly repairs: readonly Repair[];

  /**
   * Entries from an index on, in order, each verified (checksum, index, hash chain), up to the last
   * one that is durable when the reader gets there. Live appends may go on meanwhile.
   *
   * @throws JournalError `data_loss` if an entry is damaged, or if `from` lies below `firstIndex`
   */
  read(from: number): AsyncIterable<StoredEntry>;

  /**
   * Takes the right to append, by an entry of its own (with an empty body) under an epoch higher
   * than every one before. Whoever held the right before can append no more. The caller has read
   * everything up to `lastIndex`, and reads what may stand between that and the claim's index
   * (only where several masters share a journal) before it decides anything.
   *
   * @throws JournalError `disk_full` if the claim could not be written; it may be tried again
   * @throws JournalFailure if the outcome is unknown
   */
  claim(): Promise<{ readonly epoch: number; readonly index: number }>;

  /**
   * Makes one entry durable. At most one is in flight (asserted), after a claim (asserted).
   *
   * The body is handed over: it may move to another thread, so do not touch it until the outcome is
   * there, and then only as `not_written` hands it back. A body that owns its whole ArrayBuffer is
   * moved, any other is copied.
   *
   * @param body 1 to {@link ENTRY_BYTES_MAX} bytes
   * @throws RangeError if the body is empty or too long; nothing was written
   * @throws JournalFailure if the outcome is unknown; the journal then refuses everything
   */
  append(body: Uint8Array): Promise<AppendOutcome>;

  /**
   * Bytes [offset, offset + length) of an entry's body, verified by the entry's checksum.
   *
   * @throws RangeError if that range does not lie within the body
   * @throws JournalError `data_loss` if the entry is damaged or no longer kept
   */
  readBytes(index: number, offset: number, length: number): Promise<Uint8Array>;

  /**
   * Removes whole entries below an index where the driver can (`file`: whole closed segments only).
   * Never the last entry, whatever the index. The caller holds a verified snapshot above it.
   *
   * @throws JournalError `disk_full` if the file system needs room to remove, `failed` if what is not needed any
   *   more cannot be removed: it may be tried again, and appends go on
   * @throws JournalFailure if nobody knows what is on the disk now
   */
  truncate(below: number): Promise<void>;

  /** Waits for what is in flight and frees the lock. Idempotent. */
  close(): Promise<void>;
}

/** A journal for whoever only reads it. */
export type ReadJournal = Pick<Journal, "firstIndex" | "lastIndex" | "read" | "readBytes">;
