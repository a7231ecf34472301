import { Worker, type WorkerOptions } from "@capstan/sdk";
import { monotonicMs } from "../support/monotonic.js";
import { serve } from "../support/remote.js";
import { taskType } from "../support/tasks.js";

/** What can be asked of the process. */
export type WorkerCalls = {
  /** Starts the worker. @returns when its session stands */
  start: (options: WorkerOptions) => Promise<void>;
  /**
   * Waits until so many tasks, since the start of the process, are settled as succeeded.
   * @returns when the last of them was, on the machine's monotonic clock
   */
  succeeded: (count: number) => Promise<number>;
  /** Settlements so far, by outcome. */
  outcomes: (argument: null) => Readonly<Record<string, number>>;
};

/** The settlements are counted by the worker anyway: looking now and then costs less than an event for each. */
const lookEveryMs = 1;
/** Nothing settled for so long: something is broken, and a bench that waits for ever says nothing. */
const patienceMs = 30_000;

let worker: Worker | undefined;

function countSucceeded(): number {
  return worker?.stats().outcomes["succeeded"] ?? 0;
}

serve({
  start: async (options: WorkerOptions) => {
    worker = new Worker({ ...options, installSignalHandlers: false, onDrain: () => undefined });
    worker.handle(taskType, () => undefined);
    const connected = worker.once("connected");
    const running = worker.run();
    await Promise.race([connected, running]);
  },

  succeeded: (count: number) =>
    new Promise<number>((resolve, reject) => {
      let last = -1;
      let changedAt = monotonicMs();
      const look = () => {
        const seen = countSucceeded();
        const at = monotonicMs();
        if (seen !== last) {
          last = seen;
          changedAt = at;
        }
        if (seen >= count) resolve(at);
        else if (at - changedAt < patienceMs) setTimeout(look, lookEveryMs);
        else reject(new Error(`stuck at ${String(seen)} of ${String(count)} settled tasks`));
      };
      look();
    }),

  outcomes: () => worker?.stats().outcomes ?? {},
} satisfies WorkerCalls);
