import { constants, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { run } from "./runner.js";
import type { SeedOrder } from "./pool.js";

/** A thread of the pool: runs the seeds that it is given, one after the other. */
const port = parentPort;
if (port === null) throw new Error("this is a thread of the simulator");
// It waits for nothing, and nobody waits for it: whoever else works on the machine goes first.
setPriority(constants.priority.PRIORITY_LOW);

port.on("message", (order: SeedOrder) => {
  run(order).then(
    (report) => {
      port.postMessage(report);
    },
    (error: unknown) => {
      throw error;
    },
  );
});
