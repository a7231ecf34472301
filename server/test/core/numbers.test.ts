import assert from "node:assert/strict";
import type { TaskDraft } from "../../src/core/index.js";
import { queries } from "../../src/core/index.js";
import { Scenario, slots } from "./support/scenario.js";

/** How many numbers of each there are. */
const numbers = 2 ** 32 - 1;

/** A master that has so many numbers left; all that had the others has left. */
function nearTheEnd(left: { jobs: number; stages: number; tasks: number }): Scenario {
  // Invariants are looked at over all numbers there are.
  const story = new Scenario({ checks: false });
  const { jobs, stages, tasks, placement } = story.machine.state;
  jobs.count = jobs.first = numbers - left.jobs;
  stages.count = numbers - left.stages;
  tasks.count = numbers - left.tasks;
  placement.bags.count = tasks.count;
  story.worker({ capacity: [slots(100)] });
  return story;
}

function counts({ machine: { state } }: Scenario) {
  return [state.jobs.count, state.stages.count, state.tasks.count, state.jobs.size];
}

/** Submits a job of one stage. @returns the answer, whatever it is */
function trySubmit(story: Scenario, like: string, tasks: number) {
  const { spec } = story.job(like);
  const stage: TaskDraft[] = Array.from({ length: tasks }, () => plain);
  return story.machine.run({
    kind: "submit_job",
    spec,
    idempotencyKey: "",
    fingerprint: "f",
    moreToUpload: false,
    tasks: [{ stage: 0, tasks: stage }],
  });
}

const plain: TaskDraft = {
  bodyBytes: 0,
  inputBytes: 0,
  recordCount: 0,
  hosts: [],
  delayMs: 0,
};

describe("numbers of jobs, stages and tasks", () => {
  it("are given out up to the last, and what has them is like any other", () => {
    const story = nearTheEnd({ jobs: 2, stages: 2, tasks: 5 });
    const first = story.submit({ key: "a", stages: [{ tasks: 2 }] });
    const second = story.submit({ key: "b", stages: [{ tasks: 3 }] });
    assert.deepEqual(counts(story), [numbers, numbers, numbers, 2]);
    const grants = story.place();
    assert.equal(grants.length, 5);
    for (const grant of grants) assert.equal(story.complete(grant).kind, "succeeded");
    for (const [jobId, key, tasks] of [
      [first, "a", 2],
      [second, "b", 3],
    ] as const) {
      const { state, stages } = story.job(jobId);
      assert.deepEqual([state, stages[0]?.counts.succeeded], ["succeeded", tasks]);
      const no = story.machine.state.jobOfKey("default", key);
      assert.equal(no, story.job(jobId).no);
    }
    story.machine.now += 1;
    story.machine.note({ kind: "note_projected", through: story.machine.now });
    story.pass(story.machine.settings.retireAfterMs);
    assert.equal(queries.getJob(story.machine.state, "default", first), undefined);
    assert.equal(story.complete(grants[0] as (typeof grants)[0]).kind, "gone");
  });

  it("are refused when there are none left, and nothing changes", () => {
    for (const [what, left] of [
      ["jobs", { jobs: 1, stages: 9, tasks: 9 }],
      ["stages", { jobs: 9, stages: 1, tasks: 9 }],
      ["tasks", { jobs: 9, stages: 9, tasks: 3 }],
    ] as const) {
      const story = nearTheEnd(left);
      const like = story.submit({ stages: [{ tasks: 1 }], upload: true });
      const before = counts(story);
      const decision = trySubmit(story, like, 3);
      assert(!decision.ok);
      assert.equal(decision.rejection.kind, "numbers_exhausted");
      assert.deepEqual(decision.rejection.metadata, { what, limit: String(numbers) });
      assert.deepEqual(counts(story), before);
    }
  });

  it("are refused to an upload that goes on, of which the last that fit are taken", () => {
    const story = nearTheEnd({ jobs: 1, stages: 1, tasks: 4 });
    const jobId = story.submit({ stages: [{ tasks: 1 }], upload: true });
    const { name = "" } = story.job(jobId).stages[0] ?? {};
    const append = (tasks: number) =>
      story.machine.run({
        kind: "append_tasks",
        namespace: "default",
        jobId,
        stage: name,
        firstIndex: 1,
        tasks: Array.from({ length: tasks }, () => plain),
      });
    const refused = append(4);
    assert(!refused.ok);
    assert.equal(refused.rejection.kind, "numbers_exhausted");
    assert.deepEqual(append(3).ok, true);
    assert.equal(story.machine.state.tasks.count, numbers);
  });

  it("of hosts are refused while there is room for those of tasks that are here", () => {
    const story = nearTheEnd({ jobs: 9, stages: 9, tasks: 9 });
    const like = story.submit({ stages: [{ tasks: [{ hosts: ["a"] }] }] });
    story.machine.state.hostPool.size = 2 ** 32 - 2 ** 30 + 1;
    const decision = trySubmit(story, like, 1);
    assert(!decision.ok);
    assert.deepEqual(decision.rejection.metadata?.["what"], "hosts of tasks");
  });
});
