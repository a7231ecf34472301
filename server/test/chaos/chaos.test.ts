import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobDefinition, JobProgress, WorkerRecord } from "@capstan/sdk";
import { Client } from "@capstan/sdk";
import { Prng } from "../core/support/prng.js";
import { DeafProxy } from "./support/deaf-proxy.js";
import { MasterProcess, WorkerProcess } from "./support/processes.js";
import { SmallJobs } from "./support/small-jobs.js";
import { checkStory, JournalStory } from "./support/verdict.js";

const tasksPerJob = 5_000;
const slots = 8;
const rounds = Number(
  process.env["CAPSTAN_CHAOS_ROUNDS"] ?? (process.env["CAPSTAN_VERIFY"] === "1" ? 60 : 20),
);
const seed = Number(process.env["CAPSTAN_CHAOS_SEED"] ?? randomInt(2 ** 32));

/** Short, so that losing a lease is a matter of a second. */
const terms = { leaseMs: 1_200, pingMs: 300 };
/** Shorter still where every round waits until leases have run out. */
const shortTerms = { leaseMs: 500, pingMs: 125 };

/** One process that was killed or stopped. */
interface Strike {
  readonly workerId: string;
  readonly at: number;
}

// Which moments are struck at follows from the seed; what each process is doing then, it cannot say.
describe(`a fleet of real processes, CAPSTAN_CHAOS_SEED=${seed}`, function () {
  this.timeout(30_000 * rounds);

  const random = new Prng(seed);
  let directory: string;
  let journal: string;
  let master: MasterProcess;
  let proxy: DeafProxy;
  let workers: WorkerProcess[];
  let client: Client;
  let smallJobs: SmallJobs;
  /** By job id, how many tasks it has. */
  const acknowledged = new Map<string, number>();
  let masterKills = 0;
  const kills: Strike[] = [];
  const stops: Strike[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "capstan-chaos-"));
    journal = join(directory, "journal");
    master = new MasterProcess(journal, terms);
    await master.start();
    proxy = new DeafProxy(() => master.port);
    const deaf = await proxy.listen();
    workers = [1, 2, 3].map((no) => new WorkerProcess(`w${no}`, join(directory, `w${no}.log`)));
    for (const [i, worker] of workers.entries()) {
      worker.start(i === 0 ? deaf : master.address, slots);
    }
    client = new Client({ address: master.address, retryForMs: Infinity });
    smallJobs = new SmallJobs(client, acknowledged);
    smallJobs.start();
  });

  after(async () => {
    client.close();
    await Promise.all(workers.map((worker) => worker.kill()));
    await proxy.close();
    await master.stop();
    await rm(directory, { recursive: true });
  });

  /** Runs a job, and at a random moment of it, while leases are held, does something terrible. */
  async function runThrough(terror: () => Promise<void>): Promise<void> {
    const strikeAt = random.below(0.8 * tasksPerJob);
    const laterMs = random.below(50);
    let struck: Promise<void> | undefined;
    const strike = ({ job: { counts } }: JobProgress) => {
      if (struck !== undefined || counts.succeeded < strikeAt) return;
      if (counts.leased + counts.running === 0) return;
      // News come no more often than every 50 ms.
      struck = sleep(laterMs).then(terror);
      struck.catch(() => {});
    };
    const job = await client.submit(bigJob());
    acknowledged.set(job.jobId, tasksPerJob);
    for await (const progress of client.watch(job.jobId, { minIntervalMs: 50 })) strike(progress);
    assert(struck !== undefined, "the job ended before anything happened to it");
    await struck;
    const { state } = await client.getJob(job.jobId);
    assert.equal(state, "succeeded");
  }

  /** What the master says of a worker. */
  async function recordOf({ workerId }: WorkerProcess): Promise<WorkerRecord | undefined> {
    const { items } = await client.listWorkers();
    return items.find((one) => one.workerId === workerId);
  }

  /** Waits until what the master says of a worker is so. */
  async function until(
    worker: WorkerProcess,
    isSo: (record: WorkerRecord) => boolean,
  ): Promise<void> {
    for (;;) {
      const record = await recordOf(worker);
      if (record !== undefined && isSo(record)) return;
      await sleep(10);
    }
  }

  /**
   * Does it to a worker that holds leases. It is stopped before it is looked at again: what it has sent already
   * may be all that it had, and then nothing could be taken from it.
   */
  async function strikeWorker(worker: WorkerProcess, blow: () => Promise<void>): Promise<Strike> {
    for (;;) {
      await until(worker, (record) => held(record) > 0);
      const at = Date.now();
      worker.signal("SIGSTOP");
      await sleep(onTheWayMs);
      const record = await recordOf(worker);
      if (record !== undefined && held(record) > 0) {
        await blow();
        return { workerId: worker.workerId, at };
      }
      worker.signal("SIGCONT");
    }
  }

  it(`loses nothing when the master is killed ${rounds} times and started on the same journal`, async () => {
    for (let round = 0; round < rounds; round++) {
      await runThrough(async () => {
        // Every other time one worker has gone deaf before: its results are durable, unheard.
        if (round % 2 === 0) {
          await proxy.deafen();
          await sleep(random.below(60));
        }
        await master.kill();
        masterKills += 1;
        proxy.hear();
        await master.start();
      });
      assert(
        workers.every(({ isRunning }) => isRunning),
        "a worker did not outlive its master",
      );
    }
  });

  it(`loses nothing when workers are killed ${rounds} times`, async () => {
    for (let round = 0; round < rounds; round++) {
      // The one behind the proxy stays: what it has seen is told by its counters.
      const worker = workers[1 + random.below(2)] as WorkerProcess;
      await runThrough(async () => {
        const strike = await strikeWorker(worker, async () => {
          await worker.kill();
          worker.start(master.address, slots);
        });
        kills.push(strike);
      });
    }
  });

  it(`hears nothing from workers that were stopped for longer than a lease ${rounds} times and go on`, async () => {
    await master.stop();
    master.terms = shortTerms;
    await master.start();
    for (let round = 0; round < rounds; round++) {
      const worker = workers[random.below(workers.length)] as WorkerProcess;
      const muchLongerMs = random.chance(0.5) ? random.below(2 * shortTerms.leaseMs) : 0;
      await runThrough(async () => {
        const strike = await strikeWorker(worker, async () => {
          worker.signal("SIGSTOP");
          // Its leases have run out: of those that it had, none is left to it.
          await until(worker, (record) => held(record) === 0);
          // Sometimes so long that its session has ended too.
          await sleep(muchLongerMs);
          worker.signal("SIGCONT");
        });
        stops.push(strike);
      });
      assert(worker.isRunning, "a worker that was stopped did not go on");
    }
  });

  it("has every acknowledged job, every task succeeded once, and every settled result", async () => {
    await smallJobs.stop();
    for (;;) {
      const { items } = await client.listJobs({ states: ["running"], pageSize: 1 });
      const [left] = items;
      if (left === undefined) break;
      await client.waitForJob(left.jobId);
    }
    await Promise.all(workers.map((worker) => worker.stop()));
    await master.stop();
    checkStory(await JournalStory.read(journal), acknowledged, workers);
  });

  it("struck as often as it was meant to, and each time somebody who held leases", async () => {
    const { heldAtClaims, requeues } = await JournalStory.read(journal);
    assert.deepEqual([masterKills, kills.length, stops.length], [rounds, rounds, rounds]);
    // The first start, one after each kill, and one with shorter terms.
    assert.equal(heldAtClaims.length, rounds + 2);
    for (const [kill, count] of heldAtClaims.slice(1, rounds + 1).entries()) {
      assert(count > 0, `no lease was held when the master was killed, time ${kill + 1}`);
    }
    const strikes = [...kills, ...stops];
    for (const { workerId, at } of strikes) {
      const next = strikes.find((other) => other.workerId === workerId && other.at > at);
      const taken = requeues.filter((one) => one.workerId === workerId && isLoss(one.reason));
      assert(
        taken.some(({ wall }) => wall >= at && wall < (next?.at ?? Infinity)),
        `nothing was taken from ${workerId} after ${at}`,
      );
    }
  });

  it("went through what it was meant to: resumed, sent again, settled at register, stale", () => {
    const lines = workers.flatMap((worker) => worker.lines());
    const sum = (pick: (line: (typeof lines)[number]) => number | undefined) =>
      lines.reduce((total, line) => total + (pick(line) ?? 0), 0);
    const seen = {
      resumed: sum((line) => (line.event === "connected" ? line.resumed : 0)),
      settledAtRegister: sum((line) => (line.event === "connected" ? line.settled : 0)),
      resent: sum((line) => (line.event === "stopped" ? line.resent : 0)),
      stale: lines.filter(({ outcome }) => outcome === "stale").length,
    };
    for (const [what, count] of Object.entries(seen)) assert(count > 0, `never: ${what}`);
  });
});

/** Longer than what a process has sent is on its way to another on the same machine, shorter than any lease. */
const onTheWayMs = 100;

/** Leases that are a worker's to finish. */
function held({ leases }: WorkerRecord): number {
  return leases.fit + leases.ahead + leases.running;
}

/** Why a delivery is taken from a worker that is gone, or was not heard of for a term. */
function isLoss(reason: string): boolean {
  return reason === "worker_lost" || reason === "expired";
}

function bigJob(): JobDefinition {
  return {
    name: "chaos",
    policy: { retry: { maxAttempts: 3 } },
    stages: [
      {
        name: "main",
        taskType: "chaos",
        tasks: Array.from({ length: tasksPerJob }, (_, index) => ({ payload: { index } })),
      },
    ],
  };
}
