import { moveAside, openDatabase, type SetAside } from "./database.js";
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
 * has its first entries, what they said is lost to the history, which then begins at the journal's end.
 *
 * @throws JournalError as {@link openDatabase}
 */
export function openStore({ path, journal, retention }: ThreadData): OpenedStore {
  let { database, setAside } = openDatabase(path);
  const misfit = misfitOf(journalOf(database), checkpointOf(database), journal);
  if (misfit !== undefined) {
    database.close();
    setAside = moveAside(path, misfit);
    database = openDatabase(path).database;
  }
  const store = new HistoryStore(database, retention);
  if (store.checkpoint > 0) return { store, setAside, lostBelow: undefined };
  store.setJournal(journal.id);
  const isWhole = journal.firstIndex <= 1;
  if (!isWhole) store.startAfter(journal.lastIndex, journal.nextStage);
  store.commit();
  return { store, setAside, lostBelow: isWhole ? undefined : journal.firstIndex };
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
