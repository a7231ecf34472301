import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { monotonicMs } from "./monotonic.js";

/** What an entry with one task's submit or end takes in the journal, frame and hash included, in round figures. */
const entryBytes = 320;

/**
 * The floor under a commit: an entry's bytes appended to a file and fdatasynced, on the thread that measures.
 *
 * @param folder on the disk of the journal
 * @returns milliseconds of each
 */
export function commitFloor(folder: string, warmUp: number, count: number): number[] {
  const entry = Buffer.alloc(entryBytes, 1);
  const file = openSync(join(folder, "commit-floor"), "w");
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
