import { parentPort } from "node:worker_threads";
import { run } from "./runner.js";
import type { SeedOrder } from "./pool.js";

/** A thread of the pool: runs the seeds that it is given, one after the other. */
const port = parentPort;
if (port === null) throw new Error("this is a thread of the simulator");

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
