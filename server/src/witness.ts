import { join } from "node:path";
import { peekHistory } from "./history/open-history.js";
import { nodeStorage } from "./journal/file/node-storage.js";
import { snapshotName } from "./journal/file/snapshot-format.js";
import type { Storage } from "./journal/file/storage.js";
import { JournalError, reworded } from "./journal/journal-error.js";
import { newestSnapshot } from "./open-snapshots.js";

/** The history of the journal in a folder. */
export function historyPath(directory: string): string {
  return join(directory, "history.db");
}

/** What lies beside the segments of a journal and has seen how far it came. */
export interface Witness {
  /** The journal had at least this entry. 0: nobody has seen any. */
  readonly mustReach: number;
  /** The file that says so. */
  readonly path: string;
  /** Why no master starts beside the history that lies there. */
  readonly refusal: JournalError | undefined;
}

/** Asks the history and the newest snapshot in a folder, by its name, and changes nothing. */
export function witnessIn(directory: string, storage: Storage = nodeStorage()): Witness {
  const path = historyPath(directory);
  const { checkpoint, refusal } = peekHistory(path);
  const snapshot = newestSnapshot(directory, storage);
  if (checkpoint >= snapshot) return { mustReach: checkpoint, path, refusal };
  return { mustReach: snapshot, path: join(directory, snapshotName(snapshot)), refusal };
}

/** Looks at a journal; of one that ends too early it is said who knows. @throws JournalError as `look` does */
export async function testified<T>({ path }: Witness, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof JournalError) || error.mustReach === undefined) throw error;
    const hint = `${path} has seen it; move that away if the journal is another's`;
    throw reworded(error, `${error.message}; ${hint}`);
  }
}
