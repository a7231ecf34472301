import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digest, queries } from "../../src/core/index.js";
import { systemClock } from "../../src/engine/clock.js";
import { MasterEngine } from "../../src/engine/engine.js";
import { DiskFullError } from "../../src/engine/engine-port.js";
import { systemDraw } from "../../src/engine/random.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import type { Journal } from "../../src/journal/journal.js";
import { MemoryDisk, openMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { InProcessWorker, submit } from "./in-process-worker.js";

async function open(journal: Journal, onFatal: (error: unknown) => void = fail) {
  return MasterEngine.open({ journal, clock: systemClock, draw: systemDraw(), onFatal });
}

function fail(error: unknown): void {
  throw error;
}

describe("the engine", () => {
  it("runs a job to its end over a worker, and finds it ended after a restart", async () => {
    const directory = await mkdtemp(join(tmpdir(), "capstan-engine-"));
    try {
      const engine = await open(await openFileJournal({ directory }));
      const worker = new InProcessWorker(engine, 1);
      await worker.register(8);
      const jobId = await submit(engine, "job", 2_000, 100);
      await worker.settled(2_000);
      const before = await engine.read((state) => digest(state));
      await engine.close();

      const again = await open(await openFileJournal({ directory }));
      const after = await again.read((state) => digest(state));
      assert.deepEqual(after, before);
      const job = await again.read((state) => queries.getJob(state, "default", jobId));
      assert.equal(job?.state, "succeeded");
      await again.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("never gives a worker more than it has room for", async () => {
    const engine = await open(await openMemoryJournal(new MemoryDisk()));
    const worker = new InProcessWorker(engine, 1);
    await worker.register(3, false);
    await submit(engine, "job", 10);
    await engine.read(() => {});
    await engine.read(() => {});
    assert.equal(worker.assigned.length, 3);
    await engine.close();
  });

  it("answers nothing before it is durable, refusals and reads included", async () => {
    const disk = new MemoryDisk();
    let release = () => {};
    let isSlow = false;
    const latency = () =>
      isSlow ? new Promise<void>((resolve) => (release = resolve)) : Promise.resolve();
    const engine = await open(await openMemoryJournal(disk, { latency }));
    await submit(engine, "first", 1);
    isSlow = true;
    const answers: string[] = [];
    const submitted = submit(engine, "second", 1).then(() => answers.push("submit"));
    const read = engine
      .read((state) => state.jobs.length)
      .then((jobs) => answers.push(`read ${jobs}`));
    const refused = engine
      .submit<"cancel_job">({ kind: "cancel_job", namespace: "default", jobId: "x", note: "" })
      .then(({ ok }) => answers.push(`cancel ${ok}`));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(answers, []);
    isSlow = false;
    release();
    await Promise.all([submitted, read, refused]);
    assert.deepEqual(answers.sort(), ["cancel false", "read 2", "submit"]);
    await engine.close();
  });

  it("refuses new work while the disk is full, and goes on by itself when there is room", async () => {
    const disk = new MemoryDisk();
    const engine = await open(await openMemoryJournal(disk));
    disk.full = true;
    const first = submit(engine, "waits", 1);
    await refusal(engine);
    disk.full = false;
    assert.match(await first, /^job_/);
    assert.match(await submit(engine, "after", 1), /^job_/);
    await engine.close();
  });

  it("ends when the outcome of an append is unknown, and the next one recovers by replay", async () => {
    const disk = new MemoryDisk();
    let failed: (error: unknown) => void = () => {};
    const failure = new Promise<unknown>((resolve) => (failed = resolve));
    const engine = await open(await openMemoryJournal(disk), failed);
    await submit(engine, "durable", 1);
    disk.syncFails = true;
    void submit(engine, "unknown", 1);
    assert((await failure) instanceof Error);
    disk.syncFails = false;
    disk.crash();
    const again = await open(await openMemoryJournal(disk));
    const names = await again.read((state) => state.jobs.map(({ spec }) => spec.name));
    assert.deepEqual(names, ["durable"]);
    await again.close();
  });
});

/** Resolves once the engine refuses work because the disk is full. */
async function refusal(engine: MasterEngine): Promise<void> {
  for (;;) {
    const attempt = await Promise.race([
      submit(engine, "refused", 1).then(
        () => undefined,
        (error: unknown) => error,
      ),
      new Promise<"waits">((resolve) => setImmediate(resolve, "waits")),
    ]);
    if (attempt instanceof DiskFullError) return;
  }
}
