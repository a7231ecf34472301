import { Worker } from "node:worker_threads";
import { fromPlain, type PlainError } from "../journal/file/thread-protocol.js";
import type { SnapshotInfo } from "../journal/snapshot-store.js";
import { RecordIndex } from "./payload-records.js";

/** Given to the thread when it starts. */
export interface BuilderData {
  /** The journal's folder, where the snapshot goes too. */
  readonly directory: string;
  readonly journalId: string;
  /** The last entry that the snapshot is to hold: of a closed segment. */
  readonly through: number;
}

export type BuilderReply =
  | {
      readonly kind: "built";
      readonly info: SnapshotInfo;
      readonly previousIndex: number;
      readonly records: Float64Array<ArrayBuffer>;
    }
  | { readonly kind: "failed"; readonly error: PlainError };

/** A snapshot that was built, read back, loaded and found right. */
export interface Finished {
  readonly info: SnapshotInfo;
  /** The one before it, which it was built on; 0: there was none. */
  readonly previousIndex: number;
  readonly records: RecordIndex;
}

/** A snapshot in the making. */
export interface Building {
  readonly finished: Promise<Finished>;
  /** Gives it up, if it is not finished: what is left of it is removed by whoever comes next. */
  stop(): Promise<void>;
}

/** Starts a thread that builds one snapshot. */
export function startBuilder(data: BuilderData): Building {
  const url = new URL("./builder-thread.js", import.meta.url);
  // The process's own options are not the thread's business.
  const worker = new Worker(url, { workerData: data, execArgv: [], name: "snapshot" });
  const exited = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      resolve();
    });
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    worker.once("message", (reply: BuilderReply) => {
      if (reply.kind === "failed") return reject(fromPlain(reply.error));
      const { info, previousIndex } = reply;
      resolve({ info, previousIndex, records: RecordIndex.from(reply.records) });
    });
    // Only at its exit has all come that it said: that goes before the end of it.
    let cause: unknown = new Error("the thread that built a snapshot has ended");
    worker.once("error", (error) => (cause = error));
    worker.once("exit", () => {
      reject(cause instanceof Error ? cause : new Error(String(cause)));
    });
  });
  return {
    finished,
    stop: async () => {
      await worker.terminate();
      await exited;
    },
  };
}
