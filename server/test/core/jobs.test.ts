import assert from "node:assert/strict";
import type { Grant } from "./support/scenario.js";
import { draftsOf, Scenario, slots } from "./support/scenario.js";

describe("a job", () => {
  it("succeeds once all its tasks have", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(3)] });
    const jobId = story.submit({ stages: [{ tasks: 3 }] });
    for (const grant of story.place()) story.complete(grant);
    assert.equal(story.job(jobId).state, "succeeded");
  });

  it("without tasks succeeds at once", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 0 }] });
    assert.equal(story.job(jobId).state, "succeeded");
  });

  it("submitted twice under one key is one job", () => {
    const story = new Scenario();
    const sketch = { stages: [{ tasks: 1 }], key: "k" };
    assert.equal(story.submit(sketch), story.submit(sketch));
    assert.equal(story.machine.state.jobs.count, 1);
  });

  it("submitted under a used key with other content is refused", () => {
    const story = new Scenario();
    story.submit({ stages: [{ tasks: 1 }], key: "k", fingerprint: "a" });
    assert.throws(() => story.submit({ stages: [{ tasks: 1 }], key: "k", fingerprint: "b" }));
    assert.equal(story.machine.rejected.get("idempotency_conflict"), 1);
  });

  it("of another namespace is not found", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    story.machine.run({ kind: "cancel_job", namespace: "other", jobId, note: "" });
    assert.equal(story.machine.rejected.get("job_not_found"), 1);
    assert.equal(story.job(jobId).state, "running");
  });
});

describe("stages", () => {
  it("wait for ALL of what they depend on", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(4)] });
    const dependsOn = [{ stage: "s0", kind: "all" }] as const;
    story.submit({ stages: [{ tasks: 2 }, { tasks: 1, dependsOn }] });
    const [first, second] = story.place() as [Grant, Grant];
    story.complete(first);
    assert.deepEqual(story.place(), []);
    story.complete(second);
    assert.equal(story.placeOne().stage, "s1");
  });

  it("go task by task with EACH", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(4)] });
    const dependsOn = [{ stage: "s0", kind: "each" }] as const;
    story.submit({ stages: [{ tasks: 2 }, { tasks: 2, dependsOn }] });
    const grants = story.place();
    story.complete(grants.find(({ index }) => index === 1)!);
    const next = story.placeOne();
    assert.deepEqual([next.stage, next.index], ["s1", 1]);
  });

  it("read their PARTITION near where most of it lies", () => {
    const story = new Scenario();
    const mapper = story.worker({ capacity: [slots(1)], types: ["map"] });
    const dependsOn = [{ stage: "s0", kind: "partition" }] as const;
    story.submit({
      stages: [
        { tasks: 1, partitions: 2, type: "map" },
        { tasks: 2, dependsOn },
      ],
    });
    const ref = (partition: number, host: string) => ({
      partition,
      bodyBytes: 20,
      dataBytes: 100,
      hosts: [host],
    });
    story.complete(story.placeOne(), [ref(0, "a"), ref(1, "b")]);
    assert.equal(story.machine.state.worker(mapper).leases.size, 0);
    story.worker({ host: "b" });
    const grant = story.placeOne();
    assert.deepEqual([grant.index, grant.level], [1, 0]);
  });

  it("that read one partition each are as many as there are partitions, or the seal is refused", () => {
    const story = new Scenario();
    const dependsOn = [{ stage: "s0", kind: "partition" }] as const;
    const jobId = story.submit({
      stages: [
        { tasks: 1, partitions: 3 },
        { tasks: 2, dependsOn },
      ],
      upload: true,
    });
    const counts = [
      { stage: "s0", count: 1 },
      { stage: "s1", count: 2 },
    ];
    story.machine.run({ kind: "seal_job", namespace: "default", jobId, counts });
    assert.equal(story.machine.rejected.get("stage_counts_differ"), 1);
    assert.equal(story.job(jobId).state, "uploading");
  });
});

