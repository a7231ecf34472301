import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { checkInvariants, digest } from "../../../src/core/index.js";
import { readGolden } from "./golden-journal.js";
import { noteOfSnapshot, snapshotFolder, type SnapshotNote } from "./golden-snapshot.js";

/**
 * A snapshot as a release wrote it. It is never changed; make-snapshot.ts says how another comes beside it.
 */
describe("the golden snapshot", () => {
  it("loads to the state that it was made of, and leads on to that of the whole golden journal", async () => {
    const { note, state } = await noteOfSnapshot();
    const noted = JSON.parse(readFileSync(`${snapshotFolder}.json`, "utf8")) as SnapshotNote;
    assert.deepEqual(note, noted);
    assert(note.jobs > 5 && note.leases > 0 && note.blobs > 20);
    checkInvariants(state);
    const whole = await readGolden();
    assert.equal(JSON.stringify(digest(state)), JSON.stringify(digest(whole.state)));
  });
});
