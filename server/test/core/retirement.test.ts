import assert from "node:assert/strict";
import { apply, digest, queries } from "../../src/core/index.js";
import { replayed } from "./support/machine.js";
import { Scenario, slots } from "./support/scenario.js";

/** What a story is set to: see `Machine.settings`. */
const retireAfterMs = 20_000;
const keyRetentionMs = 120_000;

/** A story with one worker that has much room. */
function begin(): Scenario {
  const story = new Scenario();
  story.worker({ capacity: [slots(10_000)], credit: 10_000 });
  return story;
}

/** Everything that waits runs and succeeds. */
function runAll(story: Scenario): void {
  for (let grants = story.place(); grants.length > 0; grants = story.place()) {
    for (const grant of grants) story.complete(grant);
  }
}

/** History has all that has happened so far, and somewhat more than the needed time goes by. */
function goBy(story: Scenario, ms = retireAfterMs): void {
  story.machine.now += 1;
  story.machine.note({ kind: "note_projected", through: story.machine.now });
  story.pass(ms);
}

function isThere({ machine }: Scenario, jobId: string): boolean {
  return queries.getJob(machine.state, "default", jobId) !== undefined;
}

/** The same events lead to the same state, also in another process. */
function checkReplay({ machine }: Scenario): void {
  assert.deepEqual(digest(replayed(machine.journal)), digest(machine.state));
}

