import type { JobSpec, LeaseToken, TaskDraft } from "@capstan/server/inside";
import {
  Blobs,
  MasterEngine,
  openFileJournal,
  systemClock,
  systemDraw,
} from "@capstan/server/inside";
import { type LoopDelay, LoopWatch } from "../support/loop-delay.js";
import { Dice } from "../support/dice.js";
import { serve } from "../support/remote.js";

/** What can be asked of the process: a master's engine over its journal, with a whole fleet beside it. */
export type CrowdCalls = {
  /** Opens the engine and registers the workers. */
  gather: (plan: { readonly directory: string; readonly workers: number }) => Promise<Phase>;
  /** Submits a job of so many tasks, in parts, with data on the workers' hosts; and fills the fleet with it. */
  upload: (plan: { readonly tasks: number }) => Promise<Phase>;
  /** So many tasks end each second, and so many jobs of one task come, while every worker pings. */
  work: (plan: WorkPlan) => Promise<Phase>;
  /** All workers are gone at once; until the last of them counts as lost. */
  scatter: (argument: null) => Promise<Phase>;
  close: (argument: null) => Promise<void>;
};

export interface WorkPlan {
  readonly seconds: number;
  readonly endsPerSecond: number;
  readonly jobsPerSecond: number;
}

/** What happened in a phase, counted by what the engine answered, and how the loop fared. */
export interface Phase {
  readonly ms: number;
  readonly accepted: number;
  /** Jobs that were accepted beside. */
  readonly jobs: number;
  /** Tasks that wait, and leases that are held, when it is over. */
  readonly waiting: number;
  readonly leases: number;
  readonly loop: LoopDelay;
  /** The longest turn of the engine, milliseconds. */
  readonly turnMs: number;
}

const partTasks = 4_096;
const payload = new Uint8Array(100);
const leaseTermMs = 2_000;
const pingMs = 600;
const hostsOfRack = 40;
/** Jobs of a bulk, and ends of a message: what comes at once. */
const bulkJobs = 250;
/** A loop that goes on in between. */
const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

interface Held {
  readonly session: number;
  readonly token: LeaseToken;
}

const dice = new Dice(1);
let engine: MasterEngine | undefined;
const workers: number[] = [];
const held: Held[] = [];
let longestTurnMs = 0;

function master(): MasterEngine {
  if (engine === undefined) throw new Error("there is no engine");
  return engine;
}

async function phase(work: () => Promise<{ accepted: number; jobs?: number }>): Promise<Phase> {
  const watch = new LoopWatch();
  longestTurnMs = 0;
  watch.begin();
  const startedAt = performance.now();
  const { accepted, jobs = 0 } = await work();
  const ms = performance.now() - startedAt;
  const loop = watch.end();
  const waiting = await master().read((state) => state.stages.totals.countIn(1));
  return { ms, accepted, jobs, waiting, leases: held.length, loop, turnMs: longestTurnMs };
}

async function open(directory: string): Promise<MasterEngine> {
  return MasterEngine.open({
    journal: await openFileJournal({ directory }),
    clock: {
      ...systemClock,
      soon: (callback) => {
        systemClock.soon(() => {
          const startedAt = performance.now();
          callback();
          longestTurnMs = Math.max(longestTurnMs, performance.now() - startedAt);
        });
      },
    },
    draw: systemDraw(),
    payloadBudgetBytes: 4 * 1_024 * 1_024,
    settings: { leaseTermMs },
    onFatal: (error) => {
      throw error;
    },
  });
}

async function register(session: number): Promise<void> {
  const listener = new Listener(session);
  master().attach(session, listener);
  const result = await master().submit<"register_worker">({
    kind: "register_worker",
    session,
    held: [],
    spec: {
      workerId: `w${String(session)}`,
      incarnation: "1",
      namespaces: ["default"],
      host: hostOf(session),
      rack: `r${String(Math.floor(session / hostsOfRack))}`,
      capacity: [{ name: "slots", milli: 1_000 * (2 + (session % 7)) }],
      labels: [],
      types: ["work"],
      prefetchTasks: 0,
      sdk: "bench",
    },
  });
  if (!result.ok) throw new Error(result.rejection.message);
  const { worker } = result.reply;
  workers[session] = worker;
  master().note({ kind: "grant_credit", worker, session, tasks: 64, bytes: 2 ** 30 });
}

/** Takes what its worker is assigned, and says at once that it came. */
class Listener {
  readonly #session: number;
  #sequence = 0;

  constructor(session: number) {
    this.#session = session;
  }

  notify(notices: Parameters<Parameters<MasterEngine["attach"]>[1]["notify"]>[0]): void {
    const session = this.#session;
    const leases: number[] = [];
    for (const notice of notices) {
      if (notice.kind !== "assign") continue;
      held.push({ session, token: notice });
      leases.push(notice.lease);
    }
    const worker = workers[session];
    if (leases.length === 0 || worker === undefined) return;
    const sequence = ++this.#sequence;
    master().note({ kind: "note_assigned", worker, session, leases, sequence });
    master().note({ kind: "note_received", worker, session, throughSequence: sequence });
  }
}

function hostOf(session: number): string {
  return `h${String(session)}`;
}

function specOf(name: string): JobSpec {
  const retry = {
    attemptsMax: 3,
    backoffBaseMs: 1_000,
    backoffFactor: 2,
    backoffCapMs: 60_000,
    nonRetryable: [],
  };
  const policy = { retry, attemptTimeoutMs: 0, lostMax: 10, oomMax: 3, deliveriesMax: 100 };
  const demand = [{ name: "slots", milli: 1_000 }];
  const task = { type: "work", demand, constraints: [], policy };
  return {
    ...{ namespace: "default", name, labels: [], uploadTtlMs: 3_600_000 },
    onTaskFailure: { kind: "fail_fast" },
    trace: { traceparent: "", tracestate: "", baggage: "" },
    stages: [{ name: "main", dependsOn: [], partitions: 1, task }],
  };
}

