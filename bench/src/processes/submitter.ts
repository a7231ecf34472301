import { Client, type JobDefinition } from "@capstan/sdk";
import { monotonicMs } from "../support/monotonic.js";
import { serve } from "../support/remote.js";
import { noopTask, noopTasks, taskType } from "../support/tasks.js";

/** When a submit began and when all of it was acknowledged, on the machine's monotonic clock. */
export interface SubmitTimes {
  readonly startedAt: number;
  readonly acceptedAt: number;
  /** How many tasks or jobs the master took. Anything refused is thrown instead. */
  readonly accepted: number;
}

/** What can be asked of the process. */
export type SubmitterCalls = {
  connect: (address: string) => void;
  /** Submits one job of many tasks. */
  submitTasks: (plan: {
    readonly count: number;
  }) => Promise<SubmitTimes & { readonly jobId: string }>;
  /** Submits one job of many tasks that no worker takes. */
  submitHeld: (plan: { readonly count: number }) => Promise<void>;
  /** Submits many jobs of one task each. */
  submitJobs: (plan: { readonly name: string; readonly count: number }) => Promise<SubmitTimes>;
  /** The same, each by a call of its own, all made at once: the SDK makes bulk calls of them. */
  submitSingly: (plan: { readonly name: string; readonly count: number }) => Promise<SubmitTimes>;
  /** How many tasks of a job have succeeded at the first attempt, as the master says; throws unless it succeeded. */
  succeededTasks: (jobId: string) => Promise<number>;
  /** How many tasks of a job wait to be placed, as the master says. */
  pendingTasks: (jobId: string) => Promise<number>;
  /** Asks GetMaster every few milliseconds, one call at a time. */
  beginPings: (argument: null) => void;
  /** @returns milliseconds of each call */
  endPings: (argument: null) => Promise<number[]>;
  /** @returns when history was seen to have all that is durable now, on the machine's monotonic clock */
  historyCaughtUp: (argument: null) => Promise<number>;
  /** How many jobs of a name have succeeded, as the master says. */
  succeededJobs: (name: string) => Promise<number>;
  /** One task at a time, each submitted when the result of the last was seen. @returns milliseconds of each */
  roundTrips: (plan: { readonly warmUp: number; readonly count: number }) => Promise<number[]>;
};

let connected: Client | undefined;

function client(): Client {
  if (connected === undefined) throw new Error("not connected");
  return connected;
}

function oneTaskJob(name: string, index: number): JobDefinition {
  return { name, stages: [{ taskType, tasks: [noopTask(index)] }] };
}

function* oneTaskJobs(name: string, count: number): Generator<JobDefinition> {
  for (let index = 0; index < count; index++) yield oneTaskJob(name, index);
}

async function submitJobs(name: string, count: number): Promise<SubmitTimes> {
  const startedAt = monotonicMs();
  const outcomes = await client().submitMany(oneTaskJobs(name, count));
  const acceptedAt = monotonicMs();
  for (const outcome of outcomes) if (!outcome.ok) throw outcome.error;
  return { startedAt, acceptedAt, accepted: outcomes.length };
}

async function submitSingly(name: string, count: number): Promise<SubmitTimes> {
  const startedAt = monotonicMs();
  const calls = Array.from({ length: count }, (_, index) =>
    client().submit(oneTaskJob(name, index)),
  );
  const handles = await Promise.all(calls);
  const ids = new Set(handles.map(({ jobId }) => jobId));
  return { startedAt, acceptedAt: monotonicMs(), accepted: ids.size };
}

async function succeededJobs(name: string): Promise<number> {
  let count = 0;
  let pageToken: string | undefined;
  do {
    const page = await client().listJobs({
      name,
      states: ["succeeded"],
      pageSize: 1_000,
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    for (const { counts } of page.items) {
      if (counts.succeeded === 1 && counts.total === 1 && counts.retries === 0) count += 1;
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return count;
}

const caughtUpPauseMs = 5;

async function historyCaughtUp(): Promise<number> {
  let through: number | undefined;
  for (;;) {
    const { journal } = await client().getMaster();
    const { durableIndex, historyIndex } = journal as Record<string, unknown>;
    if (historyIndex === undefined) throw new Error("the master has no history");
    through ??= Number(durableIndex);
    if (Number(historyIndex) >= through) return monotonicMs();
    await new Promise((resolve) => setTimeout(resolve, caughtUpPauseMs));
  }
}

const pingPauseMs = 2;
let isPinging = false;
let pings: Promise<number[]> = Promise.resolve([]);

async function ping(): Promise<number[]> {
  const tookMs: number[] = [];
  while (isPinging) {
    const sentAt = monotonicMs();
    await client().getMaster();
    tookMs.push(monotonicMs() - sentAt);
    // One who looks on now and then, and no load of its own.
    await new Promise((resolve) => setTimeout(resolve, pingPauseMs));
  }
  return tookMs;
}

serve({
  connect: (address: string) => {
    connected = new Client({ address });
  },

  submitTasks: async ({ count }: { count: number }) => {
    const startedAt = monotonicMs();
    const job = await client().submit({
      name: "throughput",
      stages: [{ taskType, tasks: noopTasks(count) }],
    });
    const acceptedAt = monotonicMs();
    return { startedAt, acceptedAt, accepted: count, jobId: job.jobId };
  },

  submitHeld: async ({ count }: { count: number }) => {
    const stages = [{ taskType: "held", tasks: noopTasks(count) }];
    await client().submit({ name: "held", stages });
  },

  submitJobs: ({ name, count }: { name: string; count: number }) => submitJobs(name, count),

  submitSingly: ({ name, count }: { name: string; count: number }) => submitSingly(name, count),

  succeededTasks: async (jobId: string) => {
    const { state, counts } = await client().getJob(jobId);
    if (state !== "succeeded" || counts.retries > 0) {
      throw new Error(`the job is ${state} after ${String(counts.retries)} retries`);
    }
    return counts.succeeded;
  },

  pendingTasks: async (jobId: string) => (await client().getJob(jobId)).counts.pending,

  beginPings: () => {
    isPinging = true;
    pings = ping();
  },

  endPings: () => {
    isPinging = false;
    return pings;
  },

  historyCaughtUp: () => historyCaughtUp(),

  succeededJobs: (name: string) => succeededJobs(name),

  roundTrips: async ({ warmUp, count }: { warmUp: number; count: number }) => {
    const tookMs: number[] = [];
    for (let index = 0; index < warmUp + count; index++) {
      const sentAt = monotonicMs();
      const handle = await client().submit(oneTaskJob("latency", index));
      const { job } = await handle.result();
      const took = monotonicMs() - sentAt;
      if (job.counts.succeeded !== 1) throw new Error("a job ended without its task");
      if (index >= warmUp) tookMs.push(took);
    }
    return tookMs;
  },
} satisfies SubmitterCalls);
