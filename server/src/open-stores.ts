import { join } from "node:path";
import type { Engine } from "./engine/engine-port.js";
import type { History, Retention } from "./history/history.js";
import type { HistoryNews } from "./history/open-history.js";
import { openHistory, peekCheckpoint } from "./history/open-history.js";
import { openFileJournal } from "./journal/file/file-journal.js";
import { JournalError } from "./journal/journal-error.js";
import type { Journal } from "./journal/journal.js";
import { snapshotName } from "./journal/file/snapshot-format.js";
import { MemoryDisk, openMemoryJournal } from "./journal/memory/memory-journal.js";
import { newestSnapshot } from "./open-snapshots.js";
import type { Log } from "./rpc/log.js";

/** `file`: durable, in a folder of its own. `memory`: gone with the process. */
export type JournalPlace =
  | {
      readonly kind: "file";
      readonly directory: string;
      /** Size of its files. Default 64 MiB. */
      readonly segmentBytes?: number;
    }
  | { readonly kind: "memory" };

/**
 * Opens a journal.
 *
 * @throws JournalError if it is damaged, of a newer format, another master's, or ends before what its history
 *   or a snapshot of it has seen
 */
export function openJournal(place: JournalPlace): Promise<Journal> {
  switch (place.kind) {
    case "file":
      return openFile(place);
    case "memory":
      return openMemoryJournal(new MemoryDisk());
  }
}

async function openFile({
  directory,
  segmentBytes,
}: JournalPlace & { readonly kind: "file" }): Promise<Journal> {
  const { path } = historyOf(directory);
  const snapshot = newestSnapshot(directory);
  const checkpoint = peekCheckpoint(path);
  const mustReach = Math.max(checkpoint, snapshot);
  try {
    const size = segmentBytes === undefined ? {} : { segmentBytes };
    return await openFileJournal({ directory, mustReach, ...size });
  } catch (error) {
    if (!(error instanceof JournalError) || error.mustReach === undefined) throw error;
    const witness =
      checkpoint >= snapshot ? `the history in ${path}` : join(directory, snapshotName(snapshot));
    const hint = `${witness} has seen it; move that away if the journal is another's`;
    throw new JournalError("data_loss", `${error.message}; ${hint}`, { mustReach, cause: error });
  }
}

/** The history of a file journal lies beside its segments; that of one in memory in memory. */
export async function startHistory(
  place: JournalPlace,
  retention: Partial<Retention>,
  journal: Journal,
  engine: Engine,
  log: Log,
): Promise<History> {
  const nextStage = await engine.read((state) => state.stages.count);
  return openHistory({
    journal,
    nextStage,
    onNews: (news) => {
      tellOfHistory(news, log);
    },
    retention,
    ...(place.kind === "memory" ? {} : { file: historyOf(place.directory) }),
  });
}

function historyOf(directory: string): { readonly path: string; readonly directory: string } {
  return { path: join(directory, "history.db"), directory };
}

function tellOfHistory(news: HistoryNews, log: Log): void {
  switch (news.kind) {
    case "set_aside": {
      const { path, reason } = news;
      log.error({ path, reason }, "the history was no good and was moved aside; it is built anew");
      return;
    }
    case "lost":
      log.error(
        { firstIndex: news.below },
        "DATA_LOSS of the history alone: the journal no longer has its first entries, so that jobs that were " +
          "submitted before cannot be read once they leave the master's memory",
      );
      return;
    case "trouble":
      log.warn({ err: news.error }, "the history cannot be written just now; it is tried again");
      return;
    case "recovered":
      log.info({}, "the history can be written again");
      return;
    case "failed":
      log.error(
        { err: news.error },
        "the history has ended: jobs stay in memory, and those that left it cannot be read until a restart",
      );
  }
}
