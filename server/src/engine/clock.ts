/** Time, as the engine takes it: a seam with a real and a simulated twin. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; its zero means nothing. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch, as the machine believes; may jump. */
  wallMs(): number;
  /** Calls back once, so many milliseconds later at the earliest. @returns how to call it off */
  setTimer(delayMs: number, callback: () => void): () => void;
  /** Calls back in the next turn of the event loop, after the input of this one. */
  soon(callback: () => void): void;
}

/** The machine's own clocks. Timers do not keep the process alive. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    // Node fires at once what is set beyond 2^31 ms; the caller asks again when it comes early.
    const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
  soon: (callback) => {
    setImmediate(callback);
  },
};
