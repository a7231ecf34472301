/**
 * The thread in which a snapshot is built: it starts with nothing, makes one, and ends, and all the memory that
 * it took goes with it. Started by {@link startBuilder}.
 */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { nodeStorage } from "../journal/file/node-storage.js";
import { SegmentFollower } from "../journal/file/segment-follower.js";
import { SnapshotFiles } from "../journal/file/snapshot-files.js";
import { toPlain } from "../journal/file/thread-protocol.js";
import type { StoredEntry } from "../journal/journal.js";
import { buildSnapshot } from "./build.js";
import type { BuilderData, BuilderReply } from "./builder.js";

/**
 * Of 19 at most: the master and its journal go first, and on a machine that is idle it costs nothing. A good deal
 * more, and on one that is never idle a snapshot would never be finished.
 */
const niceness = 5;

const port = parentPort;
if (port === null) throw new Error("the builder of snapshots is not a program of its own");
const { directory, journalId, through } = workerData as BuilderData;
// Linux counts this for the thread alone; elsewhere it would be the whole master's.
if (process.platform === "linux") setPriority(0, niceness);

function* entries(from: number): Generator<StoredEntry> {
  const follower = new SegmentFollower(nodeStorage(), directory, journalId, from);
  try {
    for (;;) {
      const some = follower.read(through);
      if (some.length === 0) return;
      yield* some;
    }
  } finally {
    follower.close();
  }
}

try {
  const store = new SnapshotFiles(nodeStorage(), directory, journalId);
  const { info, previousIndex, records } = await buildSnapshot({ store, entries, through });
  const rows = records.data();
  const reply: BuilderReply = { kind: "built", info, previousIndex, records: rows };
  port.postMessage(reply, [rows.buffer]);
} catch (error) {
  const reply: BuilderReply = { kind: "failed", error: toPlain(error) };
  port.postMessage(reply);
}
