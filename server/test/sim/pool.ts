import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { FaultClass } from "./faults/classes.js";
import type { RunReport } from "./runner.js";

/** One seed to run. */
export interface SeedOrder {
  readonly seed: number;
  readonly steps?: number;
  readonly faults?: readonly FaultClass[];
}

/**
 * Runs seeds on all cores, a thread on each.
 *
 * @param onReport is told of each as it ends, in no order
 */
export async function runSeeds(
  orders: readonly SeedOrder[],
  onReport: (report: RunReport) => void,
): Promise<void> {
  const left = [...orders];
  const threads = Math.min(availableParallelism(), orders.length);
  await Promise.all(Array.from({ length: threads }, () => runThread(left, onReport)));
}

function runThread(left: SeedOrder[], onReport: (report: RunReport) => void): Promise<void> {
  // Nearly all that a run makes is gone at once: with room for it, little has to be looked at twice.
  const resourceLimits = { maxYoungGenerationSizeMb: 64 };
  const thread = new Worker(new URL("./seed-thread.js", import.meta.url), { resourceLimits });
  return new Promise((resolve, reject) => {
    const next = () => {
      const order = left.shift();
      if (order !== undefined) thread.postMessage(order);
      else void thread.terminate().then(() => resolve());
    };
    thread.on("message", (report: RunReport) => {
      onReport(report);
      next();
    });
    thread.on("error", reject);
    next();
  });
}
