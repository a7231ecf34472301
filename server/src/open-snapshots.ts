import { nodeStorage } from "./journal/file/node-storage.js";
import { refuseStrangers, SnapshotFiles, snapshotsIn } from "./journal/file/snapshot-files.js";
import { SNAPSHOT_SUFFIX } from "./journal/file/snapshot-format.js";
import type { Storage } from "./journal/file/storage.js";
import { JournalError, reworded } from "./journal/journal-error.js";
import type { Journal } from "./journal/journal.js";
import type { History } from "./history/history.js";
import type { Log } from "./rpc/log.js";
import { startBuilder } from "./snapshots/builder.js";
import { SnapshotKeeper, type SnapshotNews } from "./snapshots/keeper.js";
import { startFromSnapshots, type SnapshotStart } from "./snapshots/start.js";

/** Closed segments after which a snapshot is made. */
export const defaultSnapshotSegments = 4;

/** The entry that the newest snapshot in a folder is named for; 0: there is none. Changes nothing. */
export function newestSnapshot(directory: string, storage: Storage): number {
  try {
    return snapshotsIn(storage, directory)[0] ?? 0;
  } catch {
    // A folder that is not there yet, or is none: whoever opens the journal says what is wrong with it.
    return 0;
  }
}

/** Snapshots of a file journal that is open: what the master starts from, and those that it makes. */
export class Snapshots {
  readonly start: SnapshotStart;
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #store: SnapshotFiles;

  private constructor(
    directory: string,
    journal: Journal,
    store: SnapshotFiles,
    start: SnapshotStart,
  ) {
    this.#directory = directory;
    this.#journal = journal;
    this.#store = store;
    this.start = start;
  }

  /** @throws JournalError `data_loss` if one is damaged, or if entries are gone that none covers */
  static async open(directory: string, journal: Journal): Promise<Snapshots> {
    const store = new SnapshotFiles(nodeStorage(), directory, journal.id);
    store.removeUnfinished();
    return saying(async () => {
      refuseStrangers(store);
      return new Snapshots(directory, journal, store, await startFromSnapshots(store, journal));
    });
  }

  /** As the engine wants it: fills state and payloads with the newest one. */
  readonly load: SnapshotStart["load"] = (memory) => saying(() => this.start.load(memory));

  /** From now on snapshots are made, and the journal is cut below them. */
  keep(everySegments: number, history: History, log: Log): SnapshotKeeper {
    const { id: journalId } = this.#journal;
    const { newestIndex, previousIndex, source } = this.start;
    return new SnapshotKeeper({
      journal: this.#journal,
      store: this.#store,
      source,
      build: (through) => startBuilder({ directory: this.#directory, journalId, through }),
      everySegments,
      newestIndex,
      previousIndex,
      checkpoint: () => history.checkpoint,
      onNews: (news) => {
        tell(news, log);
      },
    });
  }
}

/** What is said of a snapshot that is no good, with what to do about it. */
export async function saying<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof JournalError) || error.kind !== "data_loss") throw error;
    const { place } = error;
    if (place?.segment.endsWith(SNAPSHOT_SUFFIX) !== true) throw error;
    const hint = "moved away, the one before it or the whole journal leads to the same state";
    throw reworded(error, `${error.message}; ${hint}, if they are there`);
  }
}

function tell(news: SnapshotNews, log: Log): void {
  switch (news.kind) {
    case "built": {
      const { index, bytes } = news.snapshot;
      log.info({ index, bytes }, "made a snapshot");
      return;
    }
    case "cut":
      log.info({ firstIndex: news.firstIndex }, "cut the journal below a snapshot");
      return;
    case "pinned": {
      const { previousIndex, checkpoint } = news;
      log.warn(
        { snapshot: previousIndex, history: checkpoint },
        "the journal is not cut below a snapshot: history has not come so far",
      );
      return;
    }
    case "not_built":
      tellNotBuilt(news.error, log);
      return;
    case "not_cut":
      log.warn({ err: news.error }, "the journal could not be cut; it is tried again");
  }
}

/** What is damaged does not pass: the master goes on from memory, and the next would not start. */
function tellNotBuilt(error: unknown, log: Log): void {
  if (error instanceof JournalError && error.kind === "data_loss") {
    log.error(
      { err: error },
      "the journal or a snapshot on the disk is damaged: no snapshot is made, and a master that is started on it is refused",
    );
  } else {
    log.warn({ err: error }, "no snapshot could be made; it is tried again");
  }
}
