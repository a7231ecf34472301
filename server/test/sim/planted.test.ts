import assert from "node:assert/strict";
import { type plants as all, plants } from "./planted/plants.js";
import { run } from "./runner.js";
import { shrink } from "./shrink.js";

/** Enough for each to show: most do within the first minutes of the first seed. */
const seedsMax = 12;

/** What is said of each; somebody who makes such a bug reads no more than this. */
const sentences: Readonly<Record<keyof typeof all, RegExp>> = {
  applierLineDropped: /is attempt 1 after 1 charged failures/,
  attemptCountedOnLoss: /is attempt 2 after 0 charged failures/,
  leaseFreedTwice: /over-commits (worker|liar)-\d/,
  fenceSkipped: /task_succeeded of delivery \d+ of .* which holds it, never said so/,
  settledTwice: /is told stale of delivery .* which ended by task_succeeded/,
  jobNotListed: /job .*, which is durable, is not listed/,
  taskNotListed: /tasks of .* are left out of a list|\d+ tasks of .* are durable, and \d+ listed/,
  keyForgotten: /made two jobs while it is kept/,
  attemptsWithoutEnd: /is tried again after/,
  expiryInStall: /(ran out|was given up) after \d+ ms of a term of/,
  replyBeforeDurable: /before its entry was durable|is not durable/,
  refusalReleasedEarly: /is to go on at \d+, and \d+ tasks are durable|no other job has that key/,
  outputsMixedUp: /is given out with the payload|has the output/,
};

describe("a bug that is planted into the simulated master", () => {
  for (const [name, plant] of Object.entries(plants)) {
    const sentence = sentences[name as keyof typeof plants];
    it(`is found and named: ${name}`, async () => {
      for (let seed = 1; seed <= seedsMax; seed++) {
        const { violation } = await run({ seed, plant });
        if (violation === undefined) continue;
        assert.match(violation, sentence);
        return;
      }
      assert.fail(`nobody noticed in ${seedsMax} seeds`);
    }).timeout(300_000);
  }

  it("is found again in fewer steps, or with fewer kinds of faults, never in more", async () => {
    const plant = plants.leaseFreedTwice;
    const fewer = { steps: 0, faults: 0 };
    for (let seed = 1; seed <= 4; seed++) {
      const whole = await run({ seed, plant });
      const shrunk = await shrink({ seed, plant });
      assert(shrunk !== undefined, `seed ${seed} did not fail again`);
      assert.match(shrunk.report.violation ?? "", sentences.leaseFreedTwice);
      const struck = Object.keys(whole.faults);
      const { steps = whole.steps, faults = struck } = shrunk.options;
      assert(steps <= whole.steps && faults.every((fault) => whole.faults[fault] !== undefined));
      if (steps < whole.steps) fewer.steps += 1;
      if (faults.length < struck.length) fewer.faults += 1;
    }
    assert(fewer.steps > 0 && fewer.faults > 0, JSON.stringify(fewer));
  }).timeout(300_000);
});
