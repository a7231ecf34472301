import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileJournal } from "../../../src/journal/file/file-journal.js";
import { nodeStorage } from "../../../src/journal/file/node-storage.js";
import { SnapshotFiles } from "../../../src/journal/file/snapshot-files.js";
import { snapshotName } from "../../../src/journal/file/snapshot-format.js";
import type { StoredEntry } from "../../../src/journal/journal.js";
import { buildSnapshot } from "../../../src/snapshots/build.js";
import { goldenFolder } from "./folder.js";
import { journalName } from "./golden-journal.js";
import { noteOfSnapshot, snapshotFolder } from "./golden-snapshot.js";

/**
 * Makes the golden snapshot of this release from the golden journal, by hand:
 *
 *     npx tsc -b server && node server/dist/test/journal/golden/make-snapshot.js
 *
 * It is of a moment in the middle, when there is much to say. A snapshot that a release has shipped is never made
 * anew.
 */
const share = 0.7;

async function make(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-golden-"));
  cpSync(join(goldenFolder, journalName), directory, { recursive: true });
  const journal = await openFileJournal({ directory, writer: { kind: "inline" } });
  const through = Math.floor(journal.lastIndex * share);
  const all: StoredEntry[] = [];
  for await (const entry of journal.read(1)) all.push(entry);
  const store = new SnapshotFiles(nodeStorage(), directory, journal.id);
  await buildSnapshot({ store, through, entries: (from) => all.slice(from - 1, through) });
  await journal.close();
  rmSync(snapshotFolder, { recursive: true, force: true });
  mkdirSync(snapshotFolder);
  cpSync(join(directory, snapshotName(through)), join(snapshotFolder, snapshotName(through)));
  rmSync(directory, { recursive: true });
  const { note } = await noteOfSnapshot();
  writeFileSync(`${snapshotFolder}.json`, `${JSON.stringify(note, undefined, 2)}\n`);
  process.stdout.write(`${JSON.stringify(note)}\n`);
}

await make();
