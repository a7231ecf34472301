import assert from "node:assert/strict";
import { checkInvariants, queries } from "../../src/core/index.js";
import { defaultPolicy, Scenario, slots } from "./support/scenario.js";

describe("a delivery", () => {
  it("that fails is tried again after half the ceiling when the draw is half, as the next attempt", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    story.machine.draw = () => 2 ** 31;
    assert.deepEqual(story.fail(story.placeOne()), { kind: "retry", inMs: 500, attempt: 2 });
    assert.deepEqual(story.place(), []);
    assert.equal(story.task(jobId).state, "scheduled");
    story.pass(500);
    const grant = story.placeOne();
    assert.deepEqual([grant.delivery, grant.attempt], [2, 2]);
  });

  it("that fails for the last time leaves a dead letter, and the job fails", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    for (let attempt = 1; attempt < 3; attempt++) {
      story.fail(story.placeOne(), { retryAfterMs: 0 });
    }
    const last = story.fail(story.placeOne());
    assert.equal(last.kind, "dead_lettered");
    assert.equal(story.job(jobId).state, "failed");
    assert.equal(story.task(jobId).deliveries.length, 3);
    assert.match(story.task(jobId).deadLetterId, /^dl_[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  for (const [why, draft] of [
    ["is not retryable", { retryable: false }],
    ["is of a type named non-retryable", { type: "Fatal" }],
    ["is invalid", { kind: "invalid" }],
  ] as const) {
    it(`whose failure ${why} is final at once`, () => {
      const story = new Scenario();
      story.worker();
      story.submit({ stages: [{ tasks: 1 }] });
      assert.equal(story.fail(story.placeOne(), draft).kind, "dead_lettered");
    });
  }

  it("that runs out of memory stays in its attempt, on a budget of its own", () => {
    const story = new Scenario();
    story.worker();
    story.submit({ stages: [{ tasks: 1, policy: { oomMax: 1 } }] });
    const oom = { kind: "out_of_memory", retryAfterMs: 0 } as const;
    assert.deepEqual(story.fail(story.placeOne(), oom), { kind: "retry", inMs: 0, attempt: 1 });
    assert.equal(story.fail(story.placeOne(), oom).kind, "dead_lettered");
  });

  it("that is given back costs nothing", () => {
    const story = new Scenario();
    story.worker();
    story.submit({ stages: [{ tasks: 1 }] });
    assert.equal(story.giveBack(story.placeOne()).kind, "requeued");
    const again = story.placeOne();
    assert.deepEqual([again.delivery, again.attempt], [2, 1]);
  });

  it("that is given back for ever comes to an end", () => {
    const story = new Scenario();
    story.worker();
    story.submit({ stages: [{ tasks: 1, policy: { deliveriesMax: 3 } }] });
    story.giveBack(story.placeOne());
    story.giveBack(story.placeOne());
    assert.equal(story.giveBack(story.placeOne()).kind, "dead_lettered");
  });

  it("that expires goes to another worker, and its late result is stale", () => {
    const story = new Scenario();
    const slow = story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    const late = story.placeOne();
    story.start(late);
    story.pass(15_000);
    const other = story.worker();
    const again = story.placeOne();
    assert.equal(again.worker, other);
    assert.deepEqual([again.delivery, again.attempt], [2, 1]);
    assert.equal(story.machine.state.worker(slow).used[0], 1_000);
    assert.equal(story.complete(late).kind, "stale");
    assert.equal(story.machine.state.worker(slow).used[0], 0);
    assert.equal(story.task(jobId).state, "leased");
    assert.equal(story.complete(again).kind, "succeeded");
  });

  for (const [what, policy, state] of [
    ["is tried again", { attemptTimeoutMs: 1_000 }, "scheduled"],
    ["is its task's end", { attemptTimeoutMs: 1_000, deliveriesMax: 1 }, "failed"],
  ] as const) {
    it(`that runs too long and ${what} is stale to its worker, however often it reports`, () => {
      const story = new Scenario();
      const worker = story.worker();
      const jobId = story.submit({ stages: [{ tasks: 1, policy }] });
      const late = story.placeOne();
      story.start(late);
      for (let passed = 0; story.task(jobId).state !== state; passed += 1_000) {
        assert.ok(passed < 60_000, story.task(jobId).state);
        story.pass(1_000);
        story.machine.note({ kind: "renew_leases", worker, tokens: [late.token] });
      }
      assert.equal(story.fail(late).kind, "stale");
      assert.equal(story.fail(late).kind, "stale");
      assert.equal(story.complete(late).kind, "stale");
    });
  }

  it("that is renewed does not expire", () => {
    const story = new Scenario();
    const worker = story.worker();
    story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    for (let i = 0; i < 5; i++) {
      story.pass(10_000);
      story.machine.note({ kind: "renew_leases", worker, tokens: [grant.token] });
    }
    assert.equal(story.complete(grant).kind, "succeeded");
  });

  it("that was not received in time is recalled, uncharged", () => {
    const story = new Scenario();
    const worker = story.worker();
    story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    const leases = [grant.token.lease];
    story.machine.note({ kind: "note_assigned", worker, session: 1, leases, sequence: 1 });
    story.pass(5_000);
    assert(story.machine.notices.some(({ kind }) => kind === "recall"));
    story.worker();
    const again = story.placeOne();
    assert.deepEqual([again.delivery, again.attempt], [2, 1]);
  });

  it("that outlives its time-out is ended by the master, some time after the worker should have", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1, policy: { attemptTimeoutMs: 1_000 } }] });
    const grant = story.placeOne();
    story.start(grant);
    story.pass(5_999);
    assert.equal(story.task(jobId).state, "running");
    story.pass(1);
    assert.equal(story.task(jobId).state, "scheduled");
    assert.equal(story.task(jobId).deliveries[0]?.failure?.kind, "timeout");
    // Its handler may hang: that is seen until its worker answers for it.
    assert.deepEqual(story.task(jobId).stopping, [1]);
    assert.equal(story.complete(grant).kind, "stale");
    assert.deepEqual(story.task(jobId).stopping, []);
  });

  it("that is stopped with its job is seen until its worker answers for it", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    story.start(grant);
    story.cancel(jobId);
    assert.deepEqual(story.task(jobId).stopping, [1]);
    story.giveBack(grant, "recalled");
    assert.deepEqual(story.task(jobId).stopping, []);
  });

  it("whose result comes twice is told the same twice", () => {
    const story = new Scenario();
    story.worker();
    story.submit({ stages: [{ tasks: 2 }] });
    const grant = story.placeOne();
    assert.equal(story.complete(grant).kind, "succeeded");
    assert.equal(story.complete(grant).kind, "succeeded");
    assert.equal(story.fail(grant).kind, "succeeded");
  });

  it("that failed is told the same next attempt again, though that one ran too long meanwhile", () => {
    const story = new Scenario();
    const worker = story.worker();
    const retry = { ...defaultPolicy.retry, attemptsMax: 2 };
    const policy = { attemptTimeoutMs: 1_000, retry };
    const jobId = story.submit({ stages: [{ tasks: 1, policy }] });
    const first = story.placeOne();
    const told = story.fail(first, { retryAfterMs: 0 });
    assert(told.kind === "retry" && told.attempt === 2);
    const second = story.placeOne();
    story.start(second);
    for (let passed = 0; story.task(jobId).state !== "failed"; passed += 1_000) {
      assert.ok(passed < 60_000, story.task(jobId).state);
      story.pass(1_000);
      story.machine.note({ kind: "renew_leases", worker, tokens: [second.token] });
    }
    const again = story.fail(first);
    assert(again.kind === "retry");
    assert.equal(again.attempt, 2);
  });

  it("is not changed by a token that was guessed", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    const forged = { ...grant, token: { ...grant.token, drawLow: 7 } };
    assert.equal(story.complete(forged).kind, "stale");
    assert.equal(story.task(jobId).state, "leased");
  });

  it("is not ended by another worker that has its token", () => {
    const story = new Scenario();
    story.worker();
    const other = story.worker({ credit: 0 });
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    assert.equal(story.complete({ ...grant, worker: other }).kind, "stale");
    assert.equal(story.task(jobId).state, "leased");
  });

  it("starts from the checkpoint of the one before", () => {
    const story = new Scenario();
    story.worker();
    story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    story.machine.run({ kind: "save_checkpoint", token: grant.token, bodyBytes: 4 }, 1);
    story.giveBack(grant);
    story.place();
    const [lease] = [...story.machine.state.leases.values()];
    assert(lease !== undefined);
    assert.equal(story.machine.state.extras.get(lease.task)?.checkpoint, 2);
  });
});

