import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeliveryView, JobView, State, TaskView } from "../../src/core/index.js";
import { apply, newState, queries } from "../../src/core/index.js";
import { inMemory, openDatabase } from "../../src/history/database.js";
import { defaultRetention } from "../../src/history/history.js";
import { HistoryStore } from "../../src/history/store.js";
import { Prng } from "../core/support/prng.js";
import { bytesOfBlob, record, type Recorded } from "./support/recording.js";
import { dump } from "./support/dump.js";

const seedCount = Number(process.env["CAPSTAN_SEEDS"] ?? 12);
const firstSeed = Number(process.env["CAPSTAN_SEED"] ?? 1);
const stepCount = Number(process.env["CAPSTAN_STEPS"] ?? 3_000);

const everything = { namespace: "default", states: [], name: "", labels: [] } as const;
const allTasks = { stage: "", states: [] } as const;
const start = { stage: 0, index: 0 } as const;

/** All that can be asked about a job, of the core. */
function inCore(state: State, jobId: string) {
  const job = queries.getJob(state, "default", jobId);
  assert(job !== undefined);
  const tasks = queries.listTasks(state, "default", jobId, allTasks, start, 10_000, 0);
  assert(tasks.kind === "page");
  const outputs = job.spec.stages.map(({ name }) => {
    const filter = { stage: name, partition: undefined, index: undefined, after: undefined };
    return queries.readOutputs(state, "default", jobId, filter, 10_000, 10_000);
  });
  return { job: { ...job, revision: 0 }, tasks: tasks.tasks.map(bare), outputs };
}

/** The core hands on more of a delivery than its view names. */
function bare(task: TaskView): TaskView {
  const deliveries = task.deliveries.map((one): DeliveryView => ({
    generation: one.generation,
    delivery: one.delivery,
    attempt: one.attempt,
    workerId: one.workerId,
    host: one.host,
    rack: one.rack,
    level: one.level,
    grantedWall: one.grantedWall,
    endedWall: one.endedWall,
    end: one.end,
    charge: one.charge,
    failure: one.failure,
    progress: one.progress,
    progressNote: one.progressNote,
  }));
  return { ...task, deliveries };
}

function inHistory(store: HistoryStore, jobId: string) {
  const job = store.job("default", jobId);
  assert(job !== undefined, `history has no ${jobId}`);
  const tasks = store.tasks("default", jobId, allTasks, start, 10_000);
  assert(tasks.kind === "page");
  const outputs = job.spec.stages.map(({ name }) => {
    const filter = { stage: name, partition: undefined, index: undefined, after: undefined };
    const page = store.outputs("default", jobId, filter, 10_000, 10_000);
    if (page.kind !== "page") return page;
    for (const { blob, bytes } of page.outputs) {
      assert.equal(Buffer.from(bytes).toString(), bytesOfBlob(blob).toString());
    }
    return { ...page, outputs: page.outputs.map(({ bytes: _, ...output }) => output) };
  });
  checkBytes(store, tasks.tasks);
  for (const { finishedWall, index, stage } of tasks.tasks) {
    assert(finishedWall !== undefined, `${stage}/${index} has ended, and nobody knows when`);
  }
  return { job, tasks: tasks.tasks, outputs };
}

/** Every body, checkpoint and failure that a view speaks of is there. */
function checkBytes(store: HistoryStore, tasks: readonly TaskView[]): void {
  for (const { body, checkpoint, deliveries } of tasks) {
    const failures = deliveries.map(({ failure }) => failure?.body ?? 0);
    for (const blob of [body, checkpoint, ...failures]) {
      if (blob === 0) continue;
      const bytes = store.payload(blob);
      assert(bytes !== undefined, `blob ${blob} is not kept`);
      assert.equal(Buffer.from(bytes).toString(), bytesOfBlob(blob).toString());
    }
  }
}

/** Workers are shown as they registered last, which goes on after a job has left. */
function withoutPlaces(value: unknown): unknown {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    key === "host" || key === "rack" ? "" : inner,
  );
  return JSON.parse(text);
}

function openStore(path: string = inMemory): HistoryStore {
  return new HistoryStore(openDatabase(path), defaultRetention);
}