describe("an upload", () => {
  const append = (story: Scenario, jobId: string, firstIndex: number, count: number) =>
    story.machine.run({
      kind: "append_tasks",
      namespace: "default",
      jobId,
      stage: "s0",
      firstIndex,
      tasks: draftsOf(count),
    });

  it("keeps its tasks blocked until it is sealed", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 1 }], upload: true });
    assert.deepEqual(story.place(), []);
    assert.equal(story.task(jobId).reason, "upload");
    const counts = [{ stage: "s0", count: 1 }];
    story.machine.run({ kind: "seal_job", namespace: "default", jobId, counts });
    story.machine.followUp();
    story.placeOne();
  });

  it("takes a part twice without taking it twice", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 0 }], upload: true });
    append(story, jobId, 0, 4);
    const again = append(story, jobId, 0, 4);
    assert(again.ok && again.events.length === 0);
    assert.deepEqual(again.reply, { nextIndex: 4 });
    assert.equal(story.job(jobId).stages[0]?.taskCount, 4);
  });

  it("refuses a gap and says where it goes on", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 0 }], upload: true });
    const decision = append(story, jobId, 5, 1);
    assert(!decision.ok);
    assert.equal(decision.rejection.kind, "upload_gap");
    assert.equal(decision.rejection.metadata?.["next_index"], "0");
  });

  it("lapses when nobody seals it, counted from its last part", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 0 }], upload: true });
    story.pass(59_000);
    append(story, jobId, 0, 2);
    story.pass(59_000);
    assert.equal(story.job(jobId).state, "uploading");
    story.pass(1_000);
    assert.equal(story.job(jobId).state, "cancelled");
    assert.equal(story.job(jobId).cancelCause, "upload_lapsed");
  });
});

describe("a dead task", () => {
  const dies = { retryable: false };

  it("under FAIL_FAST cancels what waits, recalls what has not started, lets the rest finish", () => {
    const story = new Scenario();
    story.worker({ capacity: [slots(4)] });
    const jobId = story.submit({ stages: [{ tasks: 6 }] });
    const [dead, running, failing, unstarted] = story.place() as [Grant, Grant, Grant, Grant];
    for (const grant of [dead, running, failing]) story.start(grant);
    story.fail(dead, dies);
    assert.equal(story.job(jobId).state, "failing");
    const recalled = story.machine.notices.filter(({ kind }) => kind === "recall");
    assert.deepEqual(
      recalled.map((notice) => (notice as { token: unknown }).token),
      [unstarted.token],
    );
    assert.equal(story.giveBack(unstarted, "recalled").kind, "cancelled");
    assert.equal(story.fail(failing).kind, "cancelled");
    assert.equal(story.job(jobId).state, "failing");
    assert.equal(story.complete(running).kind, "succeeded");
    const job = story.job(jobId);
    assert.equal(job.state, "failed");
    const { succeeded, failed, cancelled } = job.stages[0]!.counts;
    assert.deepEqual({ succeeded, failed, cancelled }, { succeeded: 1, failed: 1, cancelled: 4 });
  });

  it("under CONTINUE fails the job at its end", () => {
    const story = new Scenario();
    story.worker();
    const jobId = story.submit({ stages: [{ tasks: 2 }], onTaskFailure: { kind: "continue" } });
    story.fail(story.placeOne(), dies);
    assert.equal(story.job(jobId).state, "running");
    story.complete(story.placeOne());
    assert.equal(story.job(jobId).state, "failed");
  });

  it("under TOLERATE is borne up to the count, and fails the job beyond", () => {
    const story = new Scenario();
    story.worker();
    const onTaskFailure = { kind: "tolerate_count", count: 1 } as const;
    const borne = story.submit({ stages: [{ tasks: 2 }], onTaskFailure });
    story.fail(story.placeOne(), dies);
    story.complete(story.placeOne());
    assert.equal(story.job(borne).state, "succeeded");
    const beyond = story.submit({ stages: [{ tasks: 3 }], onTaskFailure });
    story.fail(story.placeOne(), dies);
    story.fail(story.placeOne(), dies);
    assert.equal(story.job(beyond).state, "failed");
  });

  it("under TOLERATE takes its EACH counterpart with it, and the rest goes on", () => {
    const story = new Scenario();
    story.worker();
    const dependsOn = [{ stage: "s0", kind: "each" }] as const;
    const jobId = story.submit({
      stages: [{ tasks: 2 }, { tasks: 2, dependsOn }],
      onTaskFailure: { kind: "tolerate_share", shareMillionths: 500_000 },
    });
    story.fail(story.placeOne(), dies);
    story.complete(story.placeOne());
    story.complete(story.placeOne());
    const job = story.job(jobId);
    assert.equal(job.state, "succeeded");
    assert.equal(job.stages[1]?.counts.cancelled, 1);
  });
});

