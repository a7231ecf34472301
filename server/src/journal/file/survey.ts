import { decodeEntry } from "../entry/index.js";
import { JournalError } from "../journal-error.js";
import type { ReadJournal, Repair, StoredEntry } from "../journal.js";
import type { SnapshotStore } from "../snapshot-store.js";
import { EntryReader } from "./entry-reader.js";
import { checksumSeed, SEGMENT_SUFFIX, segmentName } from "./format.js";
import { reasonOf } from "./folder-reason.js";
import { lockFolder } from "./lock-folder.js";
import { nodeStorage } from "./node-storage.js";
import type { Recovered } from "./recovery.js";
import { examine } from "./recovery.js";
import { SegmentFiles } from "./segment-files.js";
import { refuseStrangers, SnapshotFiles } from "./snapshot-files.js";
import { snapshotName } from "./snapshot-format.js";
import type { Storage, StorageLock } from "./storage.js";

/** One file of a journal. */
export interface SurveyedSegment {
  /** Of the file, in the journal's folder. */
  readonly name: string;
  readonly firstIndex: number;
  /** `firstIndex` - 1 when it holds no entry yet. */
  readonly lastIndex: number;
  /** Those that are whole. */
  readonly bytes: number;
}

/** The state that a journal leads to up to an entry, in a file of its own. */
export interface SurveyedSnapshot {
  /** Of the file, in the journal's folder. */
  readonly name: string;
  /** The last entry whose effect it holds. */
  readonly index: number;
  /** Of its contents. */
  readonly bytes: number;
  /** SHA-256 of its contents, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** A journal as it lies on a disk. */
export interface JournalSurvey {
  /** 32 hexadecimal digits. */
  readonly journalId: string;
  readonly firstIndex: number;
  /** `firstIndex` - 1 when there is no entry. */
  readonly lastIndex: number;
  /** Of the last entry; grows with each start of a master. */
  readonly epoch: number;
  readonly bytes: number;
  readonly segments: readonly SurveyedSegment[];
  /** Newest first. */
  readonly snapshots: readonly SurveyedSnapshot[];
  /**
   * What the next start of a master cuts off: bytes at the end that are no whole entry. A crash leaves such, of a
   * write that was never acknowledged; a last entry that was damaged afterwards can look the same.
   */
  readonly unfinished: readonly Repair[];
  /** The last entry that a snapshot or the history has seen, and that is there; 0: neither has seen any. */
  readonly seenThrough: number;
}

/** One entry, with what it says. */
export interface SurveyedEntry {
  readonly index: number;
  readonly epoch: number;
  /** Of its body. */
  readonly bytes: number;
  /** Of a claim, by which a master took the right to write: nothing more. */
  readonly claim: boolean;
  /** Journal time and wall time at which it was decided, milliseconds; absent of a claim. */
  readonly now?: number;
  readonly wall?: number;
  readonly events: readonly { readonly type: string; readonly version: number }[];
  /** How many payloads, outputs and failures it carries, and their bytes. */
  readonly blobs: number;
  readonly blobBytes: number;
}

/** What is known of a journal beside its segments. */
export interface SurveyOptions {
  /** An entry that a snapshot or the history has seen: a journal that ends before it has lost data. 0: nothing is known. */
  readonly mustReach: number;
  /** Looks at the snapshots as a start does, and refuses what that refuses. */
  readonly check: (snapshots: SnapshotStore, journal: ReadJournal) => Promise<void>;
  readonly storage?: Storage;
}

/**
 * Reads and verifies every byte of a journal, hands it and its snapshots on to be held against each other, and
 * changes nothing. For a tool: it reads at once, and holds up the event loop while it does.
 *
 * @param directory the folder of the journal, whose master is stopped: its lock is taken meanwhile
 * @throws JournalError `data_loss` with the place; `newer_format`; `locked`; `failed` if there is no journal, and
 *   nobody has seen one there; and what `check` throws
 */
export async function surveyFileJournal(
  directory: string,
  { mustReach, check, storage = nodeStorage() }: SurveyOptions,
): Promise<JournalSurvey> {
  const lock = take(storage, directory, mustReach);
  const files = new SegmentFiles(storage, directory);
  try {
    const recovered = examine(storage, directory, mustReach);
    const journalId = recovered.journalId?.toString("hex") ?? "";
    const snapshots = new SnapshotFiles(storage, directory, journalId);
    refuseStrangers(snapshots);
    if (recovered.journalId !== undefined) {
      await check(snapshots, readerOf(recovered, recovered.journalId, files));
    }
    const surveyed = snapshots.listNow().map(({ index, bytes, sha256 }) => {
      return { name: snapshotName(index), index, bytes, sha256 };
    });
    return { ...surveyOf(recovered), snapshots: surveyed, seenThrough: mustReach };
  } finally {
    files.close();
    lock.release();
  }
}

/** What was found whole, to be read again. */
function readerOf(
  { segments, last }: Recovered,
  journalId: Buffer,
  files: SegmentFiles,
): ReadJournal {
  const firstIndex = segments[0]?.firstIndex ?? 1;
  const lastIndex = last.index;
  const reader = new EntryReader({
    segments: {
      firstIndex,
      lastIndex,
      find: (index) => segments.find((one) => index >= one.firstIndex && index <= one.lastIndex),
    },
    ...{ files, journalId, checksumSeed: checksumSeed(journalId) },
  });
  return {
    firstIndex,
    lastIndex,
    read: (from) => reader.read(from),
    readBytes: async (index, offset, length) => reader.readBytes(index, offset, length),
  };
}

/**
 * Entries of a journal, in order, after all of it was verified. Changes nothing; the lock is held until the last
 * was read or the reader has had enough.
 *
 * @param from index of the first; lower ones than there are begin with the first that there is
 * @throws JournalError as {@link surveyFileJournal}
 */
export async function* readFileJournal(
  directory: string,
  from: number,
  storage: Storage = nodeStorage(),
): AsyncGenerator<SurveyedEntry> {
  const lock = take(storage, directory, 0);
  const files = new SegmentFiles(storage, directory);
  try {
    const recovered = examine(storage, directory, 0);
    if (recovered.journalId === undefined) return;
    const journal = readerOf(recovered, recovered.journalId, files);
    for await (const entry of journal.read(Math.max(from, journal.firstIndex))) {
      yield viewOf(entry);
    }
  } finally {
    files.close();
    lock.release();
  }
}

/** Segments that are missing where somebody has seen some are damage, and no folder without a journal. */
function take(storage: Storage, directory: string, mustReach: number): StorageLock {
  if (!hasSegments(storage, directory) && mustReach === 0) {
    throw new JournalError("failed", `there is no journal in ${directory}`);
  }
  return lockFolder(storage, directory);
}

function surveyOf({
  journalId,
  segments,
  last,
  repairs,
}: Recovered): Omit<JournalSurvey, "snapshots" | "seenThrough"> {
  const surveyed = segments.map(({ firstIndex, lastIndex, end }) => {
    return { name: segmentName(firstIndex), firstIndex, lastIndex, bytes: end };
  });
  return {
    journalId: journalId?.toString("hex") ?? "",
    firstIndex: segments[0]?.firstIndex ?? 1,
    lastIndex: last.index,
    epoch: last.epoch,
    bytes: surveyed.reduce((sum, { bytes }) => sum + bytes, 0),
    segments: surveyed,
    unfinished: repairs,
  };
}

function viewOf({ index, epoch, body }: StoredEntry): SurveyedEntry {
  const bytes = body.length;
  if (bytes === 0) return { index, epoch, bytes, claim: true, events: [], blobs: 0, blobBytes: 0 };
  const { stamp, events, lengths, section } = decodeEntry(body);
  const { now, wall } = stamp;
  const blobs = { blobs: lengths.length, blobBytes: section.length };
  return { index, epoch, bytes, claim: false, now, wall, events, ...blobs };
}

function hasSegments(storage: Storage, directory: string): boolean {
  try {
    return storage.list(directory).some((name) => name.endsWith(SEGMENT_SUFFIX));
  } catch (error) {
    if (isMissing(error)) return false;
    const message = `${directory} cannot be read: ${reasonOf(error)}`;
    throw new JournalError("failed", message, { cause: error });
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}
