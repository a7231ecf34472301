import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MasterProcess } from "./support/master-process.js";

const preload = new URL("./support/failing-fsync.js", import.meta.url).href;

describe("a master whose disk cannot fsync", function () {
  this.timeout(30_000);
  let root: string;
  let masters: MasterProcess[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "capstan-fsync-"));
    masters = [];
  });

  afterEach(async () => {
    await Promise.all(masters.map((master) => master.kill()));
    rmSync(root, { recursive: true });
  });

  const flag = () => join(root, "fsync-fails");

  async function start(): Promise<MasterProcess> {
    const env = { NODE_OPTIONS: `--import ${preload}`, CAPSTAN_TEST_FSYNC_FAILS: flag() };
    const master = await MasterProcess.start(join(root, "data"), { env });
    masters.push(master);
    return master;
  }

  it("ends, answers nobody for what is in doubt, and finds all that it acknowledged when it is started again", async () => {
    const master = await start();
    const acknowledged = [await master.submit(100), await master.submit(100)];
    writeFileSync(flag(), "");
    await assert.rejects(master.submit(100), /UNAVAILABLE|CANCELLED/);
    assert.equal(await master.exited, 70);
    const last = master.logged.find(({ msg }) => msg.includes("the master cannot go on"));
    assert.match(
      String(last?.["why"]),
      /the disk failed: .*segment 0000.*: EIO: i\/o error, fdatasync$/,
    );
    rmSync(flag());
    const again = await start();
    for (const jobId of acknowledged) assert(await again.has(jobId));
    assert.match(await again.submit(100), /^job_/);
  });

  it("does not start on what it cannot make durable, and says so", async () => {
    const master = await start();
    const jobId = await master.submit(100);
    await master.kill();
    writeFileSync(flag(), "");
    const second = await start();
    assert.equal(await second.exited, 74);
    assert.match(second.logged.at(-1)?.msg ?? "", /cannot be made durable.*segment 0000/);
    rmSync(flag());
    assert(await (await start()).has(jobId));
  });
});
