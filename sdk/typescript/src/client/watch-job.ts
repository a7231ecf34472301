import { WatchMode } from "@capstan/proto/capstan/v1/master_service.js";
import type { Connection } from "../rpc/connection.js";
import { watchJob as method } from "../rpc/methods.js";
import type { JobProgress, JobState } from "../views.js";
import type { WatchOptions } from "./options.js";
import { progressOf } from "./views.js";

const endStates: readonly JobState[] = ["succeeded", "failed", "cancelled"];

/** Whether nothing more happens to a job. */
export function hasEnded(state: JobState): boolean {
  return endStates.includes(state);
}

/** Tells how a job stands until it has ended; comes back for ever while the master is away. */
export async function* watchJob(
  connection: Connection,
  job: { readonly namespace: string; readonly jobId: string },
  { signal, minIntervalMs = 0 }: WatchOptions,
): AsyncGenerator<JobProgress, void, undefined> {
  const retries = connection.retries(signal, Infinity);
  const request = {
    ...job,
    mode: WatchMode.WATCH_MODE_PROGRESS,
    cursor: Buffer.alloc(0),
    minIntervalMs,
  };
  for (;;) {
    let hasSeenEnd = false;
    try {
      for await (const { news } of connection.stream(method, request, signal)) {
        retries.reset();
        if (news?.$case !== "progress") continue;
        const progress = progressOf(news.value);
        if (progress === undefined) continue;
        yield progress;
        // The stream ends now by itself; broken off it would have to be torn down.
        if (hasEnded(progress.job.state)) hasSeenEnd = true;
      }
      if (hasSeenEnd) return;
      // A stream that ends well before its job has: as if the link had broken.
      await retries.pause();
    } catch (error) {
      if (hasSeenEnd) return;
      await retries.next(error);
    }
  }
}
