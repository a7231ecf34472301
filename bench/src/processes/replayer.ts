import {
  decodeEntry,
  newState,
  nodeStorage,
  openFileJournal,
  PayloadStore,
  queries,
  replay,
  SnapshotFiles,
  startFromSnapshots,
  stateDigest,
} from "@capstan/server/inside";
import { monotonicMs } from "../support/monotonic.js";
import { serve } from "../support/remote.js";

/** What a journal holds, and how long it took to find out. */
export interface ReadTimes {
  readonly ms: number;
  readonly entries: number;
  readonly events: number;
}

export interface ReplayTimes extends ReadTimes {
  readonly tasks: number;
  readonly succeeded: number;
  readonly pending: number;
}

/** What can be asked of the process. Each is measured in one of its own: a restart is always cold. */
export type ReplayerCalls = {
  /** Reads and decodes every entry, and does nothing with it. */
  read: (directory: string) => Promise<ReadTimes>;
  /** The state as a master would start on it, from a snapshot if there is one. */
  digest: (directory: string) => Promise<{
    readonly ms: number;
    /** The entry whose snapshot was loaded; 0: there was none. */
    readonly snapshot: number;
    readonly digest: string;
    readonly pending: number;
  }>;
  /** Rebuilds the state, as the engine does when it opens. */
  replay: (directory: string) => Promise<ReplayTimes>;
};

const payloadBudgetBytes = 256 * 1_024 * 1_024;

serve({
  read: async (directory: string) => {
    const journal = await openFileJournal({ directory });
    const startedAt = monotonicMs();
    let entries = 0;
    let events = 0;
    for await (const { body } of journal.read(journal.firstIndex)) {
      if (body.byteLength === 0) continue;
      entries += 1;
      events += decodeEntry(body).events.length;
    }
    const ms = monotonicMs() - startedAt;
    await journal.close();
    return { ms, entries, events };
  },

  digest: async (directory: string) => {
    const journal = await openFileJournal({ directory });
    const startedAt = monotonicMs();
    const store = new SnapshotFiles(nodeStorage(), directory, journal.id);
    const { load, source, newestIndex } = await startFromSnapshots(store, journal);
    const { readBytes } = source;
    const payloads = new PayloadStore({ budgetBytes: payloadBudgetBytes, readBytes });
    const state = newState(1);
    const base = await load({ state, payloads });
    await replay(journal, newestIndex + 1, state, payloads, base);
    const ms = monotonicMs() - startedAt;
    await journal.close();
    const { counts } = queries.masterView(state);
    return { ms, snapshot: newestIndex, digest: stateDigest(state), pending: counts.pending };
  },

  replay: async (directory: string) => {
    const journal = await openFileJournal({ directory });
    const startedAt = monotonicMs();
    const state = newState(1);
    const payloads = new PayloadStore({
      budgetBytes: payloadBudgetBytes,
      readBytes: (index, offset, length) => journal.readBytes(index, offset, length),
    });
    const { entries, events } = await replay(journal, journal.firstIndex, state, payloads);
    const ms = monotonicMs() - startedAt;
    await journal.close();
    const jobs = queries.listJobs(
      state,
      { namespace: "default", states: [], name: "", labels: [] },
      Infinity,
      10,
    );
    const sum = (what: "succeeded" | "pending") =>
      jobs.jobs.reduce((all, { stages }) => all + (stages[0]?.counts[what] ?? 0), 0);
    const { count: tasks } = state.tasks;
    return { ms, entries, events, tasks, succeeded: sum("succeeded"), pending: sum("pending") };
  },
} satisfies ReplayerCalls);
