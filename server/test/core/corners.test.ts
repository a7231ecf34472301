import assert from "node:assert/strict";
import { EntryBuilder } from "../../src/journal/entry/index.js";
import { ENTRY_BYTES_MAX } from "../../src/journal/journal.js";
import { Scenario, slots } from "./support/scenario.js";

/** Rare orders of events, each of which would leave something behind for ever. */
describe("corners of the core", () => {
  it("gives a task to the idle worker, not to a busy one to wait there", () => {
    const story = new Scenario();
    const busy = story.worker({ prefetch: 2 });
    story.submit({ stages: [{ tasks: 1 }] });
    assert.equal(story.placeOne().worker, busy);
    const idle = story.worker({ prefetch: 2 });
    story.submit({ stages: [{ tasks: 1 }] });
    const second = story.placeOne();
    assert.deepEqual([second.worker, second.ahead], [idle, false]);
    // Nobody has room now: the next one waits where it will be started first.
    story.submit({ stages: [{ tasks: 1 }] });
    assert.equal(story.placeOne().ahead, true);
  });

  it("fills the place ahead at a worker whose lease there has stopped", () => {
    const story = new Scenario();
    const worker = story.worker({ prefetch: 1 });
    story.submit({ stages: [{ tasks: 3 }] });
    const [running, ahead] = story.place();
    assert(running !== undefined && ahead?.ahead === true);
    // The one ahead expires by itself: it stops, and nothing else changes.
    story.pass(10_000);
    story.machine.note({ kind: "renew_leases", worker, tokens: [running.token] });
    story.pass(5_000);
    assert.equal(story.placeOne().ahead, true);
  });

  it("takes back what a worker that shrank could never start", () => {
    const story = new Scenario();
    const { machine } = story;
    const worker = story.worker({ capacity: [slots(2)], prefetch: 1 });
    story.submit({ stages: [{ tasks: 2, demand: [slots(2)] }] });
    const [running, ahead] = story.place();
    assert(running !== undefined && ahead?.ahead === true);
    story.start(running);
    machine.run({ kind: "update_worker", worker, session: 1, capacity: [slots(1)] });
    const recalled = machine.notices.filter(({ kind }) => kind === "recall");
    assert.deepEqual(
      recalled.map((notice) => "token" in notice && notice.token.lease),
      [ahead.token.lease],
    );
    story.giveBack(ahead, "recalled");
    story.complete(running);
    const other = story.worker({ capacity: [slots(2)] });
    assert.deepEqual(
      [story.placeOne().worker, machine.state.worker(worker).leases.size],
      [other, 0],
    );
  });

  it("answers a late report of what it took back the same, before and after the worker gave it up", () => {
    const story = new Scenario();
    const { machine } = story;
    const worker = story.worker({ capacity: [slots(2)] });
    story.submit({ stages: [{ tasks: 1, demand: [slots(2)] }] });
    const grant = story.placeOne();
    machine.run({ kind: "update_worker", worker, session: 1, capacity: [slots(1)] });
    // The first answer frees the lease; nothing is left that could tell the second from it.
    const answers = [story.complete(grant), story.complete(grant), story.giveBack(grant)];
    assert.deepEqual(
      answers.map(({ kind }) => kind),
      ["stale", "stale", "stale"],
    );
    assert.equal(machine.state.leases.size, 0);
  });

  it("believes a worker that comes back with what it first had", () => {
    const story = new Scenario();
    const { machine } = story;
    const sketch = { id: "w", host: "h", capacity: [slots(4)] };
    const worker = story.worker(sketch);
    machine.run({ kind: "update_worker", worker, session: 1, capacity: [slots(1)] });
    story.worker(sketch);
    assert.deepEqual(machine.state.worker(worker).capacity, [slots(4)]);
    story.submit({ stages: [{ tasks: 4 }] });
    assert.equal(story.place().length, 4);
  });

  it("keeps room once for a lease that is held under two tokens", () => {
    const story = new Scenario();
    story.worker({ id: "old" });
    story.submit({ stages: [{ tasks: 1 }] });
    const { token } = story.placeOne();
    story.pass(60_000);
    story.machine.note({ kind: "end_session", worker: 0, session: 1 });
    story.pass(60_000);
    const held = [token, { ...token, drawLow: token.drawLow ^ 1 }].map((each) => {
      return { token: each, state: "started", demand: [slots(1)] } as const;
    });
    const { worker } = story.register({ id: "new", capacity: [slots(4)], held });
    assert.deepEqual(story.machine.state.worker(worker).used.slice(0, 1), [1_000]);
  });

  it("keeps no room for a lease of a task that never was", () => {
    const story = new Scenario();
    story.machine.state.nextLease = 10;
    const token = { epoch: 1, lease: 3, job: 7, task: 9, delivery: 1, drawHigh: 1, drawLow: 1 };
    const reply = story.register({ held: [{ token, state: "started", demand: [slots(1)] }] });
    assert.deepEqual(reply.lost, [token]);
    assert.equal(story.machine.state.leases.size, 0);
  });

  it("keeps no room for a lease of one job's task under another job's number", () => {
    const story = new Scenario();
    story.machine.state.nextLease = 10;
    story.submit({ stages: [{ tasks: 1 }] });
    story.submit({ stages: [{ tasks: 1 }] });
    const token = { epoch: 1, lease: 3, job: 1, task: 0, delivery: 1, drawHigh: 1, drawLow: 1 };
    const reply = story.register({ held: [{ token, state: "started", demand: [slots(1)] }] });
    assert.deepEqual(reply.lost, [token]);
    assert.equal(story.machine.state.leases.size, 0);
  });

  it("says again to a worker that comes back what it must not start, its job failing", () => {
    const story = new Scenario();
    story.worker({ id: "w", capacity: [slots(3)] });
    story.submit({ stages: [{ tasks: 3 }] });
    const [dead, running, waiting] = story.place();
    story.start(running!);
    story.start(dead!);
    story.fail(dead!, { retryable: false });
    const before = story.machine.notices.length;
    const held = [running!, waiting!].map(({ token }, i) => {
      return { token, state: i === 0 ? "started" : "received", demand: [slots(1)] } as const;
    });
    story.register({ id: "w", held });
    const recalled = story.machine.notices.slice(before).filter(({ kind }) => kind === "recall");
    assert.deepEqual(
      recalled.map(
        (notice) => "token" in notice && [notice.token.lease, "reason" in notice && notice.reason],
      ),
      [[waiting!.token.lease, "job_failing"]],
    );
  });

  it("registers a worker with thousands of strange leases within one entry", () => {
    const story = new Scenario();
    const { machine } = story;
    story.submit({ stages: [{ tasks: 1 }] });
    machine.state.nextLease = 10_000;
    const demand = Array.from({ length: 16 }, (_, i) => ({
      name: `r${i}`.padEnd(63, "x"),
      milli: 1,
    }));
    const token = { epoch: 1, job: 0, task: 0, delivery: 1, drawHigh: 1, drawLow: 1 };
    const held = Array.from({ length: 4_096 }, (_, i) => {
      return { token: { ...token, lease: i + 1 }, state: "started", demand } as const;
    });
    const reply = story.register({ held });
    assert.equal(reply.lost.length, held.length);
    const entry = new EntryBuilder({ now: 1, wall: 1 }, 1);
    for (const { event } of machine.journal) entry.addEvent(event);
    assert(machine.journal.length > 100 && entry.bytes < ENTRY_BYTES_MAX, `${entry.bytes} bytes`);
  });

  it("goes on watching a lease whose receipt came just before its recall was decided", () => {
    const story = new Scenario();
    const { machine } = story;
    const worker = story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    const { token } = story.placeOne();
    machine.note({
      kind: "note_assigned",
      worker,
      session: 1,
      leases: [token.lease],
      sequence: 1,
    });
    machine.now += 6_000;
    const due = machine.due();
    assert.deepEqual(due, [{ kind: "recall_lease", lease: token.lease }]);
    // The journal was busy for a turn, and in that turn the receipt came.
    machine.note({ kind: "note_received", worker, session: 1, throughSequence: 1 });
    for (const command of due) machine.run(command);
    story.pass(60_000);
    assert.equal(story.task(jobId).state, "pending");
  });

  it("does not expire a lease that was renewed after its expiry was due, before it was decided", () => {
    const story = new Scenario();
    const { machine } = story;
    const worker = story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    const { token } = story.placeOne();
    machine.now += 15_000;
    const due = machine.due();
    assert.deepEqual(due, [{ kind: "expire_lease", lease: token.lease }]);
    machine.note({ kind: "renew_leases", worker, tokens: [token] });
    for (const command of due) machine.run(command);
    assert.equal(story.task(jobId).state, "leased");
    story.pass(60_000);
    assert.equal(story.task(jobId).state, "pending");
  });

  it("ends by its time-out what a worker had started before the master knew that it fits", () => {
    const story = new Scenario();
    const sketch = { id: "w", host: "h", prefetch: 1 };
    story.worker(sketch);
    const policy = { attemptTimeoutMs: 1_000 };
    const jobId = story.submit({ stages: [{ tasks: 2, policy }] });
    const [first, second] = story.place();
    assert(first !== undefined && second?.ahead === true);
    // The first one's result was under way when the link broke; the second runs in its place.
    const demand = [slots(1)];
    const { resumed } = story.register({
      ...sketch,
      held: [
        { token: first.token, state: "result_pending", demand },
        { token: second.token, state: "started", demand },
      ],
    });
    assert.equal(resumed.length, 2);
    story.complete(first);
    assert.equal(story.task(jobId, second.index).state, "running");
    story.machine.tick();
    story.pass(6_000);
    assert.equal(story.task(jobId, second.index).state, "scheduled");
  });

  it("keeps nothing in line of a job that was cancelled while it waited", () => {
    const story = new Scenario();
    const { placement } = story.machine.state;
    story.worker();
    story.submit({ stages: [{ tasks: 1 }] });
    story.placeOne();
    const running = story.submit({ stages: [{ tasks: 50 }] });
    const uploading = story.submit({ stages: [{ tasks: 50 }], upload: true });
    story.machine.run({ kind: "cancel_job", namespace: "default", jobId: running, note: "" });
    story.place(); // Its bag leaves the line before the sweep has come to its tasks.
    story.machine.followUp();
    story.cancel(uploading);
    story.place();
    assert.equal(story.job(uploading).state, "cancelled");
    assert(placement.lists.entries <= 1, `${placement.lists.entries} entries`);
  });
});
