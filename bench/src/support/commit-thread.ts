import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

/** The thread of `CommitFloor`: appends what it is given, makes it durable, and says so. */
const file = openSync(workerData as string, "w");

parentPort?.on("message", (entry: Uint8Array | null) => {
  if (entry === null) {
    closeSync(file);
    parentPort?.close();
    return;
  }
  writeSync(file, entry);
  fdatasyncSync(file);
  parentPort?.postMessage(null);
});
