import { inspect } from "node:util";
import { type Master, startMaster } from "@capstan/server";
import { type LoopDelay, LoopWatch } from "../support/loop-delay.js";
import { serve } from "../support/remote.js";

/** What can be asked of the process, which must run with `--expose-gc`. */
export type MasterCalls = {
  /** Starts a master on a free port. @returns where it listens */
  start: (options: {
    readonly directory: string;
    readonly payloadBudgetBytes: number;
    readonly segmentBytes?: number;
    readonly snapshotSegments?: number;
  }) => Promise<string>;
  /** Bytes of the process that are resident, once nothing is left to collect. */
  residentBytes: (argument: null) => Promise<number>;
  /** How many snapshots it has made. */
  snapshots: (argument: null) => number;
  /** Begins to watch the event loop. */
  watchLoop: (argument: null) => void;
  loopDelay: (argument: null) => LoopDelay;
  close: (argument: null) => Promise<void>;
};

let master: Master | undefined;
let snapshots = 0;
const loop = new LoopWatch();

/** More than once, with pauses: what one run lets go of is given back to the system by the next. */
async function collect(): Promise<void> {
  if (global.gc === undefined) throw new Error("this process runs without --expose-gc");
  for (let i = 0; i < 3; i++) {
    global.gc();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function complain(details: unknown, message: string): void {
  process.stderr.write(`${message}: ${inspect(details)}\n`);
}

serve({
  start: async ({ directory, payloadBudgetBytes, segmentBytes, snapshotSegments }) => {
    const size = segmentBytes === undefined ? {} : { segmentBytes };
    master = await startMaster({
      address: "127.0.0.1:0",
      journal: { kind: "file", directory, ...size },
      payloadBudgetBytes,
      ...(snapshotSegments === undefined ? {} : { snapshotSegments }),
      log: {
        debug: () => undefined,
        info: (_, message) => {
          if (message === "made a snapshot") snapshots += 1;
        },
        warn: complain,
        error: complain,
      },
    });
    return master.address;
  },

  residentBytes: async () => {
    await collect();
    return process.memoryUsage.rss();
  },

  snapshots: () => snapshots,

  watchLoop: () => {
    loop.begin();
  },

  loopDelay: () => loop.end(),

  close: async () => {
    await master?.close();
  },
} satisfies MasterCalls);