describe("cancelling", () => {
  /** Brings the job's one task into each state, then calls the job off. */
  const states: readonly [string, (story: Scenario, jobId: string) => Grant | undefined][] = [
    ["blocked", () => undefined],
    ["scheduled by its run-at", () => undefined],
    ["pending", () => undefined],
    ["waiting for its backoff", (story) => void story.fail(grantOf(story))],
    ["leased", (story) => grantOf(story)],
    [
      "running",
      (story) => {
        const grant = grantOf(story);
        story.start(grant);
        return grant;
      },
    ],
  ];
  const grantOf = (story: Scenario) => {
    story.worker();
    return story.placeOne();
  };

  for (const [name, bring] of states) {
    it(`ends a job whose task is ${name} then and there, and nothing of it starts again`, () => {
      const story = new Scenario();
      const delayMs = name === "scheduled by its run-at" ? 1_000 : 0;
      const jobId = story.submit({
        stages: [{ tasks: [{ delayMs }] }],
        upload: name === "blocked",
      });
      const grant = bring(story, jobId);
      story.machine.now += 10;
      story.cancel(jobId);
      const calledOff = story.machine.now + story.machine.wallOffMs;
      assert.equal(story.job(jobId).state, "cancelled");
      assert.equal(story.task(jobId).state, "cancelled");
      assert.equal(story.task(jobId).finishedWall, calledOff);
      story.worker({ capacity: [slots(4)] });
      story.pass(100_000);
      assert.deepEqual(story.place(), []);
      if (grant === undefined) return;
      const told = story.machine.notices.filter(({ kind }) => kind === "cancel");
      assert.equal(told.length >= 1, true);
      assert.equal(story.complete(grant).kind, "stale");
      assert.equal(story.task(jobId).state, "cancelled");
    });
  }

  it("twice is as good as once", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 1 }] });
    story.cancel(jobId);
    const before = story.machine.journal.length;
    story.cancel(jobId);
    assert.equal(story.machine.journal.length, before);
  });

  it("sweeps a job of many tasks in steps that one event covers", () => {
    const story = new Scenario();
    const jobId = story.submit({ stages: [{ tasks: 3_000 }, { tasks: 3_000 }], upload: true });
    const tasks = draftsOf(2_000);
    for (const firstIndex of [3_000, 5_000]) {
      story.machine.run({
        kind: "append_tasks",
        namespace: "default",
        jobId,
        stage: "s0",
        firstIndex,
        tasks,
      });
    }
    story.cancel(jobId);
    const steps = story.machine.journal.filter(({ event }) => event.type === "tasks_cancelled");
    assert.deepEqual(
      steps.map(({ event }) => {
        const { fromIndex, toIndex } = event as unknown as { fromIndex: number; toIndex: number };
        return toIndex - fromIndex;
      }),
      [4_096, 2_904, 3_000],
    );
    assert.equal(story.job(jobId).state, "cancelled");
  });
});
