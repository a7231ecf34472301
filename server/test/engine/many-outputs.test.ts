import assert from "node:assert/strict";
import type { AssignmentView } from "../../src/core/index.js";
import { systemClock } from "../../src/engine/clock.js";
import { MasterEngine } from "../../src/engine/engine.js";
import { Blobs } from "../../src/engine/engine-port.js";
import { systemDraw } from "../../src/engine/random.js";
import { MemoryDisk, openMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { draftOf, specOf } from "./in-process-worker.js";

const taskCount = 2_000;
const partitions = 100;

describe("a job of a great many outputs", () => {
  it("leaves the master, with all their bytes", async () => {
    let broken: unknown;
    const engine = await MasterEngine.open({
      journal: await openMemoryJournal(new MemoryDisk()),
      clock: systemClock,
      draw: systemDraw(),
      settings: { retireAfterMs: 0 },
      onFatal: (error) => {
        broken = error;
      },
    });
    const worker = await register(engine, (worker, assigned) => {
      for (const token of assigned) {
        const outputs = Array.from({ length: partitions }, (_, partition) => ({
          partition,
          bodyBytes: 1,
          dataBytes: 1,
          hosts: [],
        }));
        const blobs = Blobs.of(outputs.map(() => new Uint8Array(1)));
        const command = { kind: "complete_lease", worker, token, outputs, recordCount: 0 } as const;
        void engine.submit(command, blobs);
      }
    });
    engine.note({ kind: "grant_credit", worker, session: 1, tasks: 4_096, bytes: 1e9 });
    const drafts = Array.from({ length: taskCount }, () => draftOf(0));
    const spec = specOf("many");
    const [stage] = spec.stages;
    assert(stage !== undefined);
    await engine.submit(
      {
        kind: "submit_job",
        spec: { ...spec, stages: [{ ...stage, partitions }] },
        idempotencyKey: "",
        fingerprint: "",
        moreToUpload: false,
        tasks: [{ stage: 0, tasks: drafts }],
      },
      Blobs.of(drafts.map(() => new Uint8Array(0))),
    );

    const ended = () => engine.read((state) => state.job(0).finishedAt > 0);
    while (broken === undefined && !(await ended())) await turn();
    assert.equal(engine.payloadStats.blobs, taskCount * partitions + taskCount);
    const through = await engine.read((_, { now }) => now + 1);
    // Journal time has to go on before what was decided at this moment counts as projected.
    const isPast = () => engine.read((_, { now }) => now > through);
    while (broken === undefined && !(await isPast())) await turn();
    engine.note({ kind: "note_projected", through });
    const isHere = () => engine.read((state) => state.jobs.size > 0);
    while (broken === undefined && (await isHere())) await turn();
    assert.equal(broken, undefined);
    assert.equal(engine.payloadStats.blobs, 0);
    await engine.close();
  });
});

/** What is polled here changes within a few turns of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function register(
  engine: MasterEngine,
  take: (worker: number, assigned: readonly AssignmentView[]) => void,
): Promise<number> {
  let no = -1;
  engine.attach(1, {
    notify: (notices) => {
      take(
        no,
        notices.filter((notice) => notice.kind === "assign"),
      );
    },
  });
  const registered = await engine.submit<"register_worker">({
    kind: "register_worker",
    session: 1,
    held: [],
    spec: {
      workerId: "w",
      incarnation: "1",
      namespaces: ["default"],
      host: "h",
      rack: "r",
      capacity: [{ name: "slots", milli: 8_000 }],
      labels: [],
      types: ["noop"],
      prefetchTasks: 0,
      sdk: "test",
    },
  });
  assert(registered.ok);
  no = registered.reply.worker;
  return no;
}
