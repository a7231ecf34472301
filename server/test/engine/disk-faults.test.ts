import assert from "node:assert/strict";
import { queries } from "../../src/core/index.js";
import { MasterEngine } from "../../src/engine/engine.js";
import { systemDraw } from "../../src/engine/random.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import type { RunOperation } from "../../src/journal/file/writer.js";
import { JournalError, JournalFailure } from "../../src/journal/journal-error.js";
import { MemoryDisk } from "../../src/journal/memory/memory-journal.js";
import { startRpcServer } from "../../src/rpc/server.js";
import { damage } from "../journal/disk-damage.js";
import { prng } from "../journal/prng.js";
import { SimulatedDisk } from "../journal/simulated-disk.js";
import { slowly } from "../journal/slow-disk.js";
import { Calls } from "../rpc/support/calls.js";
import { Edge, type RefusedError } from "../rpc/support/edge.js";
import { TestClock, turn } from "../rpc/session/support/test-clock.js";

const directory = "/journal";

/** A master over a simulated disk, as clients see it. */
class Master {
  readonly calls: Calls;

  private constructor(
    readonly edge: Edge,
    readonly failure: Promise<unknown>,
    readonly clock: TestClock,
  ) {
    this.calls = new Calls(edge);
  }

  static async start(disk: SimulatedDisk, clock: TestClock, run?: RunOperation): Promise<Master> {
    let failed: (error: unknown) => void = () => {};
    const failure = new Promise<unknown>((resolve) => (failed = resolve));
    const journal = await openFileJournal({
      ...{ directory, storage: disk, segmentBytes: 20_000 },
      writer: { kind: "inline", ...(run !== undefined && { run }) },
    });
    const engine = await MasterEngine.open({
      ...{ journal, clock, draw: systemDraw() },
      onFatal: failed,
    });
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const address = "127.0.0.1:0";
    const server = await startRpcServer({ engine, clock, log, address, closeGraceMs: 0 });
    return new Master(new Edge(engine, server, new MemoryDisk(), []), failure, clock);
  }

  async submit(bytes = 1_000): Promise<string> {
    const tasks = [{ payload: Buffer.alloc(bytes, 7) }];
    const request = { job: { name: "job", stages: [{ taskType: "noop", tasks }] } };
    return (await this.calls.submit(request)).jobId;
  }

  has(jobId: string): Promise<boolean> {
    const { engine } = this.edge;
    return engine.read((state) => queries.getJob(state, "default", jobId) !== undefined);
  }

  /** The process is gone; nobody closes anything in order. */
  async die(): Promise<void> {
    this.edge.master.close();
    this.edge.operator.close();
    this.edge.failures.close();
    const closed = this.edge.server.close();
    for (let i = 0; i < 5; i++) await turn();
    await this.clock.advance(1);
    await closed;
  }
}

/** Submits until the disk is full. @returns the refusal, and those that wait for room */
async function submitUntilRefused(master: Master) {
  const waiting: Promise<string>[] = [];
  for (;;) {
    let refused: RefusedError | undefined;
    let isAnswered = false;
    const submitted = master.submit();
    submitted.then(
      () => (isAnswered = true),
      (error: RefusedError) => (refused = error),
    );
    for (let i = 0; i < 200 && !isAnswered && refused === undefined; i++) await turn();
    if (refused !== undefined) return { refused: refused.refused, waiting };
    waiting.push(submitted);
  }
}

