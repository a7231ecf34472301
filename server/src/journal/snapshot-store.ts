import type { JournalPlace } from "./journal-error.js";

/** A snapshot that was written whole, read back and found right. */
export interface SnapshotInfo {
  /** The journal that it belongs to ({@link Journal.id}); one of another journal is never offered. */
  readonly journalId: string;
  /** It holds the effect of every entry up to and including this one. */
  readonly index: number;
  /** Version of its contents; a newer one than the reader knows is refused, not guessed at. */
  readonly formatVersion: number;
  /** Of its contents. */
  readonly bytes: number;
  /** SHA-256 of its contents, 64 hex digits. */
  readonly sha256: string;
}

/** A snapshot that is open: it can be read for as long as it is, also when the store has removed it. */
export interface SnapshotBytes {
  /** Contents [offset, offset + length), as they lie there: whoever reads pieces knows their checksums. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): void;
}

/** How many snapshots are kept: the journal is cut below the one before the newest. */
export const snapshotsKept = 2;

/**
 * Where snapshots are kept. They are built beside the live state, by a thread that loads the last
 * one and applies the entries after it; the store only keeps bytes, and promises that what it lists
 * can be read.
 *
 * The journal is cut below the *previous* snapshot at most, so that one that turns out to be bad
 * after all costs time and no data: {@link snapshotsKept}.
 */
export interface SnapshotStore {
  /**
   * Snapshots of this journal, newest first. Unfinished ones are not among them.
   *
   * @throws JournalError `data_loss` if one has no beginning or no end that fits it, with the place;
   *   `newer_format` if a later release wrote it; `failed` if one cannot be read, which says nothing of what is in it
   */
  list(): Promise<readonly SnapshotInfo[]>;

  /**
   * Writes a snapshot: to the side, synced, read back and compared, and only then put in its place in
   * one step. A crash at any moment leaves either all of it or none. Once it is in place, those older
   * than the one before it are removed.
   *
   * @param chunks its bytes, in pieces of any size; memory use stays at about one piece
   * @param check looks at what was read back, before it counts; what it throws leaves no snapshot
   * @throws JournalError `disk_full` if there is no room; nothing is left behind
   * @throws JournalError `failed` if it could not be written, or read back differently
   */
  write(
    snapshot: Pick<SnapshotInfo, "index" | "formatVersion">,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    check?: (readBack: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<SnapshotInfo>;

  /**
   * The bytes of a snapshot. They are checked as they pass, and the iteration fails at its end if the
   * whole does not match: act on nothing before it has ended.
   *
   * @throws JournalError `data_loss` if the snapshot is damaged or gone; `failed` if it cannot be read
   */
  read(index: number): AsyncIterable<Uint8Array>;

  /** Where an offset into a snapshot's contents lies, for an error that names it. */
  placeOf(index: number, offset: number): JournalPlace;

  /** Pieces of a snapshot, in any order. @throws JournalError `data_loss` if it is gone; `failed` */
  open(index: number): SnapshotBytes;
}