function draftOf(hosts: readonly string[]): TaskDraft {
  return { bodyBytes: payload.length, hosts, inputBytes: 1_000, delayMs: 0, recordCount: 0 };
}

async function uploadJob(tasks: number): Promise<{ accepted: number }> {
  const submitted = await master().submit<"submit_job">({
    ...{ kind: "submit_job", spec: specOf("large"), idempotencyKey: "", fingerprint: "" },
    ...{ moreToUpload: true, tasks: [] },
  });
  if (!submitted.ok) throw new Error(submitted.rejection.message);
  const { jobId } = submitted.reply;
  const namespace = "default";
  let accepted = 0;
  for (let from = 0; from < tasks; from += partTasks) {
    const count = Math.min(partTasks, tasks - from);
    const drafts = Array.from({ length: count }, (_, i) =>
      draftOf([hostOf(1 + (((from + i) * 7_919) % (workers.length - 1)))]),
    );
    const part = { kind: "append_tasks", namespace, jobId, stage: "main" } as const;
    const blobs = Blobs.of(drafts.map(() => payload));
    const result = await master().submit<"append_tasks">(
      { ...part, firstIndex: from, tasks: drafts },
      blobs,
    );
    if (result.ok) accepted += count;
    await tick();
  }
  const counts = [{ stage: "main", count: tasks }];
  await master().submit<"seal_job">({ kind: "seal_job", namespace, jobId, counts });
  await fillTheFleet(tasks);
  return { accepted };
}

/** Until every slot is taken, or every task. */
async function fillTheFleet(tasks: number): Promise<void> {
  let slots = 0;
  for (let session = 1; session < workers.length; session++) slots += 2 + (session % 7);
  while (held.length < Math.min(slots, tasks)) await tick();
}

async function work(plan: WorkPlan): Promise<{ accepted: number; jobs: number }> {
  const { seconds, endsPerSecond, jobsPerSecond } = plan;
  const startedAt = performance.now();
  const answers: Promise<number>[] = [];
  let ended = 0;
  let submitted = 0;
  let pinged = 0;
  for (;;) {
    const passedMs = performance.now() - startedAt;
    // Of a load of a moment something ends too.
    if (passedMs >= seconds * 1_000 && ended > 0) break;
    const due = (perSecond: number) => Math.floor((passedMs / 1_000) * perSecond);
    const ends = Math.min(due(endsPerSecond) - ended, held.length);
    ended += ends;
    if (ends > 0) answers.push(endSome(ends));
    for (; submitted + bulkJobs <= due(jobsPerSecond); submitted += bulkJobs) {
      void submitJobs(submitted);
    }
    for (; pinged < (passedMs / pingMs) * (workers.length - 1); pinged++)
      ping(1 + (pinged % (workers.length - 1)));
    await tick();
  }
  const accepted = (await Promise.all(answers)).reduce((sum, count) => sum + count, 0);
  return { accepted, jobs: jobsAccepted };
}

let jobsAccepted = 0;

async function submitJobs(from: number): Promise<void> {
  const spec = specOf("small");
  const results = await master().submitMany(
    Array.from({ length: bulkJobs }, (_, i) => ({
      command: {
        ...{ kind: "submit_job" as const, spec, fingerprint: "f", moreToUpload: false },
        idempotencyKey: `key-${String(from + i)}`,
        tasks: [{ stage: 0, tasks: [draftOf([])] }],
      },
      blobs: Blobs.of([payload]),
    })),
  );
  jobsAccepted += results.filter(({ ok }) => ok).length;
}

/** Some of those that are held, from anywhere among them. */
async function endSome(count: number): Promise<number> {
  const submissions = Array.from({ length: count }, () => {
    const at = dice.below(held.length);
    const { session, token } = held[at] as Held;
    held[at] = held[held.length - 1] as Held;
    held.pop();
    const worker = workers[session] as number;
    const command = { kind: "complete_lease" as const, worker, token, outputs: [], recordCount: 0 };
    return { command, blobs: Blobs.none };
  });
  const results = await master().submitMany(submissions);
  return results.filter((result) => result.ok).length;
}

function ping(session: number): void {
  const worker = workers[session];
  if (worker !== undefined) master().note({ kind: "note_alive", worker, session });
}

/** Sessions end all at once, as where a network fails. */
async function loseAll(): Promise<{ accepted: number }> {
  for (let session = 1; session < workers.length; session++) {
    const worker = workers[session];
    if (worker !== undefined) master().note({ kind: "end_session", worker, session });
  }
  for (;;) {
    await tick();
    const lost = await master().read((state) => state.workers.filter((one) => one.lost).length);
    if (lost < workers.length - 1) continue;
    held.length = 0;
    return { accepted: lost };
  }
}

serve({
  gather: async ({ directory, workers: count }) => {
    engine = await open(directory);
    return phase(async () => {
      const registered: Promise<void>[] = [];
      for (let session = 1; session <= count; session++) {
        registered.push(register(session));
        // As many as connections come between two turns.
        if (session % 100 === 0) await tick();
      }
      await Promise.all(registered);
      return { accepted: workers.length - 1 };
    });
  },

  upload: ({ tasks }) => phase(() => uploadJob(tasks)),

  work: (plan) => phase(() => work(plan)),

  scatter: () => phase(loseAll),

  close: async () => {
    await master().close();
  },
} satisfies CrowdCalls);
