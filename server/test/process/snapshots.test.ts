import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Worker } from "@capstan/sdk";
import { MasterProcess } from "./support/master-process.js";

const payloadBytes = 100_000;

const flags = ["--segment-mib", "1", "--snapshot-segments", "1"];

describe("a master with snapshots", function () {
  this.timeout(180_000);

  let directory: string;
  let master: MasterProcess;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "capstan-snapshots-"));
  });

  afterEach(async () => {
    await master.kill();
    rmSync(directory, { recursive: true });
  });

  const start = () => MasterProcess.start(directory, { flags });

  const files = (suffix: string) =>
    readdirSync(directory)
      .filter((name) => name.endsWith(suffix))
      .sort();

  function payloadOf(job: number, task: number): { text: string } {
    return { text: `${String(job)}/${String(task)} `.padEnd(payloadBytes, "x") };
  }

  /** Submits jobs, numbered on, until the journal was cut below a snapshot. @returns how many there are then */
  async function submitUntilCut(address: string, before = 0): Promise<number> {
    const client = new Client({ address });
    const cut = master.said("cut the journal");
    let isCut = false;
    void cut.then(() => {
      isCut = true;
    });
    let jobs = before;
    for (; !isCut; jobs++) await submit(client, jobs);
    await cut;
    client.close();
    return jobs;
  }

  function submit(client: Client, no: number) {
    const tasks = [0, 1, 2].map((task) => ({ payload: payloadOf(no, task) }));
    const stages = [{ name: "only", taskType: "echo", tasks }];
    return client.submit(
      { name: `job-${String(no)}`, stages },
      { idempotencyKey: `key ${String(no)}` },
    );
  }

  it("that is killed starts from a snapshot and the rest of its journal, with every job, key and byte", async () => {
    master = await start();
    const jobs = await submitUntilCut(master.address);
    await master.kill();
    assert.notEqual(files(".segment")[0], "0000000000000001.segment");
    assert.equal(files(".snapshot").length, 2);

    master = await start();
    const address = master.address;
    const client = new Client({ address });
    const seen = new Set<string>();
    const worker = new Worker({ address, slots: 8 });
    worker.handle("echo", (task) => {
      seen.add((task.payload as { text: string }).text);
      return {};
    });
    const running = worker.run();
    for (let no = 0; no < jobs; no++) {
      // The same key and content: it is the job of before, or there would be another.
      const { jobId } = await submit(client, no);
      for await (const { job } of client.watch(jobId)) {
        if (job.state === "succeeded") break;
      }
    }
    const { items } = await client.listJobs({ pageSize: 1_000 });
    assert.equal(items.length, jobs);
    await worker.drain();
    await running;
    client.close();
    for (let no = 0; no < jobs; no++) {
      for (let task = 0; task < 3; task++) assert(seen.has(payloadOf(no, task).text));
    }
    assert.equal(seen.size, 3 * jobs);
    assert.equal(await master.stop(), 0);
  });

  it("that is killed again and again while it makes snapshots never forgets a job, nor makes one twice", async () => {
    let jobs = 0;
    for (let round = 0; round < 6; round++) {
      master = await start();
      const client = new Client({ address: master.address });
      // Every other time just after one was finished; else in the middle of the next, or of none.
      const said = master.said("made a snapshot");
      let isMade = false;
      void said.then(
        () => {
          isMade = true;
        },
        // It was killed before.
        () => undefined,
      );
      for (let more = 0; round % 2 === 0 ? !isMade : more < 4 + round; more++) {
        await submit(client, jobs);
        jobs += 1;
      }
      await master.kill();
      client.close();
    }
    // Each may have been killed before it had cut anything.
    master = await start();
    jobs = await submitUntilCut(master.address, jobs);
    await master.kill();
    assert.notEqual(files(".segment")[0], "0000000000000001.segment");
    master = await start();
    const client = new Client({ address: master.address });
    for (let no = 0; no < jobs; no++) await submit(client, no);
    const { items } = await client.listJobs({ pageSize: 1_000 });
    assert.equal(new Set(items.map(({ name }) => name)).size, jobs);
    assert.equal(items.length, jobs);
    client.close();
    assert.equal(await master.stop(), 0);
    // One in the making is given up with the master, and removed by the next to make one. Not one for each kill.
    assert(files(".snapshot.new").length <= 1);
  });

  it("does not start on a snapshot of which a bit has flipped, and names the place", async () => {
    master = await start();
    await submitUntilCut(master.address);
    await master.kill();
    for (const name of files(".snapshot")) {
      const path = join(directory, name);
      const whole = readFileSync(path);
      const flipped = Buffer.from(whole);
      flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 4;
      writeFileSync(path, flipped);
      master = await start();
      assert.equal(await master.exited, 74);
      assert(master.logged.some(({ msg }) => msg.includes("DATA_LOSS") && msg.includes(name)));
      writeFileSync(path, whole);
    }
    // Without the newest, the one before it and the journal lead to the same.
    rmSync(join(directory, files(".snapshot").at(-1) ?? ""));
    master = await start();
    assert.match(master.address, /^127/);
  });

  it("does not start on a journal that ends before its snapshot", async () => {
    master = await start();
    await submitUntilCut(master.address);
    await master.kill();
    for (const name of readdirSync(directory)) {
      if (name.endsWith(".segment") || name.startsWith("history.db")) rmSync(join(directory, name));
    }
    master = await start();
    assert.equal(await master.exited, 74);
    const newest = files(".snapshot").at(-1) ?? "";
    assert(
      master.logged.some(({ msg }) => msg.includes("had been durable") && msg.includes(newest)),
    );
  });

  it("whose history was thrown away goes on, and says which jobs it will not find", async () => {
    master = await start();
    await submitUntilCut(master.address);
    await master.kill();
    for (const name of readdirSync(directory)) {
      if (name.startsWith("history.db")) rmSync(join(directory, name));
    }
    master = await start();
    const address = master.address;
    await master.said("DATA_LOSS of the history alone");
    // Of a job whose submit was cut, all is in the state still.
    const client = new Client({ address });
    const worker = new Worker({ address, slots: 8 });
    worker.handle("echo", () => ({}));
    const running = worker.run();
    const { jobId } = await submit(client, 0);
    for await (const { job } of client.watch(jobId)) if (job.state === "succeeded") break;
    await worker.drain();
    await running;
    client.close();
    assert.equal(await master.stop(), 0);
  });
});
