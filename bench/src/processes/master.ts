import { type Master, startMaster } from "@capstan/server";
import { type LoopDelay, LoopWatch } from "../support/loop-delay.js";
import { serve } from "../support/remote.js";

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

let master: Master | undefined;
const loop = new LoopWatch();

/** More than once, with pauses: what one run lets go of is given back to the system by the next. */
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
    loop.begin();
  },

  loopDelay: () => loop.end(),

  close: async () => {
    await master?.close();
  },
} satisfies MasterCalls);