describe("a worker", () => {
  it("that is heard of before its loss is decided is not lost, and is watched as before", () => {
    const story = new Scenario();
    const worker = story.worker();
    story.submit({ stages: [{ tasks: 1 }] });
    const { token } = story.placeOne();
    story.machine.note({ kind: "end_session", worker, session: 1 });
    story.machine.now += 15_000;
    // The turn in which it is due has no time left for it.
    const due = story.machine.due();
    assert.ok(due.some(({ kind }) => kind === "lose_worker"));
    story.machine.note({ kind: "renew_leases", worker, tokens: [token] });
    for (const command of due) story.machine.run(command);
    assert.equal(story.machine.state.worker(worker).lost, false);
    story.pass(14_999);
    assert.equal(story.machine.state.worker(worker).lost, false);
    story.pass(1);
    assert.equal(story.machine.state.worker(worker).lost, true);
  });

  it("that is not heard of for a term is lost, and its tasks go to others in the same attempt", () => {
    const story = new Scenario();
    const worker = story.worker({ capacity: [slots(2)] });
    story.submit({ stages: [{ tasks: 2 }] });
    story.place();
    story.machine.note({ kind: "end_session", worker, session: 1 });
    story.pass(14_999);
    assert.equal(story.machine.state.worker(worker).lost, false);
    story.pass(1);
    assert.equal(story.machine.state.worker(worker).lost, true);
    story.worker({ capacity: [slots(2)] });
    assert.deepEqual(
      story.place().map(({ delivery, attempt }) => [delivery, attempt]),
      [
        [2, 1],
        [2, 1],
      ],
    );
  });

  it("that is lost again and again is seen until its task ends, however much trouble others have", () => {
    const story = new Scenario({ checks: false });
    const { state } = story.machine;
    const many = 10_001;
    story.submit({ stages: [{ type: "frail", tasks: many }] });
    story.worker({ types: ["frail"], capacity: [slots(many)], credit: many });
    const { draw } = story.machine;
    story.machine.draw = () => 2 ** 31;
    for (const grant of story.place(many)) story.fail(grant);
    story.machine.draw = draw;
    assert.equal(state.extras.size, many);

    const jobId = story.submit({ stages: [{ tasks: 1, type: "calm" }, { tasks: 1 }] });
    const losing = () => queries.losingTasks(state, "default", jobId);
    for (let lost = 1; lost <= 2; lost++) {
      assert.deepEqual(losing(), []);
      story.worker({ id: "victim", incarnation: String(lost) });
      story.placeOne();
      // The next process of the worker knows of nothing.
      story.worker({ id: "victim", incarnation: `${String(lost)} again`, credit: 0 });
    }
    const wanted = { stage: "s1", index: 0, type: "work", lostMax: defaultPolicy.lostMax };
    assert.deepEqual(losing(), [wanted]);
    story.worker({ id: "able" });
    const grant = story.placeOne();
    assert.deepEqual(losing(), [wanted]);
    story.complete(grant);
    assert.deepEqual(losing(), []);
    checkInvariants(state);
  });

  it("that loses too many deliveries of a task kills it: a budget of its own ends the loop", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 1, policy: { lostMax: 1 } }] });
    for (let life = 1; life <= 2; life++) {
      story.worker({ id: "w", incarnation: String(life) });
      story.placeOne();
    }
    story.worker({ id: "w", incarnation: "3" });
    assert.equal(story.job(jobId).state, "failed");
    assert.equal(story.task(jobId).deliveries.at(-1)?.charge, "lost");
  });

  it("that comes back with what it holds goes on with it", () => {
    const story = new Scenario();
    story.worker({ id: "w" });
    story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    const held = [{ token: grant.token, state: "started", demand: [slots(1)] }] as const;
    const reply = story.register({ id: "w", held });
    assert.deepEqual(
      reply.resumed.map(({ token }) => token),
      [grant.token],
    );
    assert.equal(story.complete(grant).kind, "succeeded");
  });

  it("that comes back without a task it held gets it again, uncharged", () => {
    const story = new Scenario();
    story.worker({ id: "w" });
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    story.placeOne();
    story.worker({ id: "w" });
    const again = story.placeOne();
    assert.deepEqual([again.delivery, again.attempt], [2, 1]);
    assert.equal(story.task(jobId).deliveries[0]?.charge, "none");
  });

  it("that comes back with a result settled before is told so, and need not send it again", () => {
    const story = new Scenario();
    story.worker({ id: "w" });
    story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    story.complete(grant);
    const held = [{ token: grant.token, state: "result_pending", demand: [] }] as const;
    const reply = story.register({ id: "w", held });
    assert.deepEqual(
      reply.settled.map(({ outcome }) => outcome.kind),
      ["succeeded"],
    );
  });

  it("that holds what the master gave up keeps room for it until it ends it", () => {
    const story = new Scenario();
    const worker = story.worker({ id: "w" });
    story.submit({ stages: [{ tasks: 2 }] });
    const grant = story.placeOne();
    story.machine.note({ kind: "end_session", worker, session: 1 });
    story.pass(15_000);
    const held = [{ token: grant.token, state: "started", demand: [slots(1)] }] as const;
    const reply = story.register({ id: "w", held });
    assert.deepEqual(reply.lost, [grant.token]);
    assert.deepEqual(story.place(), []);
    assert.equal(story.giveBack(grant).kind, "stale");
    assert.equal(story.place().length, 1);
  });

  it("that drains finishes what it has and takes nothing new", () => {
    const story = new Scenario();
    const worker = story.worker({ capacity: [slots(2)] });
    story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    story.machine.run({ kind: "drain_worker", worker, session: 1 });
    story.submit({ stages: [{ tasks: 1 }] });
    assert.deepEqual(story.place(), []);
    assert.equal(story.complete(grant).kind, "succeeded");
  });

  it("whose capacity grows is given more", () => {
    const story = new Scenario();
    const worker = story.worker();
    story.submit({ stages: [{ tasks: 3 }] });
    story.placeOne();
    story.machine.run({ kind: "update_worker", worker, session: 1, capacity: [slots(2)] });
    story.placeOne();
  });

  it("of an older session is told that a newer one took over", () => {
    const story = new Scenario();
    story.worker({ id: "w", incarnation: "1" });
    story.worker({ id: "w", incarnation: "2" });
    assert(
      story.machine.notices.some((notice) => notice.kind === "supersede" && notice.session === 1),
    );
  });
});
