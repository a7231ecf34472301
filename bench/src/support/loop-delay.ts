import { monitorEventLoopDelay } from "node:perf_hooks";
import { round } from "./statistics.js";

/** How long an event loop stood still, milliseconds. */
export interface LoopDelay {
  readonly max: number;
  readonly p99: number;
  readonly mean: number;
}

const resolutionMs = 1;

/** Watches the event loop of its process. */
export class LoopWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });

  begin(): void {
    this.#histogram.reset();
    this.#histogram.enable();
  }

  end(): LoopDelay {
    const histogram = this.#histogram;
    histogram.disable();
    // It counts from one timer to the next: what is due is no delay.
    const over = (nanoseconds: number) => round(Math.max(0, nanoseconds / 1e6 - resolutionMs), 2);
    return {
      max: over(histogram.max),
      p99: over(histogram.percentile(99)),
      mean: over(histogram.mean),
    };
  }
}
