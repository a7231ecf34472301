import assert from "node:assert/strict";
import type { Annotation } from "../../src/core/index.js";
import type { Engine } from "../../src/engine/engine-port.js";
import type { Backlog } from "../../src/engine/history-link.js";
import { HistoryLink } from "../../src/engine/history-link.js";
import type { History } from "../../src/history/history.js";
import { TestClock } from "../rpc/session/support/test-clock.js";

/** An engine and a history of which only what the link sees is there. */
class Pair {
  readonly clock = new TestClock();
  readonly notes: Annotation[] = [];
  readonly followed: number[] = [];
  readonly expired: number[] = [];
  readonly backlogs: Backlog[] = [];
  durableIndex = 5;
  checkpoint = 0;
  firstJob = 0;
  #onDurable = new Set<(index: number) => void>();
  #onSynced = new Set<(checkpoint: number) => void>();

  link(): HistoryLink {
    const engine: Pick<Engine, "durableIndex" | "note" | "read" | "onDurable"> = {
      durableIndex: 0,
      note: (annotation) => this.notes.push(annotation),
      read: (query) =>
        Promise.resolve(query(undefined as never, { now: this.clock.monotonicMs(), termNow: 0 })),
      onDurable: (listener) => {
        this.#onDurable.add(listener);
        return () => this.#onDurable.delete(listener);
      },
    };
    Object.defineProperty(engine, "durableIndex", { get: () => this.durableIndex });
    const history: Pick<History, "checkpoint" | "firstJob" | "follow" | "onSynced" | "expire"> = {
      checkpoint: 0,
      firstJob: 0,
      follow: (index) => this.followed.push(index),
      expire: async (wall) => {
        this.expired.push(wall);
      },
      onSynced: (listener) => {
        this.#onSynced.add(listener);
        return () => this.#onSynced.delete(listener);
      },
    };
    Object.defineProperty(history, "checkpoint", { get: () => this.checkpoint });
    Object.defineProperty(history, "firstJob", { get: () => this.firstJob });
    return new HistoryLink(engine as Engine, history as History, this.clock, (backlog) =>
      this.backlogs.push(backlog),
    );
  }

  durable(index: number): void {
    this.durableIndex = index;
    for (const listener of this.#onDurable) listener(index);
  }

  synced(checkpoint: number): void {
    this.checkpoint = checkpoint;
    for (const listener of this.#onSynced) listener(checkpoint);
  }
}

describe("between engine and history", () => {
  let pair: Pair;
  let link: HistoryLink;

  beforeEach(() => {
    pair = new Pair();
    link = pair.link();
  });

  afterEach(() => {
    link.stop();
  });

  it("the history follows what is durable, from the first moment on", () => {
    pair.durable(6);
    pair.durable(9);
    assert.deepEqual(pair.followed, [5, 6, 9]);
  });

  it("the core learns of a time once all that was decided before it is synced", async () => {
    const before = pair.clock.monotonicMs();
    await pair.clock.advance(0);
    pair.durable(8);
    pair.synced(4);
    assert.deepEqual(pair.notes, []);
    // The entries that were durable when the time was taken; those after it do not matter.
    pair.synced(5);
    assert.deepEqual(pair.notes, [{ kind: "note_projected", through: before }]);
  });

  it("the core learns before anything else where a history begins that has lost its beginning", async () => {
    await pair.clock.advance(0);
    pair.firstJob = Infinity;
    pair.synced(5);
    pair.firstJob = 7;
    pair.synced(6);
    pair.synced(7);
    const begins = (job: number) => ({ kind: "note_history_begins", job }) as const;
    const [first, projected, second, ...more] = pair.notes;
    assert.deepEqual([first, second, more], [begins(Infinity), begins(7), []]);
    assert.equal(projected?.kind, "note_projected");
  });

  it("while history is behind, no later time is taken", async () => {
    const before = pair.clock.monotonicMs();
    await pair.clock.advance(10_000);
    pair.synced(5);
    assert.deepEqual(pair.notes, [{ kind: "note_projected", through: before }]);
    await pair.clock.advance(1_000);
    assert.equal(pair.notes.length, 2);
  });

  it("with nothing to do the time goes on, so that the last job to end leaves too", async () => {
    await pair.clock.advance(0);
    pair.synced(5);
    await pair.clock.advance(3_000);
    const times = pair.notes.map((note) => note.kind === "note_projected" && note.through);
    assert.deepEqual(
      times,
      [0, 1_000, 2_000, 3_000].map((ms) => ms + 1_000),
    );
  });

  it("a backlog is told once when it has become large, and once when it is gone", async () => {
    pair.durable(30_000);
    await pair.clock.advance(3_000);
    assert.deepEqual(pair.backlogs, [{ isBehind: true, entries: 30_000 }]);
    pair.synced(28_000);
    await pair.clock.advance(3_000);
    assert.equal(pair.backlogs.length, 1);
    pair.synced(29_900);
    await pair.clock.advance(1_000);
    assert.deepEqual(pair.backlogs[1], { isBehind: false, entries: 100 });
  });

  it("what is past its retention is looked for each minute", async () => {
    const start = pair.clock.wallMs();
    await pair.clock.advance(120_000);
    assert.deepEqual(pair.expired, [start, start + 60_000, start + 120_000]);
  });

  it("nothing happens any more once it is stopped", async () => {
    link.stop();
    pair.durable(7);
    await pair.clock.advance(5_000);
    assert.deepEqual(pair.followed, [5]);
  });
});
