import assert from "node:assert/strict";
import type { Clock } from "../../src/engine/clock.js";
import { JournalClock } from "../../src/engine/journal-clock.js";

/** The master's clock with a hand on it. */
function clockAt(now: () => number): Clock {
  return { monotonicMs: now, wallMs: () => 0, setTimer: () => () => {}, soon: () => {} };
}

describe("the clock of terms", () => {
  it("stands still in a stall, and goes on with a disk that is always slow", () => {
    let at = 0;
    const time = new JournalClock(
      clockAt(() => at),
      0,
    );
    at += 10_000;
    time.addStall(10_000);
    assert(time.termNow <= 250, `${time.termNow} ms of a stall counted`);
    const before = time.termNow;
    for (let commit = 0; commit < 200; commit++) {
      at += 300;
      time.addStall(300);
    }
    const passed = time.termNow - before;
    assert(passed >= 30_000, `of a minute of slow commits ${passed} ms counted`);
  });

  it("gives a stall back once that the loop and the journal had together, and never goes below zero", () => {
    let at = 0;
    const time = new JournalClock(
      clockAt(() => at),
      0,
    );
    at += 1_000;
    time.feel();
    const before = time.termNow;
    // The process is stopped with an entry on its way: both are late by the same minute.
    const stalledBefore = time.stalledMs;
    at += 60_000;
    time.feel();
    time.addStall(60_000, stalledBefore);
    const passed = time.termNow - before;
    assert(passed >= 0 && passed < 1_000, `of a minute of standing still ${passed} ms counted`);
    assert(time.termNow >= 0);
  });
});
