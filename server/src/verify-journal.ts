import { type JournalSurvey, surveyFileJournal } from "./journal/file/survey.js";
import { nodeStorage } from "./journal/file/node-storage.js";
import type { Storage } from "./journal/file/storage.js";
import { saying } from "./open-snapshots.js";
import { emptyTarget } from "./snapshots/build.js";
import { startFromSnapshots } from "./snapshots/start.js";
import { testified, witnessIn } from "./witness.js";

/**
 * Reads and verifies every byte of a journal and of its snapshots, holds them against each other and against what
 * the history has seen, as the start of a master does, and changes nothing. It loads the newest snapshot, and takes
 * the memory of that. For a tool: it holds up the event loop.
 *
 * @param directory the folder of the journal, whose master is stopped: its lock is taken meanwhile
 * @throws JournalError what a start would be refused with: `data_loss` with the place, `newer_format`, `locked`;
 *   `failed` if there is no journal, or if it cannot be read
 */
export async function verifyJournal(
  directory: string,
  storage: Storage = nodeStorage(),
): Promise<JournalSurvey> {
  const witness = witnessIn(directory, storage);
  const { mustReach, refusal } = witness;
  const survey = await testified(witness, () =>
    surveyFileJournal(directory, {
      storage,
      mustReach,
      check: (snapshots, journal) =>
        saying(async () => {
          const { load, source } = await startFromSnapshots(snapshots, journal);
          await load(emptyTarget());
          source.close();
        }),
    }),
  );
  if (refusal !== undefined) throw refusal;
  return survey;
}
