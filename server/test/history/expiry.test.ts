import assert from "node:assert/strict";
import { inMemory, openDatabase } from "../../src/history/database.js";
import type { Retention } from "../../src/history/history.js";
import { HistoryStore } from "../../src/history/store.js";
import { Scenario, slots } from "../core/support/scenario.js";
import { entriesOf } from "./support/recording.js";

const retention: Retention = { succeededMs: 1_000, otherMs: 5_000 };
const everything = { namespace: "default", states: [], name: "", labels: [] } as const;
/** What {@link entriesOf} adds to the machine's wall clock. */
const wallOffMs = 1_700_000_000_000;

function begin(): Scenario {
  const story = new Scenario();
  story.worker({ capacity: [slots(100_000)], credit: 100_000 });
  return story;
}

function historyOf(story: Scenario): HistoryStore {
  const store = new HistoryStore(openDatabase(inMemory), retention);
  for (const entry of entriesOf(story.machine.journal)) store.project(entry);
  store.commit();
  return store;
}

function runAll(story: Scenario): void {
  for (let grants = story.place(); grants.length > 0; grants = story.place()) {
    for (const grant of grants) {
      story.complete(grant, [{ partition: 0, bodyBytes: 4, dataBytes: 0, hosts: [] }]);
    }
  }
}

/** @returns how many steps it took */
function expire(store: HistoryStore, wall: number): number {
  let steps = 1;
  while (store.expireSome(wall)) steps += 1;
  store.commit();
  return steps;
}

function names(store: HistoryStore): string[] {
  return store.jobs(everything, Infinity, 0, 1_000).jobs.map(({ id }) => id);
}

function count(store: HistoryStore, table: string): number {
  const row = store.database.prepare(`SELECT count(*) AS count FROM ${table}`).get() as {
    count: number;
  };
  return row.count;
}

describe("what is past its retention", () => {
  it("goes by state and age, and not before", () => {
    const story = begin();
    const good = story.submit({ stages: [{ tasks: 2 }] });
    runAll(story);
    const bad = story.submit({ stages: [{ tasks: 2 }] });
    story.cancel(bad);
    const store = historyOf(story);
    const wall = story.machine.now + wallOffMs;
    assert.deepEqual(names(store), [bad, good]);
    expire(store, wall + retention.succeededMs - 1);
    assert.deepEqual(names(store), [bad, good]);
    expire(store, wall + retention.succeededMs);
    assert.deepEqual(names(store), [bad]);
    assert.equal(store.job("default", good), undefined);
    expire(store, wall + retention.otherMs);
    assert.deepEqual(names(store), []);
    store.close();
  });

  it("takes along every byte and row, but for the page that tasks are still added to", () => {
    const story = begin();
    for (let i = 0; i < 30; i++) story.submit({ stages: [{ tasks: 100 }] });
    runAll(story);
    const store = historyOf(story);
    assert(count(store, "task_page") === 3 && count(store, "section") > 0);
    expire(store, story.machine.now + wallOffMs + retention.succeededMs);
    const left = ["job", "spec", "kind", "troubled_task", "delivery", "section", "leaving"];
    assert.deepEqual(
      left.map((table) => count(store, table)),
      left.map(() => 0),
    );
    assert.equal(count(store, "task_page"), 1);
    store.close();
  });

  it("goes in steps, so that a large job holds up nobody, also over a restart", () => {
    const story = begin();
    const jobId = story.submit({ stages: [{ tasks: 10_000 }] });
    story.cancel(jobId);
    const store = historyOf(story);
    const wall = story.machine.now + wallOffMs + retention.otherMs;
    assert(store.expireSome(wall));
    assert.equal(store.job("default", jobId), undefined);
    store.commit();
    // What is left to do is in the database, not in the one that did the first step.
    const again = new HistoryStore(store.database, retention);
    const steps = expire(again, wall);
    assert(steps >= 2, `${steps} steps`);
    assert.deepEqual([count(again, "section"), count(again, "leaving")], [0, 0]);
    again.close();
  });

  it("leaves the bytes of others where they are, and gives back those in between", () => {
    const story = begin();
    story.submit({ stages: [{ tasks: 3 }] });
    const second = story.submit({ stages: [{ tasks: 3 }] });
    runAll(story);
    const store = historyOf(story);
    const bytes = () =>
      Number(
        (
          store.database.prepare("SELECT sum(length(bytes)) AS bytes FROM section").get() as {
            bytes: number;
          }
        ).bytes,
      );
    const before = bytes();
    // Kept for longer than it is: the first alone is past its time.
    store.database.exec(`UPDATE job SET expires_wall = 1e15 WHERE id = '${second}'`);
    expire(store, story.machine.now + wallOffMs + retention.succeededMs);
    assert.deepEqual(names(store), [second]);
    const filter = { stage: "s0", partition: undefined, index: undefined, after: undefined };
    const page = store.outputs("default", second, filter, 10, 10);
    assert(page.kind === "page");
    for (const { blob, bytes: found } of page.outputs) {
      assert.equal(Buffer.from(found).toString(), `blob ${blob}`);
    }
    assert(bytes() < before, `${bytes()} of ${before} bytes`);
    store.close();
  });
});
