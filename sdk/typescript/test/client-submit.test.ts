import assert from "node:assert/strict";
import { AppendTasksRequest, SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import {
  Client,
  InvalidArgumentError,
  InvalidPayloadError,
  UnavailableError,
  type ClientOptions,
  type JobDefinition,
  type TaskDefinition,
} from "../src/index.js";
import { FakeJobs } from "./support/fake-jobs.js";
import { Fixtures } from "./support/fixtures.js";
import { errorOf, status } from "./support/scripted-master.js";

const fixtures = new Fixtures();
afterEach(() => fixtures.close());

async function setUp(options: ClientOptions = {}): Promise<{ jobs: FakeJobs; client: Client }> {
  const jobs = new FakeJobs();
  const master = await fixtures.master(jobs.unary());
  const client = new Client({ address: master.address, ...options });
  fixtures.after(() => client.close());
  return { jobs, client };
}

const jobOf = (tasks: JobDefinition["stages"][number]["tasks"], name = "job"): JobDefinition => ({
  name,
  stages: [{ taskType: "t", tasks }],
});

function* many(count: number, payload: (index: number) => unknown): Generator<TaskDefinition> {
  for (let index = 0; index < count; index++) yield { payload: payload(index) };
}

const texts = (job: { stages: Map<string, { payload: Buffer }[]> }, stage = "main"): string[] =>
  job.stages.get(stage)!.map(({ payload }) => payload.toString());

describe("submit", () => {
  it("sends a small job whole, with everything that it says", async () => {
    const { jobs, client } = await setUp({ namespace: "team" });
    const handle = await client.submit(
      {
        name: "all",
        stages: [
          {
            name: "map",
            taskType: "m",
            partitions: 4,
            demand: { slots: 0.5, memory: 512 },
            constraints: {
              required: [{ key: "disk", values: ["ssd"] }],
              preferred: [{ key: "zone", operator: "exists", weight: -3 }],
            },
            tasks: [
              {
                payload: { a: 1 },
                inputs: [{ uri: "file:///x", offsetBytes: 5, sizeBytes: 10, hosts: ["h"] }],
                recordCount: 3,
                delayMs: 0,
                priority: -1,
              },
              { payload: new Uint8Array([255, 0]), taskType: "other" },
              { payload: "text" },
              {},
            ],
          },
          {
            name: "reduce",
            taskType: "r",
            tasks: [],
            dependsOn: [{ stage: "map", kind: "partition" }],
          },
        ],
        policy: { retry: { maxAttempts: 5, backoffBaseMs: 0 }, attemptTimeoutMs: 0 },
        typePolicies: { other: { retry: { maxAttempts: 1 } } },
        onTaskFailure: { tolerateShare: 0.25 },
        labels: { team: "a" },
        priority: 7,
        retentionMs: 31_536_000_000,
        placement: { locality: "ignore", hostPatienceMs: 0 },
      },
      { idempotencyKey: "k1" },
    );
    assert.deepEqual([handle.jobId, handle.state, handle.existing], ["job_1", "running", false]);
    const { request } = jobs.jobs.get("k1")!;
    assert.deepEqual(jobs.calls, ["SubmitJob"]);
    const json = SubmitJobRequest.toJSON(request) as Record<string, any>;
    assert.equal(json["namespace"], "team");
    const base64 = (bytes: string | number[]): string =>
      Buffer.from(bytes as string).toString("base64");
    assert.deepEqual(json["job"], {
      name: "all",
      stages: [
        {
          name: "map",
          taskType: "m",
          partitions: 4,
          demand: [
            { name: "slots", milli: "500" },
            { name: "memory", milli: "512000" },
          ],
          constraints: {
            required: [{ key: "disk", operator: "LABEL_OPERATOR_IN", values: ["ssd"] }],
            preferred: [
              { condition: { key: "zone", operator: "LABEL_OPERATOR_EXISTS" }, weight: -3 },
            ],
          },
          tasks: [
            {
              payload: base64('{"a":1}'),
              inputs: [{ uri: "file:///x", offsetBytes: "5", sizeBytes: "10", hosts: ["h"] }],
              recordCount: 3,
              delayMs: 0,
              priority: -1,
            },
            { payload: base64([255, 0]), taskType: "other" },
            { payload: base64('"text"') },
            {},
          ],
        },
        {
          name: "reduce",
          taskType: "r",
          dependsOn: [{ stage: "map", kind: "DEPENDENCY_KIND_PARTITION" }],
        },
      ],
      policy: { retry: { maxAttempts: 5, backoffBaseMs: 0 }, attemptTimeoutMs: 0 },
      typePolicies: { other: { retry: { maxAttempts: 1 } } },
      onTaskFailure: { tolerate: { share: 0.25 } },
      labels: { team: "a" },
      priority: 7,
      retentionMs: "31536000000",
      placement: { locality: "LOCALITY_MODE_IGNORE", hostPatienceMs: 0 },
    });
  });

  it("uploads a job of many tasks in parts, within the limits of a message, and seals it", async () => {
    const { jobs, client } = await setUp();
    const appends: AppendTasksRequest[] = [];
    jobs.before = (call, request) => {
      if (call === "AppendTasks") appends.push(request as AppendTasksRequest);
    };
    async function* later(): AsyncGenerator<TaskDefinition> {
      yield* many(9_000, (index) => index);
    }
    const { jobId } = await client.submit({
      name: "large",
      stages: [
        { name: "a", taskType: "t", tasks: many(10_000, (index) => index) },
        { name: "b", taskType: "t", tasks: later() },
        { name: "c", taskType: "t", tasks: [] },
      ],
    });
    const job = [...jobs.jobs.values()].find((one) => one.jobId === jobId)!;
    assert.equal(job.sealed, true);
    assert.deepEqual(
      texts(job, "a"),
      Array.from({ length: 10_000 }, (_, index) => String(index)),
    );
    assert.deepEqual(
      texts(job, "b"),
      Array.from({ length: 9_000 }, (_, index) => String(index)),
    );
    assert.ok(appends.every(({ tasks }) => tasks.length <= 2_048));
    // A master that has just started is slow with what it does for the first time.
    const sizesOf = (stage: string) =>
      appends.filter((one) => one.stage === stage).map(({ tasks }) => tasks.length);
    assert.deepEqual(sizesOf("a").slice(0, 4), [128, 384, 512, 1_024]);
    assert.equal(sizesOf("b")[0], 128);
  });

  it("cuts parts by size too", async () => {
    const { jobs, client } = await setUp();
    const sizes: number[] = [];
    jobs.before = (call, request) => {
      if (call !== "AppendTasks") return;
      sizes.push(AppendTasksRequest.encode(request as AppendTasksRequest).finish().length);
    };
    await client.submit(jobOf(many(20, () => new Uint8Array(100_000))));
    assert.ok(sizes.length >= 5 && sizes.every((size) => size <= 448 * 1_024), sizes.join());
  });

  it("repeats under the same key while the master is unavailable, and makes one job", async () => {
    const { jobs, client } = await setUp();
    let failures = 3;
    jobs.after = (call) => {
      // The work is done, and the answer lost.
      if (call === "SubmitJob" && failures-- > 0) throw errorOf(status.UNAVAILABLE, "STOPPING");
    };
    const handle = await client.submit(jobOf([{}]));
    assert.equal(jobs.jobs.size, 1);
    assert.equal(jobs.calls.length, 4);
    assert.equal(handle.existing, false, "the key was its own");
  });

  it("goes on with an upload whose answers are lost or come out of turn", async () => {
    const { jobs, client } = await setUp();
    let calls = 0;
    jobs.before = (call) => {
      calls += 1;
      if (call === "AppendTasks" && calls % 5 === 3)
        throw errorOf(status.UNAVAILABLE, "OVERLOADED");
    };
    jobs.after = () => {
      if (calls % 4 === 0) throw errorOf(status.UNAVAILABLE, "STOPPING");
    };
    await client.submit(jobOf(many(60_000, (index) => index)), { idempotencyKey: "k" });
    const job = jobs.jobs.get("k")!;
    assert.deepEqual(
      texts(job),
      Array.from({ length: 60_000 }, (_, index) => String(index)),
    );
    assert.equal(job.sealed, true);
  });

  it("resumes an upload of the same key where it stopped", async () => {
    const { jobs, client } = await setUp();
    const tasks = (): Iterable<TaskDefinition> => many(12_000, (index) => index);
    let appends = 0;
    jobs.before = (call) => {
      if (call === "AppendTasks" && ++appends > 1) throw errorOf(status.PERMISSION_DENIED, "X");
    };
    await assert.rejects(client.submit(jobOf(tasks()), { idempotencyKey: "k" }));
    assert.equal(jobs.jobs.get("k")!.stages.get("main")!.length, 128);
    jobs.before = () => undefined;
    const handle = await client.submit(jobOf(tasks()), { idempotencyKey: "k" });
    assert.equal(handle.existing, true);
    assert.equal(texts(jobs.jobs.get("k")!).length, 12_000);
  });

  it("names a refused task by its place in the job, whichever part it was sent in", async () => {
    const { jobs, client } = await setUp();
    jobs.before = (call, request) => {
      if (call !== "AppendTasks" || (request as AppendTasksRequest).firstIndex < 4_096) return;
      const violations = [{ field: "tasks[3].inputs[0].uri", description: "is missing" }];
      const metadata = { field: "tasks[3].inputs[0].uri" };
      throw errorOf(status.INVALID_ARGUMENT, "INVALID_FIELD", { violations, metadata });
    };
    await assert.rejects(client.submit(jobOf(many(5_000, (index) => index))), (error) => {
      assert.ok(error instanceof InvalidArgumentError);
      const field = "job.stages[0].tasks[4099].inputs[0].uri";
      assert.deepEqual(error.violations, [{ field, description: "is missing" }]);
      assert.equal(error.metadata["field"], field);
      return true;
    });
  });

  it("waits as long as a RetryInfo asks", async () => {
    const { jobs, client } = await setUp();
    const at: number[] = [];
    jobs.before = () => {
      at.push(performance.now());
      if (at.length > 1) return;
      throw errorOf(status.RESOURCE_EXHAUSTED, "BACKLOG_FULL", { retryInMs: 80 });
    };
    await client.submit(jobOf([{}]));
    assert.ok(at[1]! - at[0]! >= 79);
  });

  it("gives up after its time, and at once on what does not help to repeat", async () => {
    const { jobs, client } = await setUp({ retryForMs: 100 });
    jobs.before = () => {
      throw errorOf(status.UNAVAILABLE, "STOPPING");
    };
    await assert.rejects(client.submit(jobOf([{}])), UnavailableError);
    assert.ok(jobs.calls.length > 1);
    jobs.calls.length = 0;
    jobs.before = () => {
      throw errorOf(status.INVALID_ARGUMENT, "INVALID_FIELD");
    };
    await assert.rejects(client.submit(jobOf([{}])), { code: "INVALID_ARGUMENT" });
    assert.equal(jobs.calls.length, 1);
  });

  it("refuses what it cannot write down, and closes the source of tasks", async () => {
    const { client } = await setUp();
    let closed = false;
    function* source(): Generator<TaskDefinition> {
      try {
        yield { payload: 1n };
      } finally {
        closed = true;
      }
    }
    await assert.rejects(client.submit(jobOf(source())), InvalidPayloadError);
    assert.equal(closed, true);
    await assert.rejects(client.submit(jobOf([{ demand: { slots: -1 } }])), RangeError);
  });

  for (const kind of ["at once", "later"] as const) {
    it(`sends nothing when the signal is aborted while the tasks are read, ${kind}`, async () => {
      const { jobs, client } = await setUp();
      const controller = new AbortController();
      const reason = new Error("enough");
      function* atOnce(): Generator<TaskDefinition> {
        yield {};
        controller.abort(reason);
        yield {};
      }
      async function* later(): AsyncGenerator<TaskDefinition> {
        await Promise.resolve();
        yield* atOnce();
      }
      const job = jobOf(kind === "at once" ? atOnce() : later());
      await assert.rejects(client.submit(job, { signal: controller.signal }), reason);
      // Another turn, and the answer to another call: the job would have been among them.
      await client.submit(jobOf([{}], "other"));
      assert.deepEqual(
        [...jobs.jobs.values()].map(({ request }) => request.job?.name),
        ["other"],
      );
    });
  }

  it("ends with the signal's reason", async () => {
    const { jobs, client } = await setUp();
    const controller = new AbortController();
    jobs.before = () => {
      controller.abort(new Error("not any more"));
      throw errorOf(status.UNAVAILABLE, "STOPPING");
    };
    const { signal } = controller;
    await assert.rejects(client.submit(jobOf([{}]), { signal }), /not any more/);
  });
});

describe("many small jobs", () => {
  it("go together in one call when they are submitted in one turn", async () => {
    const { jobs, client } = await setUp();
    const handles = await Promise.all(
      Array.from({ length: 50 }, (_, n) => client.submit(jobOf([{ payload: n }], `j${n}`))),
    );
    assert.deepEqual(jobs.calls, ["SubmitJobs"]);
    assert.equal(new Set(handles.map(({ jobId }) => jobId)).size, 50);
    const names = [...jobs.jobs.values()].map(({ request }) => request.job?.name);
    assert.deepEqual(
      names,
      Array.from({ length: 50 }, (_, n) => `j${n}`),
    );
  });

  it("have an outcome each, in order, also those that are refused or too large for a bulk call", async () => {
    const { jobs, client } = await setUp();
    const outcomes = await client.submitMany([
      jobOf([{}], "one"),
      jobOf([{}], "bad"),
      {
        job: jobOf(
          many(5_000, (n) => n),
          "large",
        ),
        idempotencyKey: "mine",
      },
      jobOf([{}], "two"),
    ]);
    assert.deepEqual(
      outcomes.map((one) => (one.ok ? "ok" : one.error.code)),
      ["ok", "INVALID_ARGUMENT", "ok", "ok"],
    );
    assert.equal(jobs.jobs.get("mine")!.stages.get("main")!.length, 5_000);
  });

  it("are sent again, as they were, where the master had no room for some of them", async () => {
    const { jobs, client } = await setUp({ namespace: "team" });
    for (const name of ["b", "d"]) jobs.busyFor.add(name);
    const outcomes = await client.submitMany(
      ["a", "b", "c", "d", "bad"].map((name) => jobOf([{ payload: `of ${name}` }], name)),
    );
    assert.deepEqual(
      outcomes.map((one) => (one.ok ? "ok" : one.error.code)),
      ["ok", "ok", "ok", "ok", "INVALID_ARGUMENT"],
    );
    assert.deepEqual(jobs.calls, ["SubmitJobs", "SubmitJobs"]);
    const submitted = [...jobs.jobs.values()].map((job) => [
      job.request.namespace,
      job.request.job?.name,
      ...texts(job),
    ]);
    assert.deepEqual(submitted, [
      ["team", "a", '"of a"'],
      ["team", "c", '"of c"'],
      ["team", "b", '"of b"'],
      ["team", "d", '"of d"'],
    ]);
  });

  it("are split by count and size", async () => {
    const { jobs, client } = await setUp();
    const each = (count: number, bytes: number): JobDefinition[] =>
      Array.from({ length: count }, () => jobOf([{ payload: new Uint8Array(bytes) }]));
    const outcomes = await client.submitMany(each(5_000, 10));
    assert.ok(outcomes.every(({ ok }) => ok));
    const before = jobs.calls.length;
    assert.ok(before >= 2 && before <= 8, String(before));
    await client.submitMany(each(30, 100_000));
    assert.ok(jobs.calls.length - before >= 4);
    assert.equal(jobs.jobs.size, 5_030);
  });
});
