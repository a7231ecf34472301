import { decodeEntry } from "../entry/index.js";
import { dataLoss, endsTooEarly, JournalError } from "../journal-error.js";
import type { Repair, StoredEntry } from "../journal.js";
import { EntryReader } from "./entry-reader.js";
import { checksumSeed, SEGMENT_SUFFIX, segmentName } from "./format.js";
import { nodeStorage } from "./node-storage.js";
import type { Recovered } from "./recovery.js";
import { examine } from "./recovery.js";
import { SegmentFiles } from "./segment-files.js";
import { SnapshotFiles } from "./snapshot-files.js";
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
  /** What a crash left unfinished and the next start of a master cuts off: nothing that was acknowledged. */
  readonly unfinished: readonly Repair[];
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

/**
 * Reads and verifies every byte of a journal and of its snapshots, and changes nothing. A journal without its
 * first entries is whole if a snapshot covers them, else no master starts on it. For a tool: it reads at once, and
 * holds up the event loop while it does.
 *
 * @param directory the folder of the journal, whose master is stopped: its lock is taken meanwhile
 * @throws JournalError `data_loss` with the place; `newer_format`; `locked`; `failed` if there is no journal
 */
export async function surveyFileJournal(
  directory: string,
  storage: Storage = nodeStorage(),
): Promise<JournalSurvey> {
  const lock = take(storage, directory);
  try {
    const recovered = examine(storage, directory);
    const journalId = recovered.journalId?.toString("hex") ?? "";
    const snapshots = await surveySnapshots(new SnapshotFiles(storage, directory, journalId));
    const survey = { ...surveyOf(recovered), snapshots };
    refuseHeadless(survey);
    return survey;
  } finally {
    lock.release();
  }
}

async function surveySnapshots(store: SnapshotFiles): Promise<SurveyedSnapshot[]> {
  const surveyed: SurveyedSnapshot[] = [];
  const [stranger] = store.strangers();
  if (stranger !== undefined) {
    throw dataLoss("the snapshot is of another journal", { segment: stranger, offset: 0 });
  }
  for (const { index, bytes, sha256 } of await store.list()) {
    for await (const chunk of store.read(index)) void chunk;
    surveyed.push({ name: snapshotName(index), index, bytes, sha256 });
  }
  return surveyed;
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
  const lock = take(storage, directory);
  const files = new SegmentFiles(storage, directory);
  try {
    const { journalId, segments, last } = examine(storage, directory);
    if (journalId === undefined) return;
    const reader = new EntryReader({
      segments: {
        firstIndex: segments[0]?.firstIndex ?? 1,
        lastIndex: last.index,
        find: (index) => segments.find((one) => index >= one.firstIndex && index <= one.lastIndex),
      },
      ...{ files, journalId, checksumSeed: checksumSeed(journalId) },
    });
    const first = Math.max(from, segments[0]?.firstIndex ?? 1);
    for await (const entry of reader.read(first)) yield viewOf(entry);
  } finally {
    files.close();
    lock.release();
  }
}

function take(storage: Storage, directory: string): StorageLock {
  if (hasSegments(storage, directory)) return storage.lock(directory);
  throw new JournalError("failed", `there is no journal in ${directory}`);
}

/** Every file may be whole by itself, and entries be in none of them all the same. */
function refuseHeadless({ firstIndex, lastIndex, segments, snapshots }: JournalSurvey): void {
  const [first, newest] = [segments[0], snapshots[0]];
  const covered = newest?.index ?? 0;
  if (first !== undefined && firstIndex > covered + 1) {
    const gone = `entries ${String(covered + 1)} to ${String(firstIndex - 1)} are gone`;
    throw dataLoss(`${gone}, and no snapshot covers them`, {
      segment: first.name,
      index: covered + 1,
    });
  }
  if (newest === undefined || lastIndex >= newest.index) return;
  const place = { segment: segments.at(-1)?.name ?? newest.name, index: lastIndex + 1 };
  throw endsTooEarly({ lastIndex, mustReach: newest.index }, ": a snapshot has seen it", place);
}

function surveyOf({
  journalId,
  segments,
  last,
  repairs,
}: Recovered): Omit<JournalSurvey, "snapshots"> {
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
  } catch {
    return false;
  }
}
