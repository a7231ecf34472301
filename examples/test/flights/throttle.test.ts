import assert from "node:assert/strict";
import { Throttle } from "../../src/flights/throttle.js";

/** A clock that stands still but for sleeps, which it writes down. */
function fakeClock() {
  const clock = {
    at: 1_000,
    slept: [] as number[],
    now: () => clock.at,
    sleep: (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted();
      clock.slept.push(ms);
      clock.at += ms;
      return Promise.resolve();
    },
  };
  return clock;
}

const { signal } = new AbortController();

describe("the throttled reader", () => {
  it("sleeps for as long as its bytes take at the rate", async () => {
    const clock = fakeClock();
    const throttle = new Throttle(100_000, clock);
    await throttle.passed(5_000, signal);
    await throttle.passed(2_000, signal);
    assert.deepEqual(clock.slept, [50, 20]);
  });

  it("sleeps off only what its reader has not spent itself", async () => {
    const clock = fakeClock();
    const throttle = new Throttle(100_000, clock);
    clock.at += 30;
    await throttle.passed(5_000, signal);
    assert.deepEqual(clock.slept, [20]);
  });

  it("does not sleep when its reader is slower than the rate", async () => {
    const clock = fakeClock();
    const throttle = new Throttle(100_000, clock);
    clock.at += 500;
    await throttle.passed(5_000, signal);
    assert.deepEqual(clock.slept, []);
  });

  it("ends its sleep when the task is cancelled", async () => {
    const controller = new AbortController();
    const throttle = new Throttle(1);
    const passed = throttle.passed(60_000, controller.signal);
    controller.abort(new Error("cancelled"));
    await assert.rejects(passed, { name: "AbortError" });
  });
});
