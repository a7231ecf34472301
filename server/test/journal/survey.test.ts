import assert from "node:assert/strict";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { surveyFileJournal } from "../../src/journal/file/survey.js";
import { appendAll, isJournalError } from "./contract.js";
import { SMALL_SEGMENT_BYTES } from "./harnesses.js";
import { SimulatedDisk } from "./simulated-disk.js";

const directory = "/journal";

describe("the survey of a journal", () => {
  /** A journal of several segments, whose master has ended. */
  async function written(truncateBelow = 0): Promise<SimulatedDisk> {
    const storage = new SimulatedDisk();
    const journal = await openFileJournal({
      directory,
      segmentBytes: SMALL_SEGMENT_BYTES,
      storage,
      writer: { kind: "inline" },
    });
    await journal.claim();
    await appendAll(
      journal,
      Array.from({ length: 40 }, (_, i) => `entry ${String(i)} ${"x".repeat(100)}`),
    );
    await journal.truncate(truncateBelow);
    await journal.close();
    return storage;
  }

  it("says of a whole journal what it holds", async () => {
    const survey = surveyFileJournal(directory, await written());
    assert.equal(survey.firstIndex, 1);
    assert.equal(survey.lastIndex, 41);
    assert(survey.segments.length > 3);
  });

  it("does not call a journal whole whose first entries are gone", async () => {
    const storage = await written(20);
    assert.throws(
      () => surveyFileJournal(directory, storage),
      isJournalError("data_loss", /entries 1 to \d+ are gone, and no snapshot covers them/),
    );
  });
});
