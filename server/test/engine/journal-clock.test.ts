import assert from "node:assert/strict";
import type { Clock } from "../../src/engine/clock.js";
import { JournalClock } from "../../src/engine/journal-clock.js";
import { Prng } from "../core/support/prng.js";

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

  for (const first of ["loop", "journal"]) {
    it(`gives a stall back once that the loop and the journal had together, when the ${first} tells of it first`, () => {
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
      if (first === "loop") time.feel();
      time.addStall(60_000, stalledBefore);
      if (first === "journal") time.feel();
      const passed = time.termNow - before;
      assert(passed >= 0 && passed < 1_000, `of a minute of standing still ${passed} ms counted`);
      assert(time.termNow >= 0);
    });
  }

  it("gives back what stood still and no more, however stalls of the loop and the journal overlap", () => {
    let overlaps = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const dice = new Prng(seed);
      let at = 0;
      const time = new JournalClock(
        clockAt(() => at),
        0,
      );
      const stalls: Stall[] = [];
      let entry: { readonly since: number; readonly stalledBefore: number } | undefined;
      for (let beat = 0; beat < 60; beat++) {
        if (dice.chance(0.3)) entry ??= { since: at, stalledBefore: time.stalledMs };
        const loopMs = dice.chance(0.2) ? 300 + dice.below(20_000) : 0;
        if (loopMs > 0) stalls.push([at + 100, at + 100 + loopMs]);
        at += 100 + loopMs;
        // Both are told when the loop goes on, in either order.
        const isLoopFirst = dice.chance(0.5);
        if (isLoopFirst) time.feel();
        if (entry !== undefined && dice.chance(0.4)) {
          if (loopMs > 0) overlaps += 1;
          stalls.push([entry.since, at]);
          time.addStall(at - entry.since, entry.stalledBefore);
          entry = undefined;
        }
        if (!isLoopFirst) time.feel();
        const stoodStill = lengthOf(stalls);
        const given = time.stalledMs;
        assert(given <= stoodStill, `seed ${seed}: ${given} ms given back of ${stoodStill}`);
        assert(time.termNow >= 0, `seed ${seed}: the clock of terms says ${time.termNow}`);
        // Each is given back but for what is ordinary, and an entry that is still on its way not yet.
        const kept = stalls.length * 350;
        assert(given >= stoodStill - kept, `seed ${seed}: ${given} ms given back of ${stoodStill}`);
      }
    }
    assert(overlaps > 500, `only ${overlaps} stalls of both`);
  });
});

type Stall = readonly [from: number, to: number];

/** How long at least one of the stalls lasted. */
function lengthOf(stalls: readonly Stall[]): number {
  let length = 0;
  let end = 0;
  for (const [from, to] of [...stalls].sort(([a], [b]) => a - b)) {
    length += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return length;
}
