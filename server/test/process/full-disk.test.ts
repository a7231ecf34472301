import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MasterProcess, type Spawn } from "./support/master-process.js";
import { SmallDisks } from "./support/small-disk.js";

const mib = 1_024 * 1_024;
const payloadBytes = 200 * 1_024;

describe("a master whose disk is really full", function () {
  this.timeout(120_000);
  let disks: SmallDisks | undefined;
  let masters: MasterProcess[];

  beforeEach(() => {
    masters = [];
    disks = undefined;
  });

  afterEach(async () => {
    await Promise.all(masters.map((master) => master.kill()));
    await disks?.unmount();
  });

  /** Disks by name and size. Ends the test, loudly, where the system has none for us. */
  async function mount(
    context: Mocha.Context,
    sizes: Readonly<Record<string, number>>,
  ): Promise<SmallDisks> {
    disks = await SmallDisks.mount(sizes);
    if (disks !== undefined) return disks;
    console.error("    NOT RUN: this system gives us no small disk to fill (unshare, mount)");
    return context.skip();
  }

  async function start(directory: string, on?: SmallDisks): Promise<MasterProcess> {
    const options = on === undefined ? {} : { spawn: on.spawn.bind(on) };
    const master = await MasterProcess.start(directory, options);
    masters.push(master);
    return master;
  }

  it("answers RESOURCE_EXHAUSTED, goes on by itself once there is room, and loses nothing", async function () {
    const on = await mount(this, { data: 12 });
    on.fill("data/ballast", 8 * mib);
    const directory = join(on.root, "data");
    const master = await start(directory, on);
    const { acknowledged, refused, settled } = await master.submitUntilFull(payloadBytes);
    assert.equal(refused.refused.code, "RESOURCE_EXHAUSTED");
    assert.equal(refused.refused.reason, "DISK_FULL");
    const before = acknowledged.length;
    assert(before > 5, `${before} jobs`);
    on.remove("data/ballast");
    await settled;
    assert(acknowledged.length > before, "what waited was written");
    const after = await master.submit(payloadBytes);
    await master.kill();
    const again = await start(directory, on);
    for (const jobId of [...acknowledged, after]) assert(await again.has(jobId), jobId);
  });

  it("takes a limit of the size of its files for a full disk, and goes on once that is raised", async function () {
    if (process.platform !== "linux") {
      console.error("    NOT RUN: the limits of a running process can be raised on Linux only");
      return this.skip();
    }
    const directory = mkdtempSync(join(tmpdir(), "capstan-full-disk-"));
    try {
      const limited: Spawn = (program, args, options) =>
        spawn("sh", ["-c", 'ulimit -S -f 4096 && exec "$0" "$@"', program, ...args], options);
      const master = await MasterProcess.start(directory, { spawn: limited });
      masters.push(master);
      const { acknowledged, refused, settled } = await master.submitUntilFull(payloadBytes);
      assert.equal(refused.refused.reason, "DISK_FULL");
      execFileSync("prlimit", [`--pid=${String(master.child.pid)}`, "--fsize=unlimited"]);
      await settled;
      assert.match(await master.submit(payloadBytes), /^job_/);
      await master.kill();
      const again = await start(directory);
      for (const jobId of acknowledged) assert(await again.has(jobId), jobId);
    } finally {
      await Promise.all(masters.map((master) => master.kill()));
      rmSync(directory, { recursive: true });
    }
  });

  it("starts while there is no room for its history, says so, and answers for it once there is", async function () {
    const on = await mount(this, { data: 4 });
    const directory = join(on.root, "data");
    const first = await start(directory, on);
    const jobId = await first.submit(payloadBytes);
    await first.kill();
    assert.throws(() => on.fill("data/ballast", 4 * mib), { code: "ENOSPC" });
    const second = await start(directory, on);
    await second.said("the history cannot be written just now");
    assert(await second.has(jobId));
    on.remove("data/ballast");
    await second.said("the history can be written again");
    assert(await second.has(jobId));
    assert.match(await second.submit(payloadBytes), /^job_/);
  });

  it("goes on without its history while that has no room, keeps jobs in memory, and catches up", async function () {
    const on = await mount(this, { data: 64, history: 64 });
    on.fill("history/ballast", 63 * mib);
    const directory = join(on.root, "data");
    const link = on.spawn("ln", ["-s", join(on.root, "history/history.db"), directory], {});
    await once(link, "exit");
    const master = await start(directory, on);
    const jobs: string[] = [];
    let isTold = false;
    void master.said("the history cannot be written just now").then(() => (isTold = true));
    while (!isTold) {
      const jobId = await master.submit(20 * 1_024);
      await master.cancel(jobId);
      jobs.push(jobId);
    }
    for (let more = 0; more < 10; more++) {
      const jobId = await master.submit(20 * 1_024);
      await master.cancel(jobId);
      jobs.push(jobId);
    }
    const { durable, history } = await master.journal();
    assert(history < durable);
    for (const jobId of jobs) assert(await master.has(jobId), jobId);
    on.remove("history/ballast");
    await master.said("the history can be written again");
    while ((await master.journal()).history < durable) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const jobId of jobs) assert(await master.has(jobId), jobId);
    assert(!master.logged.some(({ msg }) => msg.includes("history has ended")));
  });
});
