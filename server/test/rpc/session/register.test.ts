import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import type { Register } from "@capstan/proto/capstan/v1/session.js";
import { encodeToken } from "../../../src/rpc/token.js";
import { Bench } from "./support/bench.js";
import { heldList, RawWorker, registerOf } from "./support/raw-worker.js";

describe("Register", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  it("is answered with what holds in the session", async () => {
    const worker = new RawWorker(bench);
    const answer = await worker.register();
    assert.equal(answer.session, worker.session.name);
    assert.equal(answer.leaseTermMs, 15_000);
    assert.equal(answer.pingIntervalMs, 5_000);
    assert.equal(answer.receiptTimeoutMs, 5_000);
    assert.equal(answer.protocolVersion, 1);
    assert.deepEqual(
      [answer.resumed, answer.settled, answer.lost, answer.features],
      [[], [], [], []],
    );
  });

  it("makes the worker what it says, with defaults where it says nothing", async () => {
    const worker = new RawWorker(bench);
    await worker.register({
      workerId: "w1",
      host: "alpha",
      rack: "r1",
      resources: [],
      labels: { zone: "b", arch: "x" },
      prefetchTasks: 3,
    });
    const { spec, connection } = await bench.worker("w1");
    assert.equal(connection, "connected");
    assert.deepEqual(spec, {
      workerId: "w1",
      incarnation: "first",
      namespaces: ["default"],
      host: "alpha",
      rack: "r1",
      capacity: [{ name: "slots", milli: 1_000 }],
      labels: [
        { name: "arch", value: "x" },
        { name: "zone", value: "b" },
      ],
      types: ["work"],
      prefetchTasks: 3,
      sdk: "raw/1",
    });
  });

  it("must come first", async () => {
    const worker = new RawWorker(bench);
    worker.credit(1);
    const { code, reason } = await worker.refused();
    assert.deepEqual([code, reason], [status.FAILED_PRECONDITION, "REGISTER_REQUIRED"]);
  });

  it("may come after what the master does not know: that is ignored", async () => {
    const worker = new RawWorker(bench);
    worker.session.receive(Buffer.from("0a021a00", "hex").subarray(0, 0));
    // A message with arm 99, and one with none.
    worker.session.receive(Buffer.from("0a039a06000a00", "hex"));
    const answer = await worker.register();
    assert.notEqual(answer.session, "");
  });

  it("lets a worker come back with its lease that has come down to nothing meanwhile", async () => {
    const nothing = [{ name: "slots", milli: 0n }];
    const worker = new RawWorker(bench);
    const { session } = await worker.register({ workerId: "shrunk" });
    worker.credit(10);
    await bench.submit({ tasks: 1 });
    const [task] = await worker.tasks(1);
    assert(task !== undefined);
    worker.received(1);
    worker.say({ $case: "started", value: { tokens: [task.token] } });
    worker.say({
      $case: "resources",
      value: { capacity: { resources: nothing }, load: undefined, labels: undefined },
    });
    worker.session.end(undefined);
    const again = new RawWorker(bench);
    const held = { ...heldList([task.token]), throughSequence: 1, session };
    const answer = await again.register({ workerId: "shrunk", resources: nothing, held });
    assert.deepEqual([answer.resumed.length, answer.lost.length, answer.settled.length], [1, 0, 0]);
  });

  it("may list what the worker has none of, beside what it has", async () => {
    const worker = new RawWorker(bench);
    await worker.register({
      workerId: "plain",
      resources: [
        { name: "gpu", milli: 0n },
        { name: "slots", milli: 500n },
      ],
    });
    const { capacity } = (await bench.worker("plain")).spec;
    assert.deepEqual(capacity, [
      { name: "gpu", milli: 0 },
      { name: "slots", milli: 500 },
    ]);
  });

  it("is refused a second time", async () => {
    const worker = new RawWorker(bench);
    await worker.register();
    worker.say({ $case: "register", value: registerOf() });
    const { code, reason } = await worker.refused();
    assert.deepEqual([code, reason], [status.FAILED_PRECONDITION, "ALREADY_REGISTERED"]);
    await bench.settle();
    assert.equal(bench.sessions.size, 0);
  });

  it("is refused for a version that the master does not speak, with the range that it does", async () => {
    for (const protocolVersion of [0, 2]) {
      const worker = new RawWorker(bench);
      worker.say({ $case: "register", value: registerOf({ protocolVersion }) });
      const { code, reason, facts } = await worker.refused();
      assert.deepEqual([code, reason], [status.FAILED_PRECONDITION, "PROTOCOL_MISMATCH"]);
      assert.deepEqual(facts, { protocol_min: "1", protocol_max: "1" });
    }
  });

  const token = encodeToken({
    epoch: 1,
    lease: 1,
    job: 0,
    task: 0,
    delivery: 1,
    drawHigh: 1,
    drawLow: 2,
  });
  const wrong: readonly (readonly [string, Partial<Register>])[] = [
    ["register.worker_id", { workerId: "" }],
    ["register.worker_id", { workerId: "a".repeat(129) }],
    ["register.incarnation", { incarnation: "" }],
    ["register.incarnation", { incarnation: "é".repeat(33) }],
    ["register.task_types", { taskTypes: [] }],
    ["register.task_types", { taskTypes: Array.from({ length: 65 }, (_, i) => `t${i}`) }],
    ["register.task_types[1]", { taskTypes: ["fine", "not fine"] }],
    ["register.namespaces[0]", { namespaces: ["UPPER"] }],
    ["register.namespaces", { namespaces: Array.from({ length: 65 }, (_, i) => `n${i}`) }],
    ["register.features", { features: Array.from({ length: 33 }, (_, i) => `f${i}`) }],
    ["register.sdk_name", { sdkName: "x".repeat(64) }],
    ["register.sdk_version", { sdkVersion: "x".repeat(64) }],
    ["register.host", { host: "x".repeat(256) }],
    ["register.rack", { rack: "x".repeat(256) }],
    ["register.prefetch_tasks", { prefetchTasks: 1_025 }],
    ["register.resources", { resources: [{ name: "slots", milli: 0n }] }],
    [
      "register.resources",
      {
        resources: [
          { name: "cpu", milli: 0n },
          { name: "slots", milli: 0n },
        ],
      },
    ],
    ["register.resources[0].name", { resources: [{ name: "", milli: 1n }] }],
    ["register.resources[0].milli", { resources: [{ name: "cpu", milli: 1n << 53n }] }],
    [
      "register.resources[1].name",
      {
        resources: [
          { name: "cpu", milli: 1n },
          { name: "cpu", milli: 1n },
        ],
      },
    ],
    ["register.labels", { labels: { "not a name": "x" } }],
    ['register.labels["zone"]', { labels: { zone: "x".repeat(257) } }],
    ["register.hooks", { hooks: Array.from({ length: 17 }, () => ({ kind: 1, taskTypes: [] })) }],
    ["register.hooks[0].task_types[0]", { hooks: [{ kind: 1, taskTypes: ["?"] }] }],
    ["register.held.session", { held: { ...heldList([]), session: "s".repeat(65) } }],
    ["register.held.held[0].token", { held: heldList([Buffer.alloc(31)]) }],
    ["register.held.held[0].token", { held: heldList([Buffer.alloc(32)]) }],
    ["register.held.held[0].demand", { held: { ...heldList([token]), demands: [] } }],
    ["register.held.held", { held: heldList(Array.from({ length: 4_097 }, () => token)) }],
  ];
  for (const [field, fields] of wrong) {
    it(`is refused for ${field}: ${JSON.stringify(fields, jsonValue).slice(0, 60)}`, async () => {
      const worker = new RawWorker(bench);
      worker.say({ $case: "register", value: registerOf(fields) });
      const { code, reason, violations } = await worker.refused();
      assert.deepEqual([code, reason], [status.INVALID_ARGUMENT, "INVALID_FIELD"]);
      assert.deepEqual(
        violations.map((violation) => violation.field),
        [field],
      );
      assert.equal(bench.sessions.size, 0);
    });
  }

  it("is refused when there are too many, and says when to come again", async () => {
    const small = await Bench.open({ sessionsMax: 1 });
    const worker = new RawWorker(small);
    await worker.register();
    assert.throws(
      () => new RawWorker(small),
      (error: unknown) => {
        assert(error instanceof Error && "reason" in error && "retryInMs" in error);
        return error.reason === "WORKER_LIMIT" && error.retryInMs !== undefined;
      },
    );
    await small.close();
  });

  it("of another process ends the older session with SUPERSEDED", async () => {
    const older = new RawWorker(bench);
    await older.register({ workerId: "w", incarnation: "old" });
    const newer = new RawWorker(bench);
    await newer.register({ workerId: "w", incarnation: "new" });
    const { code, reason, facts } = await older.refused();
    assert.deepEqual([code, reason], [status.FAILED_PRECONDITION, "SUPERSEDED"]);
    assert.deepEqual(facts, { worker_id: "w" });
    await bench.settle();
    assert.equal(newer.ended, undefined);
    assert.equal((await bench.worker("w")).connection, "connected");
  });

  it("on a newer stream of the same process ends the older one, which may come again", async () => {
    const older = new RawWorker(bench);
    await older.register({ workerId: "w" });
    const newer = new RawWorker(bench);
    await newer.register({ workerId: "w" });
    const { code, reason } = await older.refused();
    assert.deepEqual([code, reason], [status.UNAVAILABLE, "SESSION_LOST"]);
    assert.equal((await bench.worker("w")).connection, "connected");
  });

  it("takes what comes before its answer in order, after it", async () => {
    await bench.submit({ tasks: 1 });
    const worker = new RawWorker(bench);
    worker.say(
      { $case: "register", value: registerOf() },
      { $case: "credit", value: { maxTasks: 1, maxBytes: undefined } },
    );
    await worker.tasks(1);
    assert.equal(worker.heard[0]?.message?.$case, "registered");
  });

  it("whose stream is gone before the answer leaves no session behind", async () => {
    const worker = new RawWorker(bench);
    worker.say({ $case: "register", value: registerOf({ workerId: "w" }) });
    worker.session.end(undefined);
    await bench.settle();
    assert.equal(bench.sessions.size, 0);
    assert.notEqual((await bench.worker("w")).connection, "connected");
  });
});

function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
