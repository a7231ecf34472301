import assert from "node:assert/strict";
import {
  Client,
  InvalidArgumentError,
  splitLines,
  startTracing,
  Worker,
  type JobDefinition,
} from "../src/index.js";
import { FakeJobs } from "./support/fake-jobs.js";
import { Fixtures } from "./support/fixtures.js";

const fixtures = new Fixtures();
afterEach(() => fixtures.close());

async function setUp(): Promise<{ jobs: FakeJobs; client: Client }> {
  const jobs = new FakeJobs();
  const master = await fixtures.master(jobs.unary());
  const client = new Client({ address: master.address });
  fixtures.after(() => client.close());
  return { jobs, client };
}

/** As a program in JavaScript gives it. */
const untyped = (given: unknown): never => given as never;
const good = { name: "j", stages: [{ taskType: "t", tasks: [{}] }] };

const refusal = (field: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof InvalidArgumentError);
  assert.deepEqual(
    error.violations.map((one) => one.field),
    [field],
  );
  assert.match(error.message, text);
  return true;
};

describe("a field that is not known", () => {
  const jobs: readonly [field: string, job: unknown, text: RegExp][] = [
    [
      "idempotencyKey",
      { ...good, idempotencyKey: "k" },
      /^there is no field idempotencyKey here, it is an option of submit; the fields are name, stages, /,
    ],
    [
      "maxAttempts",
      { ...good, maxAttempts: 3 },
      /here, it is job\.policy\.retry\.maxAttempts or job\.policy\.retry\.classes\[\]\.maxAttempts; /,
    ],
    ["lables", { ...good, lables: {} }, /here, labels may be meant; the fields are /],
    [
      "policy.retry.max_attempts",
      { ...good, policy: { retry: { max_attempts: 1 } } },
      /maxAttempts/,
    ],
    ["typePolicies.t.retrys", { ...good, typePolicies: { t: { retrys: 1 } } }, /retry may be /],
    ["onTaskFailure.count", { ...good, onTaskFailure: { count: 1 } }, /tolerateCount/],
    [
      "stages[1].taskTyp",
      { name: "j", stages: [...good.stages, { name: "b", taskTyp: "t", tasks: [{}] }] },
      /^stages\[1\]: there is no field taskTyp here, taskType may be meant; /,
    ],
    [
      "stages[0].tasks[1].payLoad",
      { name: "j", stages: [{ taskType: "t", tasks: [{ payload: 1 }, { payLoad: 2 }] }] },
      /^stages\[0\]\.tasks\[1\]: there is no field payLoad here, payload may be meant; /,
    ],
    [
      "stages[0].tasks[0].inputs[0].url",
      { name: "j", stages: [{ taskType: "t", tasks: [{ inputs: [{ uri: "x", url: "x" }] }] }] },
      /uri may be meant/,
    ],
    ["stages", { name: "j" }, /^stages: a list of stages is wanted/],
    ["stages[0]", { name: "j", stages: [null] }, /^stages\[0\]: a stage is wanted/],
    ["stages[0].tasks", { name: "j", stages: [{ taskType: "t" }] }, /a list of tasks is wanted/],
    ["stages[0].tasks", { name: "j", stages: [{ taskType: "t", tasks: 3 }] }, /a list of tasks/],
    [
      "stages[0].tasks[1]",
      { name: "j", stages: [{ taskType: "t", tasks: [{}, null] }] },
      /^stages\[0\]\.tasks\[1\]: a task is wanted/,
    ],
    [
      "stages[0].tasks[0]",
      { name: "j", stages: [{ taskType: "t", tasks: ["the payload itself"] }] },
      /a task is wanted, like { payload }/,
    ],
    ["stages[0].tasks[0]", { name: "j", stages: [{ taskType: "t", tasks: [3] }] }, /a task is/],
    [
      "stages[0].dependsOn[0].kind",
      { ...good, stages: [{ ...good.stages[0], dependsOn: [{ stage: "m", kind: "partitions" }] }] },
      /: "partitions" is none of all, partition, each, partition may be meant$/,
    ],
    ["placement.locality", { ...good, placement: { locality: "ignored" } }, /ignore may be meant/],
    ["onTaskFailure", { ...good, onTaskFailure: "contiune" }, /continue may be meant/],
    [
      "stages[0].constraints.required[0].operator",
      { ...good, stages: [{ ...good.stages[0], constraints: { required: [{ operator: "is" }] } }] },
      /"is" is none of in, /,
    ],
  ];
  for (const [field, job, text] of jobs) {
    it(`of a job is refused by its name: ${field}`, async () => {
      const { jobs, client } = await setUp();
      await assert.rejects(client.submit(untyped(job)), refusal(field, text));
      await assert.rejects(client.runJob(untyped(job)), refusal(field, text));
      const [first, second] = await client.submitMany([untyped(job), good]);
      assert.ok(first !== undefined && !first.ok && refusal(field, text)(first.error));
      assert.ok(second?.ok);
      assert.equal(jobs.jobs.size, 1, "the good one alone");
    });
  }

  it("of a task is refused by its place also where tasks come as they are uploaded", async () => {
    const { client } = await setUp();
    async function* tasks() {
      for (let index = 0; index < 5_000; index++) yield { payload: index };
      yield untyped({ payload: 1, delay: 5 });
    }
    const job: JobDefinition = { name: "j", stages: [{ taskType: "t", tasks: tasks() }] };
    const text = /^stages\[0\]\.tasks\[5000\]: there is no field delay here/;
    await assert.rejects(client.submit(job), refusal("stages[0].tasks[5000].delay", text));
  });

  it("of the options of a call is refused", async () => {
    const { client } = await setUp();
    const options = untyped({ idempotencykey: "k" });
    const text = /idempotencyKey may be meant/;
    await assert.rejects(client.submit(good, options), refusal("idempotencykey", text));
    await assert.rejects(client.runJob(good, options), refusal("idempotencykey", text));
    await assert.rejects(client.listJobs(untyped({ state: "failed" })), refusal("state", /states/));
    assert.throws(() => client.watch("job_1", untyped({ interval: 1 })), InvalidArgumentError);
    await assert.rejects(startTracing(untyped({ name: "x" })), refusal("name", /serviceName/));
    await assert.rejects(splitLines([], untyped({ bytes: 1 })), refusal("bytes", /targetBytes/));
  });

  it("is no worse than an idempotency key that is empty: that is refused too", async () => {
    const { client } = await setUp();
    const refused = refusal("idempotencyKey", /^idempotencyKey is empty/);
    await assert.rejects(client.submit(good, { idempotencyKey: "" }), refused);
    const [outcome] = await client.submitMany([{ job: good, idempotencyKey: "" }]);
    assert.ok(outcome !== undefined && !outcome.ok && refused(outcome.error));
  });

  it("of the options of Client and Worker is refused", () => {
    const timeout = untyped({ callTimeout: 1 });
    assert.throws(() => new Client(timeout), refusal("callTimeout", /callTimeoutMs may be meant/));
    assert.throws(() => new Worker(untyped({ slot: 1 })), refusal("slot", /slots may be meant/));
    const base = untyped({ reconnect: { base: 1 } });
    assert.throws(() => new Worker(base), refusal("reconnect.base", /^reconnect: there is no /));
  });
});
