import { once } from "node:events";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { monotonicMs } from "./monotonic.js";

/** What an entry with one task's submit or end takes in the journal, frame and hash included, in round figures. */
const entryBytes = 320;

/**
 * The floor under a commit: an entry's bytes appended to a file and fdatasynced, in a thread of its own, as they
 * must be where an event loop has to go on meanwhile. From handing the bytes over to hearing that they are durable.
 *
 * @param folder on the disk of the journal
 * @returns milliseconds of each
 */
export async function commitFloor(
  folder: string,
  warmUp: number,
  count: number,
): Promise<number[]> {
  const url = new URL("./commit-thread.js", import.meta.url);
  const thread = new Worker(url, { workerData: join(folder, "commit-floor"), execArgv: [] });
  await once(thread, "online");
  const tookMs: number[] = [];
  for (let index = 0; index < warmUp + count; index++) {
    const startedAt = monotonicMs();
    const entry = new Uint8Array(entryBytes);
    const durable = once(thread, "message");
    thread.postMessage(entry, [entry.buffer]);
    await durable;
    if (index >= warmUp) tookMs.push(monotonicMs() - startedAt);
  }
  thread.postMessage(null);
  await once(thread, "exit");
  return tookMs;
}

/** The same on the thread that measures, which can do nothing else meanwhile: what the disk itself takes. */
export function diskFloor(folder: string, warmUp: number, count: number): number[] {
  const entry = new Uint8Array(entryBytes);
  const file = openSync(join(folder, "disk-floor"), "w");
  try {
    const tookMs: number[] = [];
    for (let index = 0; index < warmUp + count; index++) {
      const startedAt = monotonicMs();
      writeSync(file, entry);
      fdatasyncSync(file);
      if (index >= warmUp) tookMs.push(monotonicMs() - startedAt);
    }
    return tookMs;
  } finally {
    closeSync(file);
  }
}
