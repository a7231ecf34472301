import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkInvariants } from "../../../src/core/index.js";
import { samples } from "../entry/samples.js";
import { goldenFolder } from "./folder.js";
import type { GoldenNote } from "./golden-journal.js";
import { earlierNames, journalName, readGolden } from "./golden-journal.js";

/**
 * A whole journal as a release wrote it, segments and all. It is never changed; make-journal.ts says how another
 * comes beside it.
 */
describe("the golden journal", () => {
  for (const name of [journalName, ...earlierNames]) {
    it(`replays to the state that it led to when it was written: ${name}`, async () => {
      const { state, note } = await readGolden(name);
      checkInvariants(state);
      const noted = JSON.parse(
        readFileSync(join(goldenFolder, `${name}.json`), "utf8"),
      ) as GoldenNote;
      assert.deepEqual(note, noted);
      assert(note.entries > 100 && note.blobs > 50 && note.leases > 0);
    });
  }

  it("holds every event at its current version", async () => {
    const { note } = await readGolden();
    // The compiler sees to it that there are samples of every event of the core.
    const current = Object.values(samples).map((list) => list[list.length - 1]);
    const missing = current
      .map((event) => `${event?.type} v${event?.version}`)
      .filter((name) => note.events[name] === undefined);
    assert.deepEqual(missing, []);
  });
});