describe("a master over a disk that fails", () => {
  it("answers RESOURCE_EXHAUSTED wherever its entries stop to fit, and goes on by itself", async () => {
    const random = prng(4);
    for (let round = 0; round < 8; round++) {
      const disk = new SimulatedDisk();
      const clock = new TestClock();
      const master = await Master.start(disk, clock);
      const kept = [await master.submit()];
      // In the middle of an entry, at its start, in the header of the next segment.
      disk.freeBytes = Math.floor(random() * 25_000);
      const { refused, waiting } = await submitUntilRefused(master);
      assert.equal(refused.code, "RESOURCE_EXHAUSTED");
      assert.equal(refused.reason, "DISK_FULL");
      disk.freeBytes = Infinity;
      await clock.advance(1_000);
      kept.push(...(await Promise.all(waiting)), await master.submit());
      const before = await master.edge.digest();
      disk.cutPower({ kind: "none_of_it" });
      await master.die();
      const again = await Master.start(disk, clock);
      for (const jobId of kept) assert(await again.has(jobId), jobId);
      assert.deepEqual(await again.edge.digest(), before);
      await again.die();
    }
  }).timeout(30_000);

  it("ends when an fsync fails or a write does, and has all that it answered for when it is started again", async () => {
    const random = prng(5);
    for (let round = 0; round < 12; round++) {
      const disk = new SimulatedDisk();
      const clock = new TestClock();
      const master = await Master.start(disk, clock);
      const kept = [await master.submit(), await master.submit()];
      if (random() < 0.7) disk.syncFails = true;
      else disk.bytesUntilWriteFails = Math.floor(random() * 1_000);
      disk.syncErrorCode = random() < 0.3 ? "ENOSPC" : "EIO";
      disk.failedSyncDropsPages = random() < 0.5;
      let isAnswered = false;
      master.submit().then(
        () => (isAnswered = true),
        () => undefined,
      );
      assert((await master.failure) instanceof JournalFailure);
      disk.syncFails = false;
      disk.bytesUntilWriteFails = Infinity;
      if (random() < 0.5) disk.killProcess();
      else disk.cutPower({ kind: random() < 0.5 ? "some_sectors" : "some_bytes", random });
      await master.die();
      assert(!isAnswered);
      const second = await Master.start(disk, clock);
      kept.push(await second.submit());
      disk.cutPower({ kind: "none_of_it" });
      await second.die();
      const third = await Master.start(disk, clock);
      for (const jobId of kept) assert(await third.has(jobId), `round ${round}`);
      await third.die();
    }
  }).timeout(30_000);

  it("answers nobody before a slow disk has done its work, and keeps what was done and nobody was told of", async () => {
    const disk = new SimulatedDisk();
    const clock = new TestClock();
    const { run, stop } = slowly(clock, () => 20_000);
    const starting = Master.start(disk, clock, run);
    await clock.advance(50_000);
    const master = await starting;
    let answered = "";
    void master.submit().then((jobId) => (answered = jobId));
    for (let i = 0; i < 50; i++) await turn();
    await clock.advance(19_000);
    assert.equal(answered, "");
    await clock.advance(2_000);
    while (answered === "") await turn();
    // Carried out, and nobody was told: it dies before.
    let late = "";
    void master.submit().then(
      (jobId) => (late = jobId),
      () => undefined,
    );
    for (let i = 0; i < 50; i++) await turn();
    await clock.advance(15_000);
    assert.equal(late, "");
    stop();
    disk.cutPower({ kind: "none_of_it" });
    await master.die();
    const again = await Master.start(disk, clock);
    assert(await again.has(answered));
    assert.equal(await again.edge.engine.read((state) => state.jobs.size), 2);
    await again.die();
  }).timeout(30_000);

  it("does not start on a journal that was damaged, and says where", async () => {
    const disk = new SimulatedDisk();
    const clock = new TestClock();
    const master = await Master.start(disk, clock);
    for (let i = 0; i < 30; i++) await master.submit();
    disk.killProcess();
    await master.die();
    assert(disk.paths(directory).length > 1);
    for (let seed = 0; seed < 20; seed++) {
      const copy = disk.copy();
      const done = damage(copy, directory, "bit_flipped", prng(seed));
      await assert.rejects(Master.start(copy, clock), (error) => {
        assert(error instanceof JournalError, String(error));
        assert.match(error.message, /^DATA_LOSS: .*\(segment \d{16}\.segment, byte \d+/);
        assert.equal(error.place?.segment, done?.path.slice(directory.length + 1));
        return true;
      });
    }
    // The first of its segments is gone: what it held is needed.
    const holed = disk.copy();
    holed.removeForGood(disk.paths(directory)[0] ?? "");
    await assert.rejects(Master.start(holed, clock), /DATA_LOSS/);
  }).timeout(30_000);
});
