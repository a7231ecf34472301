import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client, Worker } from "@capstan/sdk";

const main = fileURLToPath(new URL("../../src/main.js", import.meta.url));
const payloadBytes = 100_000;

/** A master as a process, with small segments: what it says is read line by line. */
class MasterChild {
  readonly child: ChildProcess;
  readonly said: string[] = [];
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = [];

  constructor(directory: string) {
    const flags = ["--segment-mib", "1", "--snapshot-segments", "1"];
    const args = [main, "--data", directory, "--address", "127.0.0.1:0", ...flags];
    this.child = spawn(process.execPath, args, {
      env: { ...process.env, CAPSTAN_LOG_LEVEL: "info" },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      assert(stream !== null);
      createInterface({ input: stream }).on("line", (line) => {
        this.said.push(line);
        for (const one of this.#waiting) if (line.includes(one.text)) one.resolve();
      });
    }
  }

  /** Resolves when it has said something; at once if it has already. */
  async says(text: string): Promise<string> {
    const found = () => this.said.find((line) => line.includes(text));
    const said = new Promise<void>((resolve) => this.#waiting.push({ text, resolve }));
    const ended = once(this.child, "close").then(() => {
      if (found() === undefined) throw new Error(`the master ended:\n${this.said.join("\n")}`);
    });
    if (found() === undefined) await Promise.race([said, ended]);
    ended.catch(() => undefined);
    return found() ?? "";
  }

  async address(): Promise<string> {
    const line = await this.says("capstan master listening on ");
    return line.slice(line.lastIndexOf(" ") + 1);
  }

  async end(signal: NodeJS.Signals): Promise<unknown[]> {
    const ended = once(this.child, "close");
    this.child.kill(signal);
    return ended;
  }
}

describe("a master with snapshots", function () {
  this.timeout(60_000);

  let directory: string;
  let master: MasterChild;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "capstan-snapshots-"));
  });

  afterEach(async () => {
    if (master.child.exitCode === null && master.child.signalCode === null) {
      await master.end("SIGKILL");
    }
    rmSync(directory, { recursive: true });
  });

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
    const cut = master.says("cut the journal");
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
    master = new MasterChild(directory);
    const jobs = await submitUntilCut(await master.address());
    await master.end("SIGKILL");
    assert.notEqual(files(".segment")[0], "0000000000000001.segment");
    assert.equal(files(".snapshot").length, 2);

    master = new MasterChild(directory);
    const address = await master.address();
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
    assert.deepEqual(await master.end("SIGTERM"), [0, null]);
  });

  it("that is killed again and again while it makes snapshots never forgets a job, nor makes one twice", async () => {
    let jobs = 0;
    for (let round = 0; round < 6; round++) {
      master = new MasterChild(directory);
      const client = new Client({ address: await master.address() });
      // Every other time just after one was finished; else in the middle of the next, or of none.
      const said = master.says("made a snapshot");
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
      await master.end("SIGKILL");
      client.close();
    }
    // Each may have been killed before it had cut anything.
    master = new MasterChild(directory);
    jobs = await submitUntilCut(await master.address(), jobs);
    await master.end("SIGKILL");
    assert.notEqual(files(".segment")[0], "0000000000000001.segment");
    master = new MasterChild(directory);
    const client = new Client({ address: await master.address() });
    for (let no = 0; no < jobs; no++) await submit(client, no);
    const { items } = await client.listJobs({ pageSize: 1_000 });
    assert.equal(new Set(items.map(({ name }) => name)).size, jobs);
    assert.equal(items.length, jobs);
    client.close();
    assert.deepEqual(await master.end("SIGTERM"), [0, null]);
    // One in the making is given up with the master, and removed by the next to make one. Not one for each kill.
    assert(files(".snapshot.new").length <= 1);
  });

  it("does not start on a snapshot of which a bit has flipped, and names the place", async () => {
    master = new MasterChild(directory);
    await submitUntilCut(await master.address());
    await master.end("SIGKILL");
    for (const name of files(".snapshot")) {
      const path = join(directory, name);
      const whole = readFileSync(path);
      const flipped = Buffer.from(whole);
      flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 4;
      writeFileSync(path, flipped);
      master = new MasterChild(directory);
      const [code] = await once(master.child, "close");
      assert.equal(code, 74);
      assert(master.said.some((line) => line.includes("DATA_LOSS") && line.includes(name)));
      writeFileSync(path, whole);
    }
    // Without the newest, the one before it and the journal lead to the same.
    rmSync(join(directory, files(".snapshot").at(-1) ?? ""));
    master = new MasterChild(directory);
    await master.address();
  });

  it("does not start on a journal that ends before its snapshot", async () => {
    master = new MasterChild(directory);
    await submitUntilCut(await master.address());
    await master.end("SIGKILL");
    for (const name of readdirSync(directory)) {
      if (name.endsWith(".segment") || name.startsWith("history.db")) rmSync(join(directory, name));
    }
    master = new MasterChild(directory);
    const [code] = await once(master.child, "close");
    assert.equal(code, 74);
    const newest = files(".snapshot").at(-1) ?? "";
    assert(master.said.some((line) => line.includes("had been durable") && line.includes(newest)));
  });

  it("whose history was thrown away goes on, and says which jobs it will not find", async () => {
    master = new MasterChild(directory);
    await submitUntilCut(await master.address());
    await master.end("SIGKILL");
    for (const name of readdirSync(directory)) {
      if (name.startsWith("history.db")) rmSync(join(directory, name));
    }
    master = new MasterChild(directory);
    const address = await master.address();
    await master.says("DATA_LOSS of the history alone");
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
    assert.deepEqual(await master.end("SIGTERM"), [0, null]);
  });
});
