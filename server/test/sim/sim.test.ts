import assert from "node:assert/strict";
import { commandLine } from "./failure-text.js";
import { faultClasses } from "./faults/classes.js";
import { runSeeds } from "./pool.js";
import { run } from "./runner.js";
import { Summary } from "./summary.js";

const isVerify = process.env["CAPSTAN_VERIFY"] === "1";
const seedCount = Number(process.env["CAPSTAN_SIM_SEEDS"] ?? (isVerify ? 20_000 : 500));
const firstSeed = Number(process.env["CAPSTAN_SIM_SEED"] ?? 1);

// A seed that fails says how to repeat it: npm run -s simulate -- faults --seed N
describe("the whole master, simulated", () => {
  const summary = new Summary();

  it(`keeps every promise among faults, and brings everything to its end, seeds ${firstSeed} to ${firstSeed + seedCount - 1}`, async () => {
    const orders = Array.from({ length: seedCount }, (_, i) => ({ seed: firstSeed + i }));
    await runSeeds(orders, (report) => {
      summary.add(report);
      const { seed, violation } = report;
      if (violation !== undefined) console.log(`${commandLine({ seed })}\n  ${violation}`);
    });
    console.log(summary.text());
    const failed = summary.failed.map(({ seed, violation }) => `seed ${seed}: ${violation}`);
    assert.deepEqual(failed, []);
  }).timeout(isVerify ? 80_000_000 : 3_000_000);

  it("has 10,000 accepted commands and an hour of virtual time in each", () => {
    assert(summary.fewestAccepted >= 10_000, `only ${summary.fewestAccepted} commands in one`);
    assert(summary.shortestMs >= 3_600_000, `only ${summary.shortestMs} ms in one`);
  });

  it("has seen everything that is worth seeing, and every fault", () => {
    assert.deepEqual(summary.missed, []);
    assert.deepEqual(
      faultClasses.filter((fault) => !summary.faults.has(fault)),
      [],
    );
  });

  it("writes the same journal to the byte when a seed is run again", async () => {
    const [first, second] = [await run({ seed: 7 }), await run({ seed: 7 })];
    assert.deepEqual(second, first);
    assert.notEqual((await run({ seed: 8, steps: 20 })).journalHash, first.journalHash);
  }).timeout(60_000);
});
