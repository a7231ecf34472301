import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimWorkerId } from "../src/worker/worker-id.js";

describe("the id of a worker that was given none", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "capstan-ids-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const claimInChild = () => {
    const script =
      `import { claimWorkerId } from ${JSON.stringify(new URL("../src/worker/worker-id.js", import.meta.url).href)};` +
      `console.log(claimWorkerId("maps", ${JSON.stringify(folder)}).workerId);`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
    return stdout.toString().trim();
  };

  it("is the host's name and the least number that no live worker has", () => {
    const [first, second] = [claimWorkerId("maps", folder), claimWorkerId("maps", folder)];
    assert.deepEqual([first.workerId, second.workerId], ["maps-1", "maps-2"]);
    assert.equal(claimWorkerId("tiles", folder).workerId, "tiles-1");
    assert.equal(claimInChild(), "maps-3");
    first.release();
    assert.equal(claimWorkerId("maps", folder).workerId, "maps-1");
  });

  it("is the same after the process has ended, however it did", () => {
    assert.deepEqual([claimInChild(), claimInChild()], ["maps-1", "maps-1"]);
    assert.equal(claimWorkerId("maps", folder).workerId, "maps-1");
  });

  it("is free when another process has its number now", () => {
    writeFileSync(join(folder, "capstan-worker-maps-1.pid"), `${process.pid} another-start`);
    assert.equal(claimWorkerId("maps", folder).workerId, "maps-1");
  });

  it("leaves nothing behind that is not claimed", () => {
    claimInChild();
    const claimed = claimWorkerId("maps", folder);
    assert.deepEqual(readdirSync(folder), ["capstan-worker-maps-1.pid"]);
    claimed.release();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("has a random part where no file can be written", () => {
    assert.match(claimWorkerId("maps", join(folder, "missing")).workerId, /^maps-[0-9a-f]{8}$/);
  });

  it("holds only what an id may", () => {
    assert.equal(claimWorkerId("_a b/c:d", folder).workerId, "a-b-c:d-1");
    assert.equal(claimWorkerId("", folder).workerId, "worker-1");
  });
});
