import assert from "node:assert/strict";
import { readFlights } from "../../src/flights/data.js";
import type { Figures } from "../../src/flights/figures.js";
import { comparison, tryNow } from "../../src/flights/report.js";

const figures: Figures = {
  workers: [],
  shares: { host: 1, rack: 0, remote: 0 },
  mapMs: 60,
  retries: 0,
  elapsedMs: 1_000,
};

describe("what the flights job prints", () => {
  it("says beside the figures of locality that a throttle stands for disks and network", () => {
    const text = comparison(figures, { ...figures, elapsedMs: 1_500 }, 200_000);
    assert.match(text, /simulated: .* one machine.* throttle/s);
    assert.match(text, /1\.5 times/);
  });

  it("compares nothing where too few flights were taken", () => {
    const text = comparison(figures, { ...figures, elapsedMs: 900 }, 2_000);
    assert.match(text, /2,000 flights are too few to compare/);
    assert.doesNotMatch(text, /times/);
  });

  it("needs no address in its commands at the usual port, and names another", () => {
    assert.doesNotMatch(tryNow("127.0.0.1:7410", "job_1"), /CAPSTAN_ADDRESS/);
    const elsewhere = tryNow("127.0.0.1:7411", "job_1");
    assert.match(elsewhere, /Port 7410 is taken/);
    assert.match(elsewhere, /^ {2}export CAPSTAN_ADDRESS=127\.0\.0\.1:7411$/m);
    assert.match(elsewhere, /grpcurl -plaintext 127\.0\.0\.1:7411 list/);
  });

  it("is about as many flights as were asked for", async () => {
    for (const rows of [1, 2_000, 150_000, 200_000]) {
      assert.equal((await readFlights(rows)).length, rows);
    }
  });
});
