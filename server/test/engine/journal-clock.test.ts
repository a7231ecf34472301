import assert from "node:assert/strict";
import type { Clock } from "../../src/engine/clock.js";
import { JournalClock } from "../../src/engine/journal-clock.js";

describe("the clock of terms", () => {
  it("stands still in a stall, and goes on with a disk that is always slow", () => {
    let at = 0;
    const clock: Clock = {
      monotonicMs: () => at,
      wallMs: () => 0,
      setTimer: () => () => {},
      soon: () => {},
    };
    const time = new JournalClock(clock, 0);
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
});
