import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digest, newState } from "../../../src/core/index.js";
import type { State } from "../../../src/core/index.js";
import { replay } from "../../../src/engine/replay.js";
import { decodeEntry } from "../../../src/journal/entry/index.js";
import { openFileJournal } from "../../../src/journal/file/file-journal.js";
import { PayloadStore } from "../../../src/payloads/payload-store.js";
import { goldenFolder } from "./folder.js";

/** The whole journal that lies here, as the file driver wrote it. */
export const journalName = "journal-v1";

/**
 * Those that were written before: they replay for ever too. `before-leaving` names jobs of more than 4,096 tasks among
 * those that leave whole, with the steps in which they went.
 */
export const earlierNames: readonly string[] = ["journal-v1-before-leaving"];

/** What a golden journal holds and leads to. */
export interface GoldenNote {
  readonly entries: number;
  readonly blobs: number;
  /** How many of each event, by type and version. */
  readonly events: Readonly<Record<string, number>>;
  readonly jobs: number;
  readonly tasks: number;
  readonly leases: number;
  readonly workers: number;
  /** SHA-256 of the digest of the state, as JSON. */
  readonly digest: string;
}

/** Replays the golden journal, in a copy: whoever opens a journal may write to it. */
export async function readGolden(
  name = journalName,
): Promise<{ readonly state: State; readonly note: GoldenNote }> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-golden-"));
  try {
    cpSync(join(goldenFolder, name), directory, { recursive: true });
    const journal = await openFileJournal({ directory, writer: { kind: "inline" } });
    const state = newState();
    const payloads = new PayloadStore({
      budgetBytes: 0,
      readBytes: (index, offset, length) => journal.readBytes(index, offset, length),
    });
    const { entries } = await replay(journal, journal.firstIndex, state, payloads);
    const events = new Map<string, number>();
    for await (const { body } of journal.read(journal.firstIndex)) {
      if (body.byteLength === 0) continue;
      for (const { type, version } of decodeEntry(body).events) {
        const name = `${type} v${String(version)}`;
        events.set(name, (events.get(name) ?? 0) + 1);
      }
    }
    await journal.close();
    return {
      state,
      note: {
        entries,
        blobs: payloads.stats().blobs,
        events: Object.fromEntries([...events].sort()),
        jobs: state.jobs.count,
        tasks: state.tasks.count,
        leases: state.leases.size,
        workers: state.workers.length,
        digest: createHash("sha256")
          .update(JSON.stringify(digest(state)))
          .digest("hex"),
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