describe("a job that has ended", () => {
  it("leaves once history has it and its time has come, with all that its tasks had", () => {
    const story = begin();
    const jobId = story.submit({ stages: [{ tasks: [{ hosts: ["a", "b"], bodyBytes: 9 }] }] });
    const other = story.submit({ stages: [{ tasks: 1, type: "nobody's" }] });
    story.complete(story.placeOne(), [{ partition: 0, bodyBytes: 4, dataBytes: 0, hosts: [] }]);
    goBy(story, retireAfterMs - 2);
    assert.ok(isThere(story, jobId));
    story.pass(1);
    assert.ok(!isThere(story, jobId));
    assert.ok(isThere(story, other));
    assert.deepEqual(
      queries.listJobs(story.machine.state, everything, Infinity, 10).next,
      undefined,
    );
    assert.deepEqual([...story.machine.freed], [1, 3]);
    checkReplay(story);
  });

  it("stays for as long as history does not have it", () => {
    const story = begin();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    story.machine.note({ kind: "note_projected", through: story.machine.now });
    runAll(story);
    story.pass(10 * retireAfterMs);
    assert.ok(isThere(story, jobId));
    story.machine.note({ kind: "note_projected", through: story.machine.now });
    story.machine.tick();
    assert.ok(!isThere(story, jobId));
  });

  it("stays for as long as a worker holds something of it", () => {
    const story = begin();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    const grant = story.placeOne();
    story.start(grant);
    story.cancel(jobId);
    assert.equal(story.job(jobId).state, "cancelled");
    for (let passed = 0; passed < 2 * retireAfterMs; passed += 5_000) {
      story.machine.note({ kind: "note_alive", worker: grant.worker, session: 1 });
      goBy(story, 5_000);
    }
    assert.ok(isThere(story, jobId));
    assert.equal(story.complete(grant).kind, "stale");
    goBy(story, 2_000);
    assert.ok(!isThere(story, jobId));
    assert.equal(story.complete(grant).kind, "gone");
    checkReplay(story);
  });

  it("is found by its key for as long as that is kept, and then the key makes a new one", () => {
    const story = begin();
    const sketch = { key: "k", stages: [{ tasks: 3 }] };
    const jobId = story.submit(sketch);
    runAll(story);
    goBy(story);
    assert.ok(!isThere(story, jobId));
    assert.equal(story.submit(sketch), jobId);
    assert.throws(() => story.submit({ ...sketch, fingerprint: "other" }));
    story.machine.restart(1_000);
    assert.equal(story.submit(sketch), jobId);
    story.pass(keyRetentionMs);
    const again = story.submit(sketch);
    assert.notEqual(again, jobId);
    assert.ok(isThere(story, again));
    checkReplay(story);
  });

  it("takes its spec and stages along, also while its key is kept", () => {
    const story = begin();
    const sketch = { key: "k", stages: [{ tasks: 3 }, { tasks: 2 }] };
    const jobId = story.submit(sketch);
    const other = story.submit({ key: "l", stages: [{ tasks: 1 }] });
    runAll(story);
    goBy(story);
    const { state } = story.machine;
    assert.deepEqual([...state.stages], []);
    const [one, two] = [0, 1].map((no) => state.job(no).spec);
    assert.ok(one !== undefined && one === two);
    assert.deepEqual([one.namespace, one.name, one.stages], ["default", "", []]);
    assert.deepEqual([story.submit(sketch), state.jobOfKey("default", "l")], [jobId, 1]);
    story.machine.restart(1_000);
    assert.equal(story.submit(sketch), jobId);
    assert.equal(story.submit({ key: "l", stages: [{ tasks: 1 }] }), other);
    checkReplay(story);
  });

  it("leaves step by step when it is large, also over a restart in the midst of it", function () {
    // Every invariant after every event of some 10,000 tasks.
    this.timeout(60_000);
    const story = begin();
    const [first, second] = [5_000, 4_500];
    const jobId = story.submit({ stages: [{ tasks: first }, { tasks: second }] });
    runAll(story);
    assert.equal(story.job(jobId).state, "succeeded");
    const { machine } = story;
    machine.now += 1;
    machine.note({ kind: "note_projected", through: machine.now });
    machine.now += retireAfterMs;
    for (const command of machine.due()) machine.run(command);
    assert.ok(!isThere(story, jobId));
    const left = () =>
      [...Array(first + second).keys()].filter((no) => machine.state.tasks.has(no));
    assert.equal(left().length, first + second);
    machine.run({ kind: "retire_tasks", job: 0 });
    assert.equal(left().length, first + second - 4_096);
    machine.restart(1_000);
    assert.deepEqual([left(), machine.state.toLeave.size], [[], 0]);
    assert.equal(machine.accepted.get("retire_tasks"), 4);
    assert.equal(machine.freed.size, first + second);
    checkReplay(story);
  });

  it("leaves as its event says, however many tasks it has", () => {
    const story = begin();
    const ids = [1, 2].map(() => story.submit({ stages: [{ tasks: 3 }] }));
    runAll(story);
    const { machine } = story;
    const { state } = machine;
    const stamp = { now: machine.now, wall: machine.now };
    apply(state, { type: "jobs_retired", version: 1, jobs: [0], leaving: [1] }, stamp);
    assert.deepEqual(
      ids.map((id) => isThere(story, id)),
      [false, false],
    );
    const left = [0, 1, 2, 3, 4, 5].filter((no) => state.tasks.has(no));
    assert.deepEqual([left, [...state.toLeave]], [[3, 4, 5], [1]]);
  });

  it("stays when a worker comes back to it as it is about to leave, and leaves when that has let go", () => {
    const story = begin();
    const [jobId, other] = [1, 2].map(() => story.submit({ stages: [{ tasks: 1 }] }));
    assert(jobId !== undefined && other !== undefined);
    const [grant, done] = story.place();
    assert(grant !== undefined && done !== undefined);
    story.complete(done);
    story.start(grant);
    story.cancel(jobId);
    const { machine } = story;
    const held = { token: grant.token, state: "started", demand: [slots(1)] } as const;
    assert.equal(story.complete(grant).kind, "stale");
    machine.now += 1;
    machine.note({ kind: "note_projected", through: machine.now });
    machine.now += retireAfterMs;
    const due = machine.due();
    // Between what is due and its turn the same worker says that it still has what it has answered for.
    story.register({ id: "w1", incarnation: "1", held: [held], credit: 0 });
    const [adopted] = machine.state.leases.values();
    assert.equal(adopted?.job, 0);
    for (const command of due) machine.run(command);
    assert.deepEqual([isThere(story, jobId), isThere(story, other)], [true, false]);
    assert.equal(story.complete(grant).kind, "stale");
    goBy(story, 1_000);
    assert.ok(!isThere(story, jobId));
    checkReplay(story);
  });

  it("leaves in turns of at most so many jobs and tasks as one event covers, and so do keys", () => {
    const story = new Scenario({ checks: false });
    story.worker({ capacity: [slots(20_000)], credit: 20_000 });
    const { machine } = story;
    const [few, many, large] = [3_000, 5_000, 4_100];
    for (let i = 0; i < few; i++) story.submit({ key: `k${i}`, stages: [{ tasks: 3 }] });
    for (let i = 0; i < many; i++) story.submit({ key: `m${i}`, stages: [{ tasks: 0 }] });
    for (let i = 0; i < 3; i++) story.submit({ stages: [{ tasks: large }] });
    runAll(story);
    machine.now += 1;
    machine.note({ kind: "note_projected", through: machine.now });
    machine.now += retireAfterMs;
    const turns: { jobs: number; tasks: number; steps: number; keys: number }[] = [];
    const turn = () => {
      const seen = { jobs: 0, tasks: 0, steps: 0, keys: 0 };
      const from = machine.journal.length;
      for (const command of machine.due()) machine.run(command);
      for (const { event } of machine.journal.slice(from)) {
        if (event.type === "jobs_retired") {
          seen.jobs += event.jobs.length + event.leaving.length;
          for (const no of event.jobs) seen.tasks += no < few ? 3 : 0;
        }
        if (event.type === "tasks_retired") {
          seen.steps += 1;
          seen.tasks += event.toIndex - event.fromIndex;
        }
        if (event.type === "keys_forgotten") seen.keys += event.jobs.length;
      }
      turns.push(seen);
    };
    while (machine.nextDue() <= machine.now) turn();
    const sum = (of: (seen: (typeof turns)[0]) => number) =>
      turns.reduce((all, seen) => all + of(seen), 0);
    assert.equal(
      sum(({ jobs }) => jobs),
      few + many + 3,
    );
    assert.equal(
      sum(({ tasks }) => tasks),
      3 * few + 3 * large,
    );
    machine.now += keyRetentionMs;
    while (machine.nextDue() <= machine.now) turn();
    assert.equal(
      sum(({ keys }) => keys),
      few + many,
    );
    for (const { jobs, tasks, steps, keys } of turns) {
      assert.ok(jobs <= 512 && steps <= 1 && keys <= 512);
      assert.ok(tasks <= 2 * 4_096);
    }
    assert.equal(machine.state.jobs.size, 0);
    checkReplay(story);
  });

  it("that left before a restart is not looked through in one turn after it", () => {
    const story = new Scenario({ checks: false });
    const { machine } = story;
    for (let i = 0; i < 9_000; i++) story.submit({ stages: [{ tasks: 0 }] });
    goBy(story);
    while (machine.nextDue() <= machine.now) machine.tick();
    assert.equal(machine.state.jobs.size, 0);
    machine.restart(1_000);
    machine.now += 1;
    machine.note({ kind: "note_projected", through: machine.now });
    const sizes = [machine.state.finished.size];
    while (machine.nextDue() <= machine.now) {
      assert.deepEqual(machine.due(), []);
      sizes.push(machine.state.finished.size);
    }
    assert.deepEqual(sizes, [9_000, 9_000 - 4_096, 9_000 - 2 * 4_096, 0]);
  });

  it("leaves no trace in what grows with the number of jobs", () => {
    const story = begin();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 50; i++) story.submit({ stages: [{ tasks: 2 }] });
      runAll(story);
      goBy(story);
    }
    const { state } = story.machine;
    assert.deepEqual([state.jobs.count, state.jobs.size, state.jobs.first], [150, 0, 150]);
    assert.deepEqual([...state.jobs, ...state.stages, ...state.placement.bags], []);
    const sizes = [state.jobById.size, state.extras.size, state.finished.size, state.keyed.size];
    assert.deepEqual(sizes, [0, 0, 0, 0]);
    assert.equal(state.placement.lists.entries, 0);
  });
});

const everything = { namespace: "default", states: [], name: "", labels: [] } as const;
