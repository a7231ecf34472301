import { moveAside, openDatabase, type SetAside } from "./database.js";
import { decodeEntry } from "../journal/entry/index.js";
import { nodeStorage } from "../journal/file/node-storage.js";
import { SegmentFollower } from "../journal/file/segment-follower.js";
import { messageOf } from "../journal/journal-error.js";
import { isDamage } from "./sqlite.js";
import { checkpointOf, HistoryStore, journalOf } from "./store.js";
import type { ThreadData } from "./thread-protocol.js";

/** A store that fits the journal, and what was found on the way. */
export interface OpenedStore {
  readonly store: HistoryStore;
  readonly setAside: SetAside | undefined;
  readonly lostBelow: number | undefined;
}

/**
 * Opens the history of a journal. A damaged file, one of another journal, and one that is too old for
 * what the journal still has, are moved aside. What can be built anew is: where the journal no longer
 * has its first entries, what they said is lost to the history, which then begins with the first that is there.
 *
 * @throws JournalError as {@link openDatabase}
 */
export function openStore(data: ThreadData): OpenedStore {
  try {
    return open(data, undefined);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return open(data, moveAside(data.path, messageOf(error)));
  }
}

function open(data: ThreadData, before: SetAside | undefined): OpenedStore {
  const { path, journal, retention } = data;
  const database = openDatabase(path);
  try {
    const misfit = misfitOf(journalOf(database), checkpointOf(database), journal);
    if (misfit === undefined) {
      const store = new HistoryStore(database, retention);
      return { store, setAside: before, lostBelow: begin(store, data) };
    }
    database.close();
    return open(data, moveAside(path, misfit));
  } catch (error) {
    if (database.isOpen) database.close();
    throw error;
  }
}

/** @returns the journal's first entry, if history should have had those before it */
function begin(store: HistoryStore, data: ThreadData): number | undefined {
  const { journal } = data;
  if (store.checkpoint > 0) return undefined;
  const isWhole = journal.firstIndex <= 1;
  store.setJournal(journal.id);
  if (!isWhole) beginInTheMiddle(store, data);
  store.commit();
  return isWhole ? undefined : journal.firstIndex;
}

/** Stages are numbered in the order of their jobs, and only how many there are at the end is known. */
function beginInTheMiddle(store: HistoryStore, { source, journal }: ThreadData): void {
  const { id, firstIndex, lastIndex, nextStage } = journal;
  if (source.kind === "fed") return store.startAfter(lastIndex, nextStage);
  const follower = new SegmentFollower(nodeStorage(), source.directory, id, firstIndex);
  let stages = 0;
  try {
    for (;;) {
      const entries = follower.read(lastIndex);
      if (entries.length === 0) break;
      for (const { body } of entries) stages += stagesIn(body);
    }
  } finally {
    follower.close();
  }
  store.startAfter(firstIndex - 1, nextStage - stages);
}

function stagesIn(body: Uint8Array): number {
  if (body.length === 0) return 0;
  let stages = 0;
  for (const event of decodeEntry(body).events) {
    if (event.type === "job_submitted") stages += event.spec.stages.length;
  }
  return stages;
}

function misfitOf(
  id: string,
  checkpoint: number,
  journal: ThreadData["journal"],
): string | undefined {
  if (id !== "" && id !== journal.id) return `it belongs to another journal (${id})`;
  if (checkpoint > 0 && checkpoint + 1 < journal.firstIndex) {
    const has = `the journal begins at entry ${String(journal.firstIndex)}`;
    return `it ends at entry ${String(checkpoint)}, and ${has}`;
  }
  return undefined;
}
