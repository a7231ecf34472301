import assert from "node:assert/strict";
import { Scenario, slots } from "./support/scenario.js";

const near = (host: string, bytes = 1_000) => ({ hosts: [host], inputBytes: bytes });

describe("placement", () => {
  it("fills unequal machines, each to what it has and no further", () => {
    const story = new Scenario();
    const small = story.worker({ capacity: [slots(8)] });
    const large = story.worker({ capacity: [slots(16)] });
    story.submit({ stages: [{ tasks: 100 }] });
    const grants = story.place();
    assert.equal(grants.filter(({ worker }) => worker === small).length, 8);
    assert.equal(grants.filter(({ worker }) => worker === large).length, 16);
  });

  it("counts every resource, fractions included", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(10), { name: "gpu", milli: 1_000 }] });
    story.submit({ stages: [{ tasks: 10, demand: [slots(1), { name: "gpu", milli: 400 }] }] });
    assert.equal(story.place().length, 2);
  });

  it("gives room back when a task ends", () => {
    const story = new Scenario();
    story.worker();
    story.submit({ stages: [{ tasks: 2 }] });
    const first = story.placeOne();
    story.complete(first);
    assert.equal(story.placeOne().index, 1);
  });

  it("prefers the host of the data, then its rack, then anything", () => {
    const story = new Scenario();
    story.worker({ host: "a", rack: "left" });
    story.worker({ host: "b", rack: "left", credit: 0 });
    story.submit({ stages: [{ tasks: [near("z"), near("b"), near("a")] }] });
    const levels: [number, number][] = [];
    for (let i = 0; i < 3; i++) {
      const grant = story.placeOne();
      levels.push([grant.index, grant.level]);
      story.complete(grant);
    }
    assert.deepEqual(levels, [
      [2, 0],
      [1, 1],
      [0, 2],
    ]);
  });

  it("takes the largest input first among equally near tasks", () => {
    const story = new Scenario();
    story.worker({ host: "a", capacity: [slots(4)] });
    const tasks = [near("a", 5), near("a", 50), near("a", 20), near("a", 30)];
    story.submit({ stages: [{ tasks }] });
    assert.deepEqual(
      story.place().map(({ index }) => index),
      [1, 3, 2, 0],
    );
  });

  it("merges parts of an upload by size, not by part", () => {
    const story = new Scenario();
    const jobId = story.submit({
      stages: [{ tasks: [near("a", 10), near("a", 40)] }],
      upload: true,
    });
    const draft = { bodyBytes: 0, delayMs: 0, recordCount: 0 };
    story.machine.run({
      kind: "append_tasks",
      namespace: "default",
      jobId,
      stage: "s0",
      firstIndex: 2,
      tasks: [30, 20, 50].map((bytes) => ({ ...draft, ...near("a", bytes) })),
    });
    const counts = [{ stage: "s0", count: 5 }];
    story.machine.run({ kind: "seal_job", namespace: "default", jobId, counts });
    story.machine.followUp();
    story.worker({ host: "a", capacity: [slots(5)] });
    assert.deepEqual(
      story.place().map(({ index }) => index),
      [4, 1, 2, 3, 0],
    );
  });

  it("sends a task far only when no one near has room", () => {
    const story = new Scenario();
    const far = story.worker({ host: "far", capacity: [slots(2)] });
    const home = story.worker({ host: "home", capacity: [slots(2)] });
    story.submit({ stages: [{ tasks: [near("home"), near("home"), near("home")] }] });
    const grants = story.place();
    assert.equal(grants.filter(({ worker }) => worker === home).length, 2);
    assert.equal(grants.filter(({ worker }) => worker === far).length, 1);
  });

  it("learns the rack of a host when a worker names it, for tasks that wait already", () => {
    const story = new Scenario();
    story.submit({ stages: [{ tasks: [near("x"), near("b")] }] });
    story.worker({ host: "b", rack: "left", credit: 0 });
    story.worker({ host: "a", rack: "left" });
    const grant = story.placeOne();
    assert.deepEqual([grant.index, grant.level], [1, 1]);
  });

  it("takes workers in turns, so that no one is packed while others idle", () => {
    const story = new Scenario();
    for (let i = 0; i < 4; i++) story.worker({ capacity: [slots(4)] });
    story.submit({ stages: [{ tasks: 4 }] });
    assert.equal(new Set(story.place().map(({ worker }) => worker)).size, 4);
  });

  it("goes on in the next round where one had no more time", () => {
    const story = new Scenario();
    for (let no = 0; no < 100; no++) story.worker({ host: `h${no}`, rack: `r${no % 5}` });
    const tasks = Array.from({ length: 100 }, (_, no) => near(`h${no}`));
    story.submit({ stages: [{ tasks }] });
    for (let round = 0; round < 100; round++) {
      assert.equal(story.machine.place(1_000, () => true).length, 1);
    }
    const { state } = story.machine;
    assert.ok(state.workers.every(({ leases }) => leases.size === 1));
    for (const { task, worker } of state.leases.values()) assert.equal(task, worker);
  });

  it("serves the older job first", () => {
    const story = new Scenario();
    const older = story.submit({ stages: [{ tasks: 1 }] });
    story.submit({ stages: [{ tasks: 1 }] });
    story.worker();
    story.placeOne();
    assert.equal(story.task(older).state, "leased");
  });

  it("passes over what does not fit for what does", () => {
    const story = new Scenario();
    story.submit({ stages: [{ tasks: 1, demand: [slots(5)] }] });
    const small = story.submit({ stages: [{ tasks: 1 }] });
    story.worker({ capacity: [slots(2)] });
    story.placeOne();
    assert.equal(story.task(small).state, "leased");
  });

  it("gives no task to a worker that does not know its type", () => {
    const story = new Scenario();
    story.worker({ types: ["other"] });
    story.submit({ stages: [{ tasks: 1 }] });
    assert.deepEqual(story.place(), []);
  });

  it("honours the worker's window of tasks", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(10)], credit: 3 });
    story.submit({ stages: [{ tasks: 10 }] });
    assert.equal(story.place().length, 3);
  });

  it("prefetches as declared, and promotes the oldest when room comes", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(1)], prefetch: 2 });
    story.submit({ stages: [{ tasks: 5 }] });
    const grants = story.place();
    assert.deepEqual(
      grants.map(({ ahead }) => ahead),
      [false, true, true],
    );
    story.complete(grants[0]!);
    const { event } = story.machine.journal.at(-1)!;
    assert(event.type === "task_succeeded");
    assert.deepEqual(event.promoted, [grants[1]!.token.lease]);
  });

  it("starts a prefetched task only when it fits, and nothing overtakes it", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(2)], prefetch: 2 });
    story.submit({ stages: [{ tasks: 1 }] });
    story.submit({ stages: [{ tasks: 1, demand: [slots(2)] }] });
    const [first, big] = story.place();
    story.submit({ stages: [{ tasks: 1 }] });
    const small = story.placeOne();
    assert.deepEqual([first?.ahead, big?.ahead, small.ahead], [false, true, true]);
    story.complete(first!);
    const ahead = [...story.machine.state.leases.values()].map((lease) => lease.ahead);
    assert.deepEqual(ahead, [false, true]);
  });

  it("asks what was granted before first, so that what will fail fails early", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 3, policy: {} }] });
    story.fail(story.placeOne(), { retryAfterMs: 0 });
    assert.equal(story.placeOne().index, 0);
    assert.equal(story.task(jobId).attempt, 2);
  });

  it("asks few of many idle workers for one task, and yet the one that holds its data", () => {
    const story = new Scenario();
    for (let no = 0; no < 500; no++) story.worker({ host: `h${no}`, rack: `r${no % 20}` });
    story.place();
    for (const host of [400, 7, 333]) {
      story.submit({ stages: [{ tasks: [near(`h${host}`)] }] });
      const before = story.machine.decided.get("place") ?? 0;
      const grant = story.placeOne();
      assert.deepEqual([grant.worker, grant.level], [host, 0]);
      const asked = (story.machine.decided.get("place") ?? 0) - before;
      assert.ok(asked < 150, `${asked} decisions`);
    }
  });

  it("gives many idle workers their turn, one after the other", () => {
    const story = new Scenario();
    for (let no = 0; no < 200; no++) story.worker({ capacity: [slots(200)] });
    story.place();
    const workers = new Set<number>();
    for (let no = 0; no < 200; no++) {
      story.submit({ stages: [{ tasks: 1 }] });
      const { worker } = story.placeOne();
      workers.add(worker);
    }
    assert.ok(workers.size >= 150, `${workers.size} workers`);
  });

  it("does not ask a fleet without room again for each job that comes", () => {
    const story = new Scenario();
    const two = [slots(2)];
    for (let no = 0; no < 100; no++) story.worker({ capacity: [slots(3)] });
    story.submit({ stages: [{ tasks: 100, demand: two }] });
    assert.equal(story.place().length, 100);
    const before = story.machine.decided.get("place") ?? 0;
    for (let no = 0; no < 50; no++) {
      story.submit({ stages: [{ tasks: 1, demand: two }] });
      assert.deepEqual(story.place(), []);
    }
    assert.equal(story.machine.decided.get("place"), before);
    story.submit({ stages: [{ tasks: 1 }] });
    assert.equal(story.place().length, 1);
  });

  it("asks, of a great idle fleet, those near what is next in line before anybody else", () => {
    const story = new Scenario();
    for (let no = 0; no < 200; no++) story.worker({ host: `h${no}`, rack: `r${no >> 3}` });
    // One-task jobs: each comes to the head of the line when the one before it is placed.
    for (const at of [150, 20, 90]) story.submit({ stages: [{ tasks: [near(`h${at}`)] }] });
    const before = story.machine.decided.get("place") ?? 0;
    assert.deepEqual(
      story.place().map(({ worker }) => worker),
      [150, 20, 90],
    );
    const asked = (story.machine.decided.get("place") ?? 0) - before;
    assert.ok(asked < 10, `${asked} were asked`);
  });

  it("has nothing wait at a busy worker of a great fleet while there are idle ones", () => {
    const story = new Scenario();
    for (let no = 0; no < 200; no++) story.worker({ prefetch: 1 });
    story.place();
    story.submit({ stages: [{ tasks: 170 }] });
    assert.equal(story.place().length, 170);
    for (let job = 0; job < 6; job++) {
      story.submit({ stages: [{ tasks: 5 }] });
      assert.deepEqual(
        story.place().map(({ ahead }) => ahead),
        [false, false, false, false, false],
      );
    }
    const before = story.machine.decided.get("place") ?? 0;
    story.submit({ stages: [{ tasks: 1 }] });
    assert.equal(story.placeOne().ahead, true);
    const asked = (story.machine.decided.get("place") ?? 0) - before;
    assert.ok(asked < 10, `${asked} of a full fleet were asked for one task`);
  });

  it("comes back to a worker whose window of bytes was too short for what was next", () => {
    const story = new Scenario();
    const short = story.worker({ capacity: [slots(2)] });
    story.machine.note({
      kind: "grant_credit",
      worker: short,
      session: 1,
      tasks: 100,
      bytes: 1_000,
    });
    story.submit({ stages: [{ tasks: [{ bodyBytes: 900 }, { bodyBytes: 300 }] }] });
    assert.equal(story.placeOne().index, 0);
    const other = story.worker();
    const taken = story.placeOne();
    assert.deepEqual([taken.worker, taken.index], [other, 1]);
    story.submit({ stages: [{ tasks: [{ bodyBytes: 200 }, { bodyBytes: 50 }] }] });
    assert.deepEqual(story.place(), [], "the next task does not go in either");
    story.complete(taken);
    const grants = story.place();
    assert.deepEqual(
      grants.map(({ worker, index }) => [worker, index]),
      [
        [other, 0],
        [short, 1],
      ],
    );
  });

  it("forgets the tasks that named hosts which no worker ever did", () => {
    const story = new Scenario({ checks: false });
    const { placement } = story.machine.state;
    story.worker({ capacity: [slots(500)], credit: 500 });
    for (let job = 0; job < 40; job++) {
      const tasks = Array.from({ length: 500 }, (_, i) => near(`nowhere-${String(i % 7)}`));
      story.submit({ stages: [{ tasks }] });
      for (const grant of story.place()) story.complete(grant);
    }
    assert.ok(placement.racklessEntries < 5_000, `${placement.racklessEntries} entries`);
  });
});
