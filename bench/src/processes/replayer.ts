import {
  decodeEntry,
  newState,
  openFileJournal,
  PayloadStore,
  queries,
  replay,
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
