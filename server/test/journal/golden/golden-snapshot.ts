import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newState, type State } from "../../../src/core/index.js";
import { replay } from "../../../src/engine/replay.js";
import { openFileJournal } from "../../../src/journal/file/file-journal.js";
import { nodeStorage } from "../../../src/journal/file/node-storage.js";
import { SnapshotFiles } from "../../../src/journal/file/snapshot-files.js";
import { PayloadStore } from "../../../src/payloads/payload-store.js";
import { startFromSnapshots } from "../../../src/snapshots/start.js";
import { stateDigest } from "../../../src/snapshots/state-digest.js";
import { goldenFolder } from "./folder.js";
import { journalName } from "./golden-journal.js";

/** Where the golden snapshot lies; what it leads to is noted beside it. */
export const snapshotFolder = join(goldenFolder, "snapshot-v1");

/** What a golden snapshot holds. */
export interface SnapshotNote {
  /** The last entry whose effect it holds. */
  readonly index: number;
  readonly jobs: number;
  readonly tasks: number;
  readonly leases: number;
  readonly workers: number;
  readonly blobs: number;
  /** Of the state that it leads to. */
  readonly digest: string;
}

/**
 * Loads the golden snapshot beside a copy of the golden journal.
 *
 * @returns what it holds, and the state that it leads to with the entries after it
 */
export async function noteOfSnapshot(): Promise<{
  readonly note: SnapshotNote;
  readonly state: State;
}> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-golden-"));
  try {
    cpSync(join(goldenFolder, journalName), directory, { recursive: true });
    cpSync(snapshotFolder, directory, { recursive: true });
    const journal = await openFileJournal({ directory, writer: { kind: "inline" } });
    const store = new SnapshotFiles(nodeStorage(), directory, journal.id);
    const { load, source, newestIndex } = await startFromSnapshots(store, journal);
    const { readBytes } = source;
    const payloads = new PayloadStore({ budgetBytes: 0, readBytes });
    const state = newState();
    const base = await load({ state, payloads });
    const note = {
      index: newestIndex,
      jobs: state.jobs.size,
      tasks: state.tasks.count,
      leases: state.leases.size,
      workers: state.workers.length,
      blobs: payloads.stats().blobs,
      digest: stateDigest(state),
    };
    await replay(journal, newestIndex + 1, state, payloads, base);
    source.close();
    await journal.close();
    return { note, state };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
