import type { Clock } from "../../../src/engine/clock.js";
import type { History } from "../../../src/history/history.js";

/**
 * As much of a history as the core needs to let jobs go: it has everything a little after it is durable, finds no
 * job, and has the bytes of all.
 */
export function modelHistory(
  clock: Clock,
  lagMs: () => number,
  payload: (blob: number) => Uint8Array | undefined,
): History {
  const listeners = new Set<(checkpoint: number) => void>();
  let followed = 0;
  let checkpoint = 0;
  let isSyncing = false;
  const sync = () => {
    if (isSyncing || checkpoint === followed) return;
    isSyncing = true;
    clock.setTimer(lagMs(), () => {
      isSyncing = false;
      checkpoint = followed;
      for (const listener of listeners) listener(checkpoint);
    });
  };
  const nobody = () => Promise.resolve(undefined);
  return {
    get checkpoint() {
      return checkpoint;
    },
    get projected() {
      return checkpoint;
    },
    firstJob: 0,
    follow: (durableIndex) => {
      followed = durableIndex;
      sync();
    },
    onSynced: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    caughtUp: () => Promise.resolve(),
    expire: () => Promise.resolve(),
    job: nobody,
    jobs: () => Promise.resolve({ jobs: [], next: undefined }),
    tasks: () => Promise.resolve({ kind: "job_not_found" }),
    task: nobody,
    outputs: () => Promise.resolve({ kind: "job_not_found" }),
    payload: (blob) => Promise.resolve(payload(blob)),
    close: () => Promise.resolve(),
  };
}
