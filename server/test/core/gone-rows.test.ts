import assert from "node:assert/strict";
import { defaultSettings, dueCommands, newState } from "../../src/core/index.js";
import { Scenario } from "./support/scenario.js";

/** Rows of one chunk of a column. */
const chunkRows = 1 << 14;

describe("jobs of which nothing is left", () => {
  it("are not called off, though the time of their upload comes only after all their neighbours have gone", () => {
    const story = new Scenario();
    const { spec } = story.job(story.submit({ stages: [{ tasks: 1 }] }));
    const state = newState();
    for (let no = 0; no < chunkRows; no++) {
      state.jobs.add({
        id: `job_${no}`,
        spec,
        idempotencyKey: "",
        fingerprint: "",
        submittedAt: 0,
        submittedWall: 0,
        firstStage: no,
        stageCount: 1,
        state: "running",
        uploadLapsesAt: 1_000,
      });
    }
    for (let no = 0; no < chunkRows; no++) {
      state.jobs.retire(no);
      state.jobs.forget(no);
    }
    state.uploads.push(1_000, 0);
    const context = { now: 2_000, termNow: 2_000, wall: 0, epoch: 1, firstBlob: 1, draw: () => 0 };
    assert.deepEqual(dueCommands(state, context, defaultSettings), []);
    assert.equal(state.uploads.size, 0);
  });
});
