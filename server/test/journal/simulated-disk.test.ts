import assert from "node:assert/strict";
import { bytes } from "./contract.js";
import { SimulatedDisk } from "./simulated-disk.js";
import { slowly } from "./slow-disk.js";
import { TestClock } from "../rpc/session/support/test-clock.js";
import { prng } from "./prng.js";

const folder = "/folder";

function diskWith(path: string, content: string): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.plant(path, bytes(content));
  return disk;
}

describe("the simulated disk", () => {
  it("has after a power cut what was synced, and as much of the rest as the cut says", () => {
    for (const [kind, wanted] of [
      ["none_of_it", "synced"],
      ["all_of_it", "synced and more"],
    ] as const) {
      const disk = diskWith("/folder/a", "");
      const file = disk.open("/folder/a", "write");
      file.write([bytes("synced")], 0);
      file.sync();
      file.write([bytes(" and more")], 6);
      disk.cutPower({ kind });
      assert.equal(disk.contents("/folder/a").toString(), wanted);
    }
  });

  it("may lose any sector of what was not synced, also an earlier one than it keeps", () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const disk = diskWith("/folder/a", "");
      const file = disk.open("/folder/a", "write");
      file.write([Buffer.alloc(512, "1")], 0);
      file.write([Buffer.alloc(512, "2")], 512);
      disk.cutPower({ kind: "some_sectors", random: prng(seed) });
      const found = disk.contents("/folder/a");
      outcomes.add([found[0] ?? "-", found[512] ?? "-"].join());
    }
    const [one, two] = [49, 50];
    for (const wanted of [`${one},${two}`, `${one},-`, `0,${two}`, `${one},0`, "-,-"]) {
      assert(outcomes.has(wanted), `${wanted} never came: ${[...outcomes].join("; ")}`);
    }
  });

  it("may tear a write at any byte, and leave zeros where the rest would be", () => {
    const sizes = new Set<number>();
    let zeroed = 0;
    for (let seed = 0; seed < 200; seed++) {
      const disk = diskWith("/folder/a", "");
      disk.open("/folder/a", "write").write([Buffer.alloc(20, "1")], 0);
      disk.cutPower({ kind: "some_bytes", random: prng(seed) });
      const found = disk.contents("/folder/a");
      const arrived = found.lastIndexOf("1") + 1;
      assert(found.subarray(0, arrived).every((byte) => byte === 49));
      if (arrived < found.length) zeroed += 1;
      sizes.add(arrived);
    }
    assert.equal(sizes.size, 21);
    assert(zeroed > 50);
  });

  it("may lose names that were created, removed or renamed while the folder was not synced", () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const disk = diskWith("/folder/old", "old");
      disk.plant("/folder/from", bytes("from"));
      disk.open("/folder/new", "create");
      disk.remove("/folder/old");
      disk.rename("/folder/from", "/folder/to");
      disk.cutPower({ kind: "some_sectors", random: prng(seed) });
      outcomes.add(disk.list(folder).sort().join());
    }
    assert.equal(outcomes.size, 8, [...outcomes].join("; "));
    const kept = diskWith("/folder/old", "");
    kept.remove("/folder/old");
    kept.syncDirectory(folder);
    kept.cutPower({ kind: "none_of_it" });
    assert.deepEqual(kept.list(folder), []);
  });

  it("forgets what a sync could not write, though another says that all is well", () => {
    const disk = diskWith("/folder/a", "");
    disk.failedSyncDropsPages = disk.syncFails = true;
    const file = disk.open("/folder/a", "write");
    file.write([bytes("lost")], 0);
    assert.throws(() => file.sync(), { code: "EIO" });
    disk.syncFails = false;
    file.sync();
    assert.equal(disk.contents("/folder/a").toString(), "lost");
    const cached = disk.copy();
    disk.dropCaches();
    assert.equal(disk.contents("/folder/a").toString(), "");
    assert.equal(cached.contents("/folder/a").toString(), "lost");
    disk.cutPower({ kind: "all_of_it" });
    assert.equal(disk.contents("/folder/a").toString(), "");
  });

  it("writes what there is room for and no more, and counts what it refused", () => {
    const disk = diskWith("/folder/a", "");
    disk.freeBytes = 3;
    const file = disk.open("/folder/a", "write");
    assert.throws(() => file.write([bytes("ab"), bytes("cd")], 0), { code: "ENOSPC" });
    assert.equal(disk.contents("/folder/a").toString(), "abc");
    assert.throws(() => disk.open("/folder/b", "create"), { code: "ENOSPC" });
    file.truncate(0);
    assert.equal(disk.freeBytes, 3);
    disk.bytesUntilWriteFails = 1;
    assert.throws(() => file.write([bytes("xy")], 0), { code: "EIO" });
    assert.equal(disk.contents("/folder/a").toString(), "x");
    assert.deepEqual(Object.fromEntries(disk.seen), { disk_full: 2, write_failed: 1 });
  });

  it("does nothing more for a process that is dead", () => {
    const disk = diskWith("/folder/a", "");
    const file = disk.open("/folder/a", "write");
    const lock = disk.lock(folder);
    disk.killProcess();
    assert.throws(() => file.write([bytes("late")], 0), { code: "EBADF" });
    disk.lock(folder);
    lock.release();
    assert.throws(() => disk.lock(folder), { kind: "locked" });
  });

  it("takes its time on the clock that it is given, and none after its process is dead", async () => {
    const clock = new TestClock();
    const { run, stop } = slowly(clock, () => 1_000);
    const done: string[] = [];
    const told: string[] = [];
    const start = (name: string) => void run(() => done.push(name)).then(() => told.push(name));
    start("first");
    await clock.advance(499);
    assert.deepEqual([done, told], [[], []]);
    await clock.advance(1);
    assert.deepEqual([done, told], [["first"], []]);
    await clock.advance(500);
    assert.deepEqual([done, told], [["first"], ["first"]]);
    start("second");
    await clock.advance(600);
    start("third");
    stop();
    await clock.advance(5_000);
    assert.deepEqual([done, told], [["first", "second"], ["first"]]);
  });
});
