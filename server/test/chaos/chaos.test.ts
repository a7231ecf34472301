import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobDefinition, JobProgress } from "@capstan/sdk";
import { Client } from "@capstan/sdk";
import { DeafProxy } from "./support/deaf-proxy.js";
import { MasterProcess, WorkerProcess } from "./support/processes.js";
import { checkStory, readStory } from "./support/verdict.js";

const tasksPerJob = 5_000;
const rounds = Number(process.env["CAPSTAN_CHAOS_ROUNDS"] ?? 20);
/** Longer than a lease and than the time in which a lost session is noticed. */
const longerThanALeaseMs = 2_500;

/** Real processes, killed without warning, on a real journal. */
describe("a fleet of real processes", function () {
  this.timeout(600_000);

  let directory: string;
  let journal: string;
  let master: MasterProcess;
  let proxy: DeafProxy;
  let workers: WorkerProcess[];
  let client: Client;
  const acknowledged: string[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "capstan-chaos-"));
    journal = join(directory, "journal");
    master = new MasterProcess(journal);
    await master.start();
    proxy = new DeafProxy(() => master.port);
    const deaf = await proxy.listen();
    workers = [1, 2, 3].map((no) => new WorkerProcess(`w${no}`, join(directory, `w${no}.log`)));
    for (const [i, worker] of workers.entries()) worker.start(addressOf(i, deaf), 8);
    client = new Client({ address: master.address, retryForMs: Infinity });
  });

  after(async () => {
    client.close();
    await Promise.all(workers.map((worker) => worker.kill()));
    await proxy.close();
    await master.stop();
    await rm(directory, { recursive: true });
  });

  function addressOf(worker: number, deaf: string): string {
    return worker === 0 ? deaf : master.address;
  }

  /** Runs a job, and once so much of it is done, while leases are held, does something terrible. */
  async function runThrough(share: number, terror: () => Promise<void>): Promise<void> {
    let struck: Promise<void> | undefined;
    const strike = ({ job: { counts } }: JobProgress) => {
      if (struck !== undefined || counts.succeeded < share * tasksPerJob) return;
      if (counts.leased + counts.running === 0) return;
      struck = terror();
    };
    const job = await client.submit(definition());
    acknowledged.push(job.jobId);
    for await (const progress of client.watch(job.jobId, { minIntervalMs: 50 })) strike(progress);
    assert(struck !== undefined, "the job ended before anything happened to it");
    await struck;
    const { state } = await client.getJob(job.jobId);
    assert.equal(state, "succeeded");
  }

  it(`loses nothing when the master is killed ${rounds} times and started on the same journal`, async () => {
    for (let round = 0; round < rounds; round++) {
      await runThrough(Math.random() * 0.8, async () => {
        // Every other time one worker has gone deaf before: its results are durable, unheard.
        if (round % 2 === 0) {
          proxy.deafen();
          await sleep(60);
        }
        await master.kill();
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
      const victim = 1 + (round % 2);
      await runThrough(Math.random() * 0.8, async () => {
        const worker = workers[victim] as WorkerProcess;
        await worker.kill();
        worker.start(master.address, 8);
      });
    }
  });

  it("hears nothing from a worker that was stopped for longer than its lease and goes on", async () => {
    const worker = workers[2] as WorkerProcess;
    for (let round = 0; round < 3; round++) {
      await runThrough(0.05 + Math.random() * 0.3, async () => {
        worker.signal("SIGSTOP");
        await sleep(longerThanALeaseMs);
        worker.signal("SIGCONT");
      });
    }
  });

  it("has every acknowledged job, every task succeeded once, and every settled result", async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await master.stop();
    const story = await readStory(journal);
    checkStory(story, acknowledged, workers, tasksPerJob);
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

function definition(): JobDefinition {
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
