import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journalName, readGolden } from "./golden-journal.js";
import { goldenFolder } from "./folder.js";
import { record, write } from "./record.js";

/**
 * Makes the golden journal of this release, by hand:
 *
 *     npx tsc -b server && node server/dist/test/journal/golden/make-journal.js [SEED STEPS | --digest]
 *
 * With a seed, random clients and workers drive the core, and what they did is written by the file driver. With
 * `--digest` the journal stays as it is and only what it leads to is noted anew: for a digest that says more than
 * it did. A journal that a release has shipped is never made anew.
 */
const [seed = "14", steps = "4000"] = process.argv.slice(2);

async function make(): Promise<void> {
  const golden = join(goldenFolder, journalName);
  if (seed !== "--digest") {
    const directory = mkdtempSync(join(tmpdir(), "capstan-golden-"));
    await write(record(Number(seed), Number(steps)), { directory });
    rmSync(golden, { recursive: true, force: true });
    mkdirSync(golden);
    for (const name of readdirSync(directory)) {
      if (name.endsWith(".segment")) cpSync(join(directory, name), join(golden, name));
    }
    rmSync(directory, { recursive: true });
  }
  const { note } = await readGolden();
  writeFileSync(`${golden}.json`, `${JSON.stringify(note, undefined, 2)}\n`);
  process.stdout.write(`${JSON.stringify(note)}\n`);
}

await make();
