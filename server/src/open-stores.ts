import type { Engine } from "./engine/engine-port.js";
import type { History, Retention } from "./history/history.js";
import type { HistoryNews } from "./history/open-history.js";
import { openHistory } from "./history/open-history.js";
import { openFileJournal } from "./journal/file/file-journal.js";
import type { Journal } from "./journal/journal.js";
import { MemoryDisk, openMemoryJournal } from "./journal/memory/memory-journal.js";
import type { Log } from "./rpc/log.js";
import { historyPath, testified, witnessIn } from "./witness.js";

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

function openFile({
  directory,
  segmentBytes,
}: JournalPlace & { readonly kind: "file" }): Promise<Journal> {
  const witness = witnessIn(directory);
  const { mustReach } = witness;
  const size = segmentBytes === undefined ? {} : { segmentBytes };
  return testified(witness, () => openFileJournal({ directory, mustReach, ...size }));
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
    ...(place.kind === "memory" ? {} : { file: fileIn(place.directory) }),
  });
}

function fileIn(directory: string): { readonly path: string; readonly directory: string } {
  return { path: historyPath(directory), directory };
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
