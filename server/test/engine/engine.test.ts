import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digest, queries } from "../../src/core/index.js";
import type { Clock } from "../../src/engine/clock.js";
import { systemClock } from "../../src/engine/clock.js";
import { MasterEngine } from "../../src/engine/engine.js";
import type { SubmissionSource } from "../../src/engine/engine-port.js";
import { Blobs, DiskFullError, UnavailableError } from "../../src/engine/engine-port.js";
import { systemDraw } from "../../src/engine/random.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import type { Journal } from "../../src/journal/journal.js";
import { MemoryDisk, openMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { draftOf, InProcessWorker, specOf, submit, submitOf } from "./in-process-worker.js";

async function open(journal: Journal, onFatal: (error: unknown) => void = fail) {
  return MasterEngine.open({ journal, clock: systemClock, draw: systemDraw(), onFatal });
}

function fail(error: unknown): void {
  throw error;
}

/** Time goes by with each look at it: a turn has time for a handful of commands. */
function slowClock(onTurn: () => void = () => {}): Clock & { isSlow: boolean } {
  let passedMs = 0;
  return {
    ...systemClock,
    isSlow: true,
    monotonicMs() {
      if (this.isSlow) passedMs += 1;
      return systemClock.monotonicMs() + passedMs;
    },
    soon: (callback) => {
      onTurn();
      systemClock.soon(callback);
    },
  };
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

  it("ends its closing with what the journal failed with, where that fails meanwhile", async () => {
    const journal = await openMemoryJournal(new MemoryDisk());
    const fatal: unknown[] = [];
    const engine = await open(journal, (error) => fatal.push(error));
    const failure = new Error("the disk failed");
    let fails: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      journal.append = () => {
        resolve();
        return new Promise((_, reject) => {
          fails = () => {
            reject(failure);
          };
        });
      };
    });
    void submit(engine, "job", 1, 100).catch(() => undefined);
    await asked;
    const closing = engine.close();
    fails();
    await assert.rejects(closing, failure);
    assert.deepEqual(fatal, [failure]);
    await journal.close();
  });

  it("lets jobs go that have ended and that history has, with their bytes, also over a restart", async () => {
    const disk = new MemoryDisk();
    const settings = { retireAfterMs: 0 };
    const opened = async () =>
      MasterEngine.open({
        ...{ journal: await openMemoryJournal(disk), clock: systemClock, draw: systemDraw() },
        ...{ onFatal: fail, settings },
      });
    const engine = await opened();
    const worker = new InProcessWorker(engine, 1);
    await worker.register(8);
    await submit(engine, "ends", 20, 100);
    await worker.settled(20);
    const waits = await submit(engine, "waits", 3, 100, 3_600_000);
    const gone = new Promise<void>((resolve) => {
      const look = () => {
        void engine.read((state) => state.jobs.size).then((size) => size === 1 && resolve());
      };
      engine.onDurable(look);
      look();
    });
    const through = await engine.read((_state, { now }) => now + 1);
    engine.note({ kind: "note_projected", through });
    await gone;
    const blobs = engine.payloadStats.blobs;
    assert.equal(blobs, 3);
    const before = await engine.read((state) => digest(state));
    await engine.close();

    const again = await opened();
    assert.equal(again.payloadStats.blobs, blobs);
    assert.deepEqual(await again.read((state) => digest(state)), before);
    const job = await again.read((state) => queries.getJob(state, "default", waits));
    assert.equal(job?.state, "running");
    await again.close();
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
      .read((state) => state.jobs.count)
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

  for (const when of ["before", "as"]) {
    it(`can be closed when the disk is full ${when} it closes, and has what it had answered for`, async () => {
      const disk = new MemoryDisk();
      const engine = await open(await openMemoryJournal(disk));
      await submit(engine, "answered", 1);
      disk.full = true;
      const refused = assert.rejects(submit(engine, "refused", 1), DiskFullError);
      if (when === "before") await refusal(engine);
      else await new Promise((resolve) => setImmediate(resolve));
      await engine.close();
      await refused;
      disk.full = false;
      const again = await open(await openMemoryJournal(disk));
      const names = await again.read((state) => Array.from(state.jobs, ({ spec }) => spec.name));
      assert.deepEqual(names, ["answered"]);
      await again.close();
    });
  }

  it("waits as it closes for a try that is under way, since the disk may have room by now", async () => {
    const disk = new MemoryDisk();
    const gate = { isShut: false, open: () => {}, isMet: () => {} };
    const met = new Promise<void>((resolve) => (gate.isMet = resolve));
    const latency = () => {
      if (!gate.isShut) return Promise.resolve();
      gate.isMet();
      return new Promise<void>((resolve) => (gate.open = resolve));
    };
    const fatal: unknown[] = [];
    const engine = await open(await openMemoryJournal(disk, { latency }), (error) =>
      fatal.push(error),
    );
    disk.full = true;
    const waits = submit(engine, "waits", 1);
    const behind = submit(engine, "behind", 1);
    await refusal(engine);
    disk.full = false;
    gate.isShut = true;
    await met;
    const closing = engine.close();
    gate.isShut = false;
    gate.open();
    await closing;
    assert.match(await waits, /^job_/);
    assert.match(await behind, /^job_/);
    assert.deepEqual(fatal, []);
    const again = await open(await openMemoryJournal(disk));
    const names = await again.read((state) => Array.from(state.jobs, ({ spec }) => spec.name));
    assert(names.includes("waits") && names.includes("behind"));
    await again.close();
  });

  it("refuses to start on a journal whose first entries are gone", async () => {
    const disk = new MemoryDisk();
    const engine = await open(await openMemoryJournal(disk));
    await submit(engine, "first", 1);
    await submit(engine, "second", 1);
    await engine.close();
    const journal = await openMemoryJournal(disk);
    await journal.truncate(3);
    assert.equal(journal.firstIndex, 3);
    await assert.rejects(open(journal), /DATA_LOSS/);
    await journal.close();
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
    const names = await again.read((state) => Array.from(state.jobs, ({ spec }) => spec.name));
    assert.deepEqual(names, ["durable"]);
    await again.close();
  });

  it("answers what was asked for when it is closed, if only by a refusal", async () => {
    const engine = await open(await openMemoryJournal(new MemoryDisk()));
    const asked = [engine.read(() => 1), submit(engine, "late", 1)];
    await engine.close();
    for (const outcome of await Promise.allSettled(asked)) {
      assert.equal(outcome.status, "rejected");
      assert(outcome.reason instanceof UnavailableError);
    }
  });

  it("says that it failed also when that is while it is closing", async () => {
    const disk = new MemoryDisk();
    let failed: (error: unknown) => void = () => {};
    const failure = new Promise<unknown>((resolve) => (failed = resolve));
    let release = () => {};
    let isSlow = false;
    const latency = () =>
      isSlow ? new Promise<void>((resolve) => (release = resolve)) : Promise.resolve();
    const engine = await open(await openMemoryJournal(disk, { latency }), failed);
    isSlow = true;
    void submit(engine, "under way", 1);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    void engine.close();
    disk.syncFails = true;
    release();
    assert((await failure) instanceof Error);
  });

  it("lets the loop go on between two parts of what came at once", async () => {
    let turns = 0;
    const clock = slowClock(() => {
      turns += 1;
    });
    const journal = await openMemoryJournal(new MemoryDisk());
    const engine = await MasterEngine.open({ journal, clock, draw: systemDraw(), onFatal: fail });
    const submissions = Array.from({ length: 300 }, (_, job) => ({
      command: {
        kind: "submit_job" as const,
        ...{ spec: specOf(`job-${job}`), idempotencyKey: "", fingerprint: "" },
        ...{ moreToUpload: false, tasks: [{ stage: 0, tasks: [draftOf(0)] }] },
      },
      blobs: Blobs.of([new Uint8Array()]),
    }));
    const before = turns;
    const results = await engine.submitMany(submissions);
    assert.ok(results.every(({ ok }) => ok));
    assert.ok(turns - before > 30, `${turns - before} turns`);
    assert.equal(await engine.read((state) => state.jobs.size), 300);
    await engine.close();
  });

  it("has copied what a source gave before it asks any source again", async () => {
    const journal = await openMemoryJournal(new MemoryDisk());
    const engine = await open(journal);
    // Of its size two fit into an entry: every third waits for room.
    const shared = new Uint8Array(200_000);
    let made = 0;
    const source = (): SubmissionSource => {
      let left = 3;
      return {
        next: () => {
          if (left-- === 0) return undefined;
          shared.fill(++made);
          const tasks = [{ stage: 0, tasks: [draftOf(shared.length)] }];
          const command = { ...submitOf("job"), tasks } as const;
          return { command, blobs: Blobs.of([shared]) };
        },
      };
    };
    const all = await Promise.all([source(), source(), source()].map((s) => engine.submitFrom(s)));
    assert(all.flat().every(({ ok }) => ok));
    assert.equal(made, 9);
    assert(journal.lastIndex > 5, `${journal.lastIndex} entries`);
    for (let blob = 1; blob <= made; blob++) {
      assert.deepEqual(await engine.payload(blob), new Uint8Array(shared.length).fill(blob));
    }
    await engine.close();
  });

  it("gives a worker nothing for what it has ended before it is told so, also where that takes turns", async () => {
    const journal = await openMemoryJournal(new MemoryDisk());
    const clock = slowClock();
    const engine = await MasterEngine.open({ journal, clock, draw: systemDraw(), onFatal: fail });
    clock.isSlow = false;
    const window = 100;
    const worker = new InProcessWorker(engine, 1);
    await worker.register(1_000, false, window);
    await submit(engine, "job", 1_000);
    await worker.given(window);
    clock.isSlow = true;
    for (let times = 2; times <= 10; times++) {
      const settled = worker.completeAll();
      await worker.given(times * window);
      await settled;
    }
    assert.equal(worker.mostHeld, window);
    await engine.close();
  });

  it("does not turn and turn while the journal is blocked and something is due", async () => {
    let now = 0;
    const timers: number[] = [];
    const clock: Clock = {
      monotonicMs: () => now,
      wallMs: () => 1_000_000 + now,
      setTimer: (delayMs, callback) => {
        timers.push(delayMs);
        // Time is the test's: what is set rings soon, whatever its delay.
        const timer = setTimeout(callback, 1);
        return () => clearTimeout(timer);
      },
      soon: (callback) => setImmediate(callback),
    };
    let release = () => {};
    let isSlow = false;
    const latency = () =>
      isSlow ? new Promise<void>((resolve) => (release = resolve)) : Promise.resolve();
    const journal = await openMemoryJournal(new MemoryDisk(), { latency });
    const engine = await MasterEngine.open({ journal, clock, draw: systemDraw(), onFatal: fail });
    await engine.submit<"submit_job">(
      {
        kind: "submit_job",
        spec: specOf("later"),
        idempotencyKey: "",
        fingerprint: "",
        moreToUpload: false,
        tasks: [{ stage: 0, tasks: [{ ...draftOf(0), delayMs: 5_000 }] }],
      },
      Blobs.of([new Uint8Array(0)]),
    );
    isSlow = true;
    const blocked = submit(engine, "kept", 1);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    now += 10_000_000;
    timers.length = 0;
    void engine.read(() => {});
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(
      timers.filter((delayMs) => delayMs < 50),
      [],
    );
    isSlow = false;
    release();
    await blocked;
    await engine.close();
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
