import { replay } from "./engine/replay.js";
import { type JournalSurvey, surveyFileJournal } from "./journal/file/survey.js";
import { nodeStorage } from "./journal/file/node-storage.js";
import type { Storage } from "./journal/file/storage.js";
import { JournalError, messageOf } from "./journal/journal-error.js";
import type { ReadJournal } from "./journal/journal.js";
import type { SnapshotStore } from "./journal/snapshot-store.js";
import { saying } from "./open-snapshots.js";
import { emptyTarget } from "./snapshots/build.js";
import { startFromSnapshots } from "./snapshots/start.js";
import { testified, witnessIn } from "./witness.js";

/**
 * Reads and verifies every byte of a journal and of its snapshots, holds them against each other and against what
 * the history has seen, loads the newest snapshot and replays what follows it, as the start of a master does, and
 * changes nothing. It takes the memory of a start, and its time. For a tool: it holds up the event loop.
 *
 * @param directory the folder of the journal, whose master is stopped: its lock is taken meanwhile
 * @throws JournalError what a start would be refused with: `data_loss` with the place, `newer_format`, `locked`;
 *   `failed` if there is no journal, or if it cannot be read or replayed
 */
export async function verifyJournal(
  directory: string,
  storage: Storage = nodeStorage(),
): Promise<JournalSurvey> {
  const witness = witnessIn(directory, storage);
  const { mustReach, refusal } = witness;
  const survey = await testified(witness, () =>
    saying(() => surveyFileJournal(directory, { storage, mustReach, check: start })),
  );
  if (refusal !== undefined) throw refusal;
  return survey;
}

/** Comes to the state of a master, and lets go of it. */
async function start(snapshots: SnapshotStore, journal: ReadJournal): Promise<void> {
  const { state, payloads } = emptyTarget();
  const { load, source } = await startFromSnapshots(snapshots, journal);
  const base = await load({ state, payloads });
  source.close();
  try {
    await replay(journal, (base?.index ?? 0) + 1, state, payloads, base);
  } catch (error) {
    if (error instanceof JournalError) throw error;
    const message = `the journal cannot be replayed: ${messageOf(error)}`;
    throw new JournalError("failed", message, { cause: error });
  }
}
