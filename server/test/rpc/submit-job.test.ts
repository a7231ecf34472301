import assert from "node:assert/strict";
import { JobState, WarningKind } from "@capstan/proto/capstan/v1/job.js";
import { DependencyKind, LabelOperator } from "@capstan/proto/capstan/v1/common.js";
import { LocalityMode } from "@capstan/proto/capstan/v1/policy.js";
import { queries } from "../../src/core/index.js";
import { Calls } from "./support/calls.js";
import { Edge, refusalOf, refusedIn } from "./support/edge.js";
import { loseWorker, TestWorker } from "./support/test-worker.js";

describe("submitting jobs over gRPC", () => {
  let edge: Edge;
  let calls: Calls;

  beforeEach(async () => {
    edge = await Edge.start();
    calls = new Calls(edge);
  });

  afterEach(() => edge.close());

  const spec = async (jobId: string) => {
    const found = await edge.engine.read((state) => queries.getJobSpec(state, "default", jobId));
    assert(found !== undefined);
    return found;
  };

  it("fills in every default that the contract names", async () => {
    const { jobId, state } = await calls.submit({
      job: { name: "plain", stages: [{ taskType: "noop", tasks: [{}] }] },
    });
    assert.equal(state, JobState.JOB_STATE_RUNNING);
    assert.deepEqual(await spec(jobId), {
      namespace: "default",
      name: "plain",
      labels: [],
      onTaskFailure: { kind: "fail_fast" },
      trace: { traceparent: "", tracestate: "", baggage: "" },
      uploadTtlMs: 3_600_000,
      stages: [
        {
          name: "main",
          dependsOn: [],
          partitions: 1,
          task: {
            type: "noop",
            demand: [{ name: "slots", milli: 1_000 }],
            constraints: [],
            policy: {
              retry: {
                attemptsMax: 3,
                backoffBaseMs: 1_000,
                backoffFactor: 2,
                backoffCapMs: 60_000,
                nonRetryable: [],
              },
              attemptTimeoutMs: 0,
              lostMax: 10,
              oomMax: 3,
              deliveriesMax: 100,
            },
          },
        },
      ],
    });
  });

  it("lays policies over each other: master, job, type, task", async () => {
    const { jobId } = await calls.submit({
      job: {
        name: "layers",
        policy: { retry: { maxAttempts: 5, backoffBaseMs: 0 }, attemptTimeoutMs: 1_000 },
        typePolicies: { slow: { retry: { backoffCapMs: 7 }, budgets: { lost: 0 } } },
        stages: [
          {
            taskType: "quick",
            tasks: [{}, { taskType: "slow" }, { attemptTimeoutMs: 2_000 }, { taskType: "quick" }],
          },
        ],
      },
    });
    const policies = await Promise.all(
      [0, 1, 2, 3].map((index) =>
        edge.engine.read((state) => queries.getTask(state, "default", jobId, "main", index, 0)),
      ),
    );
    const [quick, slow, longer, same] = policies.map((task) => task?.kind.policy);
    assert.deepEqual(
      [
        quick?.retry.attemptsMax,
        quick?.retry.backoffBaseMs,
        quick?.retry.backoffCapMs,
        quick?.lostMax,
      ],
      [5, 0, 60_000, 10],
    );
    assert.deepEqual(
      [slow?.retry.attemptsMax, slow?.retry.backoffCapMs, slow?.lostMax, slow?.attemptTimeoutMs],
      [5, 7, 0, 1_000],
    );
    assert.equal(longer?.attemptTimeoutMs, 2_000);
    assert.equal(same, quick);
  });

  it("gives equal overrides one kind, and tasks without any none of their own", async () => {
    const { jobId } = await calls.submit({
      job: {
        name: "kinds",
        stages: [
          {
            taskType: "noop",
            tasks: [
              {
                demand: [
                  { name: "gpu", milli: 1_000n },
                  { name: "cpu", milli: 500n },
                ],
              },
              {
                demand: [
                  { name: "cpu", milli: 500n },
                  { name: "gpu", milli: 1_000n },
                ],
              },
              { taskType: "noop", demand: [{ name: "slots", milli: 1_000n }] },
              {},
            ],
          },
        ],
      },
    });
    const kinds = await edge.engine.read((state) =>
      [0, 1, 2, 3].map((i) => queries.getTask(state, "default", jobId, "main", i, 0)?.kind),
    );
    assert.equal(kinds[0], kinds[1]);
    assert.equal(kinds[2], kinds[3]);
    assert.notEqual(kinds[0], kinds[2]);
  });

  it("keeps payload and inputs together, and gives them back whole", async () => {
    const inputs = [
      { uri: "file:///a", offsetBytes: 3n, sizeBytes: 2n ** 40n, hosts: ["h1", "h2"] },
      { uri: "file:///b", hosts: [] },
    ];
    const { jobId } = await calls.submit({
      job: {
        name: "content",
        stages: [
          {
            taskType: "noop",
            tasks: [{ payload: Buffer.from("hello"), inputs, recordCount: 9 }, {}],
          },
        ],
      },
    });
    const { task, content } = await calls.task({ taskId: `${jobId}/main/0`, includeContent: true });
    assert.equal(task?.recordCount, 9);
    assert.equal(content?.payload.toString(), "hello");
    assert.deepEqual(content?.inputs, [
      { uri: "file:///a", offsetBytes: 3n, sizeBytes: 2n ** 40n, hosts: ["h1", "h2"] },
      { uri: "file:///b", offsetBytes: 0n, sizeBytes: 0n, hosts: [] },
    ]);
    const empty = await calls.task({ taskId: `${jobId}/main/1`, includeContent: true });
    assert.deepEqual([empty.content?.payload.length, empty.content?.inputs], [0, []]);
    const withoutContent = await calls.task({ taskId: `${jobId}/main/0` });
    assert.equal(withoutContent.content, undefined);
  });

  it("places by data unless the job says not to, in every part of its upload", async () => {
    const worker = await TestWorker.register(edge.engine, { host: "h9" });
    const levels: number[] = [];
    for (const locality of [LocalityMode.LOCALITY_MODE_PREFER, LocalityMode.LOCALITY_MODE_IGNORE]) {
      const task = { inputs: [{ uri: "f", sizeBytes: 10n, hosts: ["elsewhere"] }] };
      const { jobId } = await calls.submit({
        job: {
          name: "where",
          placement: { locality },
          stages: [{ taskType: "noop", tasks: [task] }],
        },
        moreToUpload: true,
      });
      await calls.append({ jobId, firstIndex: 1, tasks: [task] });
      await calls.seal({ jobId, counts: [{ stage: "main", count: 2 }] });
      for (let i = 0; i < 2; i++) {
        const assigned = await worker.next();
        levels.push(assigned.level);
        await worker.complete(assigned);
      }
    }
    assert.deepEqual(levels, [2, 2, 3, 3]);
  });

  it("answers a key that it knows with the job of that time, and other content with a conflict", async () => {
    const request = {
      idempotencyKey: "k1",
      job: {
        name: "once",
        labels: { b: "2", a: "1" },
        stages: [{ taskType: "noop", tasks: [{}] }],
      },
    };
    const first = await calls.submit(request);
    const again = await calls.submit({
      ...request,
      namespace: "default",
      job: { ...request.job, labels: { a: "1", b: "2" } },
      traceContext: { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` },
    });
    assert.deepEqual([again.jobId, again.existing], [first.jobId, true]);
    assert.equal(first.existing, false);
    const before = await edge.digest();
    const refused = await refusalOf(
      calls.submit({ ...request, job: { ...request.job, name: "other" } }),
    );
    assert.deepEqual(
      [refused.code, refused.reason, refused.facts["job_id"]],
      ["ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT", first.jobId],
    );
    assert.deepEqual(await edge.digest(), before);
    const elsewhere = await calls.submit({ ...request, namespace: "other" });
    assert.notEqual(elsewhere.jobId, first.jobId);
  });

  it("takes the same key from one call and from a bulk call as the same", async () => {
    const job = {
      name: "once",
      stages: [{ taskType: "noop", tasks: [{ payload: Buffer.from("x") }] }],
    };
    const { jobId } = await calls.submit({ idempotencyKey: "k2", job });
    const { results } = await calls.submitMany({ items: [{ idempotencyKey: "k2", job }] });
    const [result] = results.map(({ result: arm }) => arm);
    assert(result?.$case === "job");
    assert.deepEqual([result.value.jobId, result.value.existing], [jobId, true]);
  });

  it("drops a trace context that does not parse, and keeps one that does", async () => {
    const job = { name: "traced", stages: [{ taskType: "noop", tasks: [{}] }] };
    const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
    const good = await calls.submit({
      job,
      traceContext: { traceparent, tracestate: "a=b", baggage: "c=d" },
    });
    assert.deepEqual((await spec(good.jobId)).trace, {
      traceparent,
      tracestate: "a=b",
      baggage: "c=d",
    });
    const bad = await calls.submit({
      job,
      traceContext: { traceparent: "nonsense", tracestate: "a=b", baggage: "x".repeat(5_000) },
    });
    assert.deepEqual((await spec(bad.jobId)).trace, {
      traceparent: "",
      tracestate: "",
      baggage: "",
    });
  });

  it("warns of what no known worker could run, and takes the job all the same", async () => {
    const job = {
      name: "large",
      stages: [{ taskType: "noop", demand: [{ name: "slots", milli: 9_000n }], tasks: [{}] }],
    };
    const alone = await calls.submit({ job });
    assert.deepEqual(
      alone.warnings.map(({ kind, stage }) => [kind, stage]),
      [[WarningKind.WARNING_KIND_NO_WORKER_OF_TYPE, "main"]],
    );
    await TestWorker.register(edge.engine);
    const small = await calls.submit({ job });
    assert.deepEqual(
      small.warnings.map(({ kind }) => kind),
      [WarningKind.WARNING_KIND_INFEASIBLE],
    );
    assert.equal((await calls.job(small.jobId)).warnings.length, 1);
    await TestWorker.register(edge.engine, { capacity: [{ name: "slots", milli: 9_000 }] });
    assert.deepEqual((await calls.submit({ job })).warnings, []);
  });

  it("names what no known worker has: the amount, or the label", async () => {
    const told = async (stage: object) => {
      const job = { name: "picky", stages: [{ taskType: "noop", tasks: [{}], ...stage }] };
      return (await calls.submit({ job })).warnings.map(({ message }) => message);
    };
    const zone = (value: string) => ({
      required: [{ key: "zone", operator: LabelOperator.LABEL_OPERATOR_IN, values: [value] }],
    });
    const big = [{ name: "slots", milli: 9_500n }];
    await TestWorker.register(edge.engine, { labels: [{ name: "zone", value: "eu" }] });
    await TestWorker.register(edge.engine, { capacity: [{ name: "slots", milli: 9_500 }] });
    assert.deepEqual(await told({ demand: [{ name: "gpu", milli: 1_000n }] }), [
      "a task of type noop needs gpu 1; a known worker that serves it has at most gpu 0",
    ]);
    assert.deepEqual(await told({ constraints: zone("us") }), [
      "a task of type noop needs the label zone=us; no known worker that serves it carries it",
    ]);
    assert.deepEqual(await told({ demand: big, constraints: zone("eu") }), [
      "a task of type noop needs slots 9.5; a known worker that serves it and carries the label zone=eu " +
        "has at most slots 4",
    ]);
    assert.deepEqual(await told({ demand: big }), []);
  });

  it("tells each trouble once, however many stages and tasks have it", async () => {
    const own = { demand: [{ name: "slots", milli: 2_000n }] };
    const job = {
      name: "twice",
      stages: [
        { name: "a", taskType: "odd", tasks: [{}, own] },
        { name: "b", taskType: "odd", tasks: [{}] },
        { name: "c", taskType: "even", tasks: [{}] },
      ],
    };
    const { jobId, warnings } = await calls.submit({ job });
    const all = [
      ["a", "odd", "no known worker serves the type odd"],
      ["c", "even", "no known worker serves the type even"],
    ];
    const shown = (list: typeof warnings) =>
      list.map(({ stage, taskType, message }) => [stage, taskType, message]);
    assert.deepEqual(shown(warnings), all);
    assert.deepEqual(shown((await calls.job(jobId)).warnings), all);
  });

  it("says of a type whose workers have left, are draining or lost that they served it", async () => {
    const told = async () => {
      const job = { name: "late", stages: [{ taskType: "noop", tasks: [{}] }] };
      return (await calls.submit({ job })).warnings.map(({ message }) => message);
    };
    const [leaver, drainer] = [
      await TestWorker.register(edge.engine),
      await TestWorker.register(edge.engine),
    ];
    await leaver.drain();
    leaver.leave();
    assert.deepEqual(await told(), []);
    await drainer.drain();
    assert.deepEqual(await told(), [
      "no worker serves the type noop now: 1 that serves it is draining; 1 that served it has left",
    ]);
    const lost = await TestWorker.register(edge.engine, { workerId: "lost" });
    lost.leave();
    assert.deepEqual(await told(), []);
    await loseWorker(edge.engine, lost.no);
    const [message = ""] = await told();
    assert.match(
      message,
      /noop now: 1 that served it is lost, last heard \d+ s ago; 1 that serves/,
    );
  });

  it("submits many in order, with an outcome for each", async () => {
    const stages = [{ taskType: "noop", tasks: [{}] }];
    const { results } = await calls.submitMany({
      items: [
        { job: { name: "a", stages } },
        { job: { name: "not a name", stages } },
        { job: { name: "b", stages }, idempotencyKey: "twice" },
        { job: { name: "c", stages }, idempotencyKey: "twice" },
        { job: { name: "b", stages }, idempotencyKey: "twice" },
        {},
        { job: { name: "open", stages, open: {} } },
      ],
    });
    const outcomes = results.map(({ result }) => {
      assert(result !== undefined);
      return result.$case === "job" ? "job" : refusedIn(result.value);
    });
    assert.deepEqual(
      outcomes.map((outcome) => (outcome === "job" ? "job" : [outcome.reason, outcome.fields])),
      [
        "job",
        ["INVALID_FIELD", ["job.name"]],
        "job",
        ["IDEMPOTENCY_CONFLICT", []],
        "job",
        ["INVALID_FIELD", ["job"]],
        ["NOT_IMPLEMENTED", ["job.open"]],
      ],
    );
    const ids = results.flatMap(({ result }) =>
      result?.$case === "job" ? result.value.jobId : [],
    );
    const names = await Promise.all(ids.map(async (jobId) => (await calls.job(jobId)).name));
    assert.deepEqual(names, ["a", "b", "b"]);
    assert.equal(ids[1], ids[2]);
  });

  it("keeps a bulk answer within one message, however many are refused", async () => {
    const items = Array.from({ length: 4_096 }, () => ({
      job: { name: "", stages: [{}, {}, {}] },
    }));
    const { results } = await calls.submitMany({ items });
    assert.equal(results.length, 4_096);
    for (const { result } of results) {
      assert(result?.$case === "error");
      assert.equal(refusedIn(result.value).reason, "INVALID_FIELD");
    }
  });

  it("answers a job of a bulk call as it answers the job alone", async () => {
    const tasks = [{}, {}];
    const items = [
      { idempotencyKey: "bulk 1", job: { name: "whole", stages: [{ taskType: "noop", tasks }] } },
      {
        idempotencyKey: "bulk 2",
        job: {
          name: "begun",
          stages: [
            { name: "map", taskType: "noop", tasks },
            { name: "reduce", taskType: "noop" },
          ],
        },
        moreToUpload: true,
      },
      { idempotencyKey: "bulk 3", job: { name: "empty", stages: [{ taskType: "noop" }] } },
      { idempotencyKey: "bulk 4", job: { name: "none such", stages: [{ taskType: "noop" }] } },
    ];
    const { results } = await calls.submitMany({ items });
    assert.equal(results.length, items.length);
    for (const [i, item] of items.entries()) {
      const result = results[i]?.result;
      if (result?.$case !== "job") {
        const refused = await refusalOf(calls.submit(item));
        assert(result !== undefined);
        assert.deepEqual(refusedIn(result.value), refused);
        continue;
      }
      // The second time it is there already, and may have gone on meanwhile.
      const { state, ...alone } = await calls.submit(item);
      const { state: before, ...first } = result.value;
      assert.deepEqual({ ...first, existing: true }, alone);
      if (item.moreToUpload === true) assert.equal(before, state);
      assert.equal(first.existing, false);
    }
    assert.deepEqual(
      results.map(({ result }) => result?.$case),
      ["job", "job", "error", "error"],
    );
  });

  it("reads a job back as it was submitted", async () => {
    const { jobId } = await calls.submit({
      idempotencyKey: "whole",
      job: {
        name: "whole",
        labels: { team: "blue" },
        policy: { retry: { maxAttempts: 7 } },
        onTaskFailure: {
          policy: { $case: "tolerate", value: { limit: { $case: "share", value: 0.29 } } },
        },
        retentionMs: 1_000n,
        stages: [
          { name: "map", taskType: "m", partitions: 2, tasks: [{}, {}, {}] },
          {
            name: "reduce",
            taskType: "r",
            dependsOn: [{ stage: "map", kind: DependencyKind.DEPENDENCY_KIND_PARTITION }],
            tasks: [{}, {}],
          },
        ],
      },
    });
    const job = await calls.job(jobId);
    assert.deepEqual(
      [job.name, job.idempotencyKey, job.labels, job.run, job.sealed],
      ["whole", "whole", { team: "blue" }, 1, true],
    );
    assert.deepEqual(
      [job.spec?.policy?.retry?.maxAttempts, job.spec?.retentionMs, job.spec?.stages],
      [7, 1_000n, []],
    );
    assert.deepEqual(
      job.stages.map(({ name, partitions, counts, nextIndex }) => [
        name,
        partitions,
        counts?.pending,
        counts?.blocked,
        nextIndex,
      ]),
      [
        ["map", 2, 3, 0, 3],
        ["reduce", 1, 0, 2, 2],
      ],
    );
    assert.deepEqual([job.counts?.total, job.counts?.pending], [5, 3]);
    assert.deepEqual((await spec(jobId)).onTaskFailure, {
      kind: "tolerate_share",
      shareMillionths: 290_000,
    });
  });

  it("remembers after a restart what a job said of its tasks, for the rest of its upload", async () => {
    const task = { taskType: "slow", inputs: [{ uri: "f", hosts: ["h1"], sizeBytes: 1n }] };
    const { jobId } = await calls.submit({
      moreToUpload: true,
      job: {
        name: "resumed",
        retentionMs: 5_000n,
        placement: { locality: LocalityMode.LOCALITY_MODE_IGNORE },
        typePolicies: { slow: { retry: { maxAttempts: 9 } } },
        stages: [{ taskType: "noop" }],
      },
    });
    const before = await edge.digest();
    await edge.close();
    edge = await Edge.start({}, edge.disk);
    calls = new Calls(edge);
    assert.deepEqual(await edge.digest(), before);
    await calls.append({ jobId, tasks: [task] });
    const added = await calls.task({ taskId: `${jobId}/main/0` });
    assert.equal(added.task?.maxAttempts, 9);
    const job = await calls.job(jobId);
    assert.deepEqual(
      [job.spec?.retentionMs, job.spec?.typePolicies["slow"]?.retry?.maxAttempts],
      [5_000n, 9],
    );
    await calls.seal({ jobId, counts: [{ stage: "main", count: 1 }] });
    const worker = await TestWorker.register(edge.engine, { types: ["slow"], host: "h9" });
    assert.equal((await worker.next()).level, 3);
  });
});