describe("the history of random runs", () => {
  const seen = { left: 0, tasks: 0, troubled: 0, outputs: 0 };

  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    it(`answers for every job as the core did before it left, CAPSTAN_SEED=${seed}`, () => {
      const store = openStore();
      const state = newState();
      const left = new Map<string, ReturnType<typeof inCore>>();
      for (const { index, body, events, stamp } of record(seed, stepCount)) {
        for (const event of events) {
          if (event.type !== "jobs_retired") continue;
          for (const no of [...event.jobs, ...event.leaving]) {
            const { id } = state.job(no);
            const known = inCore(state, id);
            assert.deepEqual(inHistory(store, id), known);
            left.set(id, known);
            seen.left += 1;
            seen.tasks += known.tasks.length;
            seen.troubled += known.tasks.filter(({ deliveries }) => deliveries.length > 1).length;
            for (const page of known.outputs) {
              if (page.kind === "page") seen.outputs += page.outputs.length;
            }
          }
        }
        for (const event of events) apply(state, event, stamp);
        store.project({ index, body });
        if (index % 7 === 0) store.commit();
      }
      store.commit();
      for (const [id, known] of left) {
        assert.equal(queries.getJob(state, "default", id), undefined);
        assert.deepEqual(withoutPlaces(inHistory(store, id)), withoutPlaces(known));
      }
      checkLists(store, state, left);
      store.close();
    }).timeout(60_000);
  }

  it("saw jobs leave with troubles and outputs, often enough to prove something", () => {
    assert(seen.left >= 2 * seedCount, `${seen.left} jobs left`);
    assert(seen.tasks >= 10 * seedCount, `${seen.tasks} tasks`);
    assert(seen.troubled >= seedCount, `${seen.troubled} tasks with several deliveries`);
    assert(seen.outputs >= seedCount, `${seen.outputs} outputs`);
  });
});

/** History lists all that ended, newest first, page by page. */
function checkLists(
  store: HistoryStore,
  state: State,
  left: ReadonlyMap<string, { readonly job: JobView }>,
): void {
  const ended = [
    ...[...left.values()].map(({ job }) => job.no),
    ...[...state.jobs].filter(({ finishedAt }) => finishedAt > 0).map(({ no }) => no),
  ].sort((a, b) => b - a);
  const listed: number[] = [];
  for (let next: number | undefined = Infinity; next !== undefined;) {
    const page = store.jobs(everything, next, 0, 3);
    listed.push(...page.jobs.map(({ no }) => no));
    next = page.next;
  }
  assert.deepEqual(listed, ended);
}

describe("a projection that is interrupted", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "capstan-history-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("needs no more in memory than one job and one page", () => {
    const entries = record(firstSeed, stepCount);
    const small = new HistoryStore(openDatabase(inMemory), defaultRetention, {
      openJobs: 0,
      pages: 0,
    });
    for (const entry of entries) {
      small.project(entry);
      small.commit();
    }
    assert.deepEqual(dump(small), dump(project(entries)));
  }).timeout(60_000);

  for (let seed = firstSeed; seed < firstSeed + Math.min(4, seedCount); seed++) {
    it(`comes to the same rows as one that is not, CAPSTAN_SEED=${seed}`, () => {
      const entries = record(seed, stepCount);
      const whole = dump(project(entries));
      const random = new Prng(seed);
      const path = join(folder, "history.db");
      let store = openStore(path);
      let crashes = 0;
      for (let at = 0; at < entries.length; at++) {
        store.project(entries[at] as Recorded);
        if (random.chance(0.1)) store.commit();
        if (random.chance(0.1)) store.job("default", "job_00000000000000000000000000");
        if (!random.chance(0.02)) continue;
        // The process ends: what was not committed is lost, and taken in again.
        store.close();
        store = openStore(path);
        at = store.checkpoint - 1;
        crashes += 1;
      }
      store.commit();
      assert(crashes > 2, `${crashes} crashes`);
      assert.deepEqual(dump(store), whole);
    }).timeout(60_000);
  }
});

function project(entries: readonly Recorded[]): HistoryStore {
  const store = openStore();
  for (const entry of entries) store.project(entry);
  store.commit();
  return store;
}
