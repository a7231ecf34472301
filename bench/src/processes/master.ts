import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Master, startMaster } from "@capstan/server";
import { serve } from "../support/remote.js";

/** How long the event loop stood still, milliseconds. */
export interface LoopDelay {
  readonly max: number;
  readonly p99: number;
  readonly mean: number;
}

/** What can be asked of the process, which must run with `--expose-gc`. */
export type MasterCalls = {
  /** Starts a master on a free port. @returns where it listens */
  start: (options: {
    readonly directory: string;
    readonly payloadBudgetBytes: number;
  }) => Promise<string>;
  /** Bytes of the process that are resident, once nothing is left to collect. */
  residentBytes: (argument: null) => Promise<number>;
  /** Begins to watch the event loop. */
  watchLoop: (argument: null) => void;
  loopDelay: (argument: null) => LoopDelay;
  close: (argument: null) => Promise<void>;
};

const resolutionMs = 1;
let master: Master | undefined;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });

/** Twice, with a pause: what the first run lets go of is given back to the system by the second. */
async function collect(): Promise<void> {
  if (global.gc === undefined) throw new Error("this process runs without --expose-gc");
  for (let i = 0; i < 3; i++) {
    global.gc();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

serve({
  start: async ({ directory, payloadBudgetBytes }) => {
    master = await startMaster({
      address: "127.0.0.1:0",
      journal: { kind: "file", directory },
      payloadBudgetBytes,
    });
    return master.address;
  },

  residentBytes: async () => {
    await collect();
    return process.memoryUsage.rss();
  },

  watchLoop: () => {
    delay.reset();
    delay.enable();
  },

  loopDelay: () => {
    delay.disable();
    // The histogram counts from one timer to the next: what is due is no delay.
    const over = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
    return { max: over(delay.max), p99: over(delay.percentile(99)), mean: over(delay.mean) };
  },

  close: async () => {
    await master?.close();
  },
} satisfies MasterCalls);
