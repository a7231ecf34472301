import assert from "node:assert/strict";
import type { HeldState } from "../../src/core/index.js";
import type { Grant } from "./support/scenario.js";
import { Scenario, slots } from "./support/scenario.js";

const held = (grants: readonly Grant[], state: HeldState = "started") =>
  grants.map(({ token }) => ({ token, state, demand: [slots(1)] }));

/** What the ledger says of a worker, in slots, and how many wait there until they fit. */
function ledger(story: Scenario, no: number): [used: number, ahead: number] {
  const worker = story.machine.state.worker(no);
  return [(worker.used[0] ?? 0) / 1_000, worker.ahead.length];
}

describe("a worker that registers again", () => {
  it("with less than what it runs is given nothing until its leases fit again", () => {
    const story = new Scenario();
    const sketch = { id: "w", host: "h" };
    story.worker({ ...sketch, capacity: [slots(4)] });
    story.submit({ stages: [{ tasks: 8 }] });
    const running = story.place();
    assert.equal(running.length, 4);
    running.forEach((grant) => story.start(grant));
    story.worker({ ...sketch, capacity: [slots(2)], held: held(running) });
    assert.deepEqual(ledger(story, 0), [4, 0]);
    const given = running.map((grant) => {
      const before = story.place().length;
      story.complete(grant);
      return before;
    });
    assert.deepEqual(given, [0, 0, 0, 1]);
    assert.equal(story.place().length, 1);
    assert.deepEqual(ledger(story, 0), [2, 0]);
  });

  it("with less has nothing move up into room that it no longer has", () => {
    const story = new Scenario();
    const sketch = { id: "w", host: "h", prefetch: 2 };
    story.worker({ ...sketch, capacity: [slots(2)] });
    story.submit({ stages: [{ tasks: 4 }] });
    const [forgotten, ...others] = story.place();
    assert(forgotten !== undefined && others.length === 3);
    story.worker({ ...sketch, capacity: [slots(1)], held: held(others, "received") });
    assert.deepEqual(ledger(story, 0), [1, 2]);
  });

  it("with more starts what waited there, and is given what waits in line", () => {
    const story = new Scenario();
    const sketch = { id: "w", host: "h", prefetch: 2 };
    story.worker({ ...sketch, capacity: [slots(1)] });
    story.submit({ stages: [{ tasks: 5 }] });
    const grants = story.place();
    assert.deepEqual(
      grants.map(({ ahead }) => ahead),
      [false, true, true],
    );
    story.worker({ ...sketch, capacity: [slots(4)], held: held(grants, "received") });
    assert.deepEqual(ledger(story, 0), [3, 0]);
    const more = story.place();
    assert.deepEqual(
      more.map(({ ahead }) => ahead),
      [false, true],
    );
  });

  it("gives back what it has not started and could not start any more", () => {
    const story = new Scenario();
    const sketch = { id: "w", host: "h" };
    story.worker({ ...sketch, capacity: [slots(2)] });
    story.submit({ stages: [{ tasks: 1, demand: [slots(2)] }] });
    const grant = story.placeOne();
    story.worker({ ...sketch, capacity: [slots(1)], held: held([grant], "received") });
    const recalled = story.machine.notices.filter(({ kind }) => kind === "recall");
    assert.deepEqual(
      recalled.map((notice) => "token" in notice && notice.token.lease),
      [grant.token.lease],
    );
    const other = story.worker({ capacity: [slots(2)] });
    assert.equal(story.placeOne().worker, other);
    story.giveBack(grant, "recalled");
    assert.deepEqual(ledger(story, 0), [0, 0]);
  });

  it("goes on with what it has started, though it could not start it now", () => {
    const story = new Scenario();
    const sketch = { id: "w", host: "h" };
    story.worker({ ...sketch, capacity: [slots(2)] });
    const jobId = story.submit({ stages: [{ tasks: 1, demand: [slots(2)] }] });
    const grant = story.placeOne();
    story.worker({ ...sketch, capacity: [slots(1)], held: held([grant]) });
    story.complete(grant);
    assert.equal(story.job(jobId).state, "succeeded");
  });
});

describe("a worker that says that it has more", () => {
  it("starts what waited there", () => {
    const story = new Scenario();
    const worker = story.worker({ prefetch: 3 });
    story.submit({ stages: [{ tasks: 4 }] });
    assert.equal(story.place().length, 4);
    story.machine.run({ kind: "update_worker", worker, session: 1, capacity: [slots(3)] });
    assert.deepEqual(ledger(story, worker), [3, 1]);
  });
});

describe("a worker that lists what it holds", () => {
  const sketch = { id: "w", host: "h" };

  /** A worker with one task that it came back with, in a session that has given it nothing. */
  function resumed() {
    const story = new Scenario();
    story.worker(sketch);
    story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    story.start(grant);
    const worker = story.worker({ ...sketch, held: held([grant]) });
    const { session } = story.machine.state.worker(worker);
    const list = (tokens: readonly (typeof grant.token)[]) => {
      const command = { worker, session, throughSequence: 0, held: tokens };
      story.machine.run({ kind: "reconcile_held", ...command });
    };
    return { story, grant, list };
  }

  it("keeps what it came with for as long as it lists it", () => {
    const { story, grant, list } = resumed();
    list([grant.token]);
    assert.deepEqual(ledger(story, 0), [1, 0]);
    assert.deepEqual(story.place(), []);
  });

  it("is free again of what it came with and forgot, uncharged", () => {
    const { story, list } = resumed();
    list([]);
    assert.deepEqual(ledger(story, 0), [0, 0]);
    const again = story.placeOne();
    assert.deepEqual([again.delivery, again.attempt], [2, 1]);
  });

  it("is free again of what it forgot after that was taken away from it", () => {
    const { story, list } = resumed();
    story.pass(15_000);
    assert.deepEqual(ledger(story, 0), [1, 0], "it keeps its room until its worker answers");
    list([]);
    assert.deepEqual(ledger(story, 0), [0, 0]);
  });
});
