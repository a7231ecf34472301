import assert from "node:assert/strict";
import { inspect } from "node:util";
import { FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { CancelReason } from "@capstan/proto/capstan/v1/failure.js";
import {
  HeldState,
  PullTasksResponseLike,
  RecallReason,
  ReturnReason,
} from "./support/contract.js";
import {
  CancelRequested,
  currentTask,
  InvalidArgumentError,
  LeaseLost,
  partitioned,
  PermanentError,
  ProtocolMismatchError,
  reference,
  RetryableError,
  SupersededError,
  TimedOut,
  type Handler,
  type StandardSchema,
  type TaskContext,
  type Worker,
  type DrainNews,
} from "../src/index.js";
import { aborted, Fixtures, gate } from "./support/fixtures.js";
import {
  status,
  tokenOf,
  type ScriptedMaster,
  type ScriptedSession,
} from "./support/scripted-master.js";

const fixtures = new Fixtures();
afterEach(() => fixtures.close());

/** The next session, once the worker knows that it stands. */
async function connected(
  worker: Worker,
  master: ScriptedMaster,
  terms: Parameters<ScriptedMaster["registered"]>[0] = {},
): Promise<ScriptedSession> {
  const known = worker.once("connected");
  const { session } = await master.registered(terms);
  await known;
  return session;
}

describe("a worker's session", () => {
  it("registers first, grants credit once registered, confirms, runs and reports", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, {
      slots: 2,
      host: "h1",
      rack: "r1",
      labels: { disk: "ssd" },
      prefetchTasks: 3,
    });
    worker.handle("t", (task) => ({ doubled: (task.payload as { n: number }).n * 2 }));
    void worker.run();
    const { session, register } = await master.registered();
    assert.equal(register.workerId, "w1");
    assert.equal(register.protocolVersion, 1);
    assert.deepEqual(register.taskTypes, ["t"]);
    assert.deepEqual(register.resources, [{ name: "slots", milli: 2_000n }]);
    assert.deepEqual([register.host, register.rack], ["h1", "r1"]);
    assert.deepEqual(register.labels, { disk: "ssd" });
    assert.equal(register.prefetchTasks, 3);
    assert.deepEqual(register.held?.held, []);
    const credit = await session.expect("credit");
    assert.equal(credit.maxTasks, 2 + 3 + 1_024);
    const [token] = session.assign({ payload: Buffer.from('{"n":21}') });
    assert.deepEqual(await session.expect("received"), { throughSequence: 1 });
    const completed = await session.expect("completed");
    assert.deepEqual(completed.token, token);
    const [output] = completed.outputs;
    assert.equal(output?.partition, 0);
    assert.equal(
      output?.value?.$case === "inline" && output.value.value.toString(),
      '{"doubled":42}',
    );
    const settled = worker.once("settled");
    session.settle(token!);
    assert.equal((await settled).outcome, "succeeded");
    assert.equal(worker.stats().settled, 1);
  });

  it("gives a handler its context at any depth, and nobody outside", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    const seen = gate<TaskContext | undefined>();
    const deep = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.open(currentTask());
    };
    worker.handle("t", async () => {
      await deep();
    });
    void worker.run();
    const { session } = await master.registered();
    await session.expect("credit");
    session.assign({
      index: 7,
      attempt: 3,
      delivery: 5,
      generation: 2,
      isLastAttempt: true,
      checkpoint: Buffer.from("half"),
      deadlineRemainingMs: 60_000,
    });
    const context = await seen.passed;
    assert.equal(currentTask(), undefined);
    assert.ok(context);
    assert.equal(context.task.taskId, "job_1/main/7");
    assert.deepEqual(
      [context.attempt, context.maxAttempts, context.isLastAttempt, context.delivery],
      [3, 3, true, 5],
    );
    assert.equal(context.generation, 2);
    assert.equal(Buffer.from(context.checkpoint ?? []).toString(), "half");
    const left = context.remainingMs() ?? 0;
    assert.ok(left > 0 && left <= 60_000);
  });

  it("runs a token that is assigned twice once", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 4 });
    let runs = 0;
    worker.handle("t", () => {
      runs += 1;
    });
    void worker.run();
    const { session } = await master.registered();
    const token = tokenOf();
    session.assign({ token });
    session.assign({ token });
    await session.expect("received", ({ throughSequence }) => throughSequence === 2);
    await session.expect("completed");
    const settled = worker.once("settled");
    session.settle(token);
    await settled;
    assert.equal(runs, 1);
    assert.equal(session.count("completed"), 1);
  });

  it("says Started of a handler that goes on, and not of one that has ended in the same turn", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 2 });
    const waiting = gate();
    worker.handle("t", (task) => (task.index === 0 ? waiting.passed : undefined));
    void worker.run();
    const { session } = await master.registered();
    const [long, short] = session.assign({ index: 0 }, { index: 1 });
    assert.deepEqual((await session.expect("started")).tokens, [long]);
    assert.deepEqual((await session.expect("completed")).token, short);
    waiting.open();
    assert.deepEqual((await session.expect("completed")).token, long);
    assert.equal(session.count("started"), 1);
  });

  it("starts leases ahead of the resources when room comes, the oldest first, never more at once", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1, prefetchTasks: 2 });
    const gates = [gate(), gate(), gate()];
    const order: number[] = [];
    worker.handle("t", (task) => {
      order.push(task.index);
      return gates[task.index]?.passed;
    });
    void worker.run();
    const { session } = await master.registered();
    const tokens = session.assign(
      { index: 0 },
      { index: 1, ahead: true },
      { index: 2, ahead: true },
    );
    for (const [place, one] of gates.entries()) {
      await session.expect("started", (started) => started.tokens[0]!.equals(tokens[place]!));
      assert.deepEqual(order, [0, 1, 2].slice(0, place + 1));
      one.open();
      await session.expect("completed");
    }
    assert.equal(worker.stats().maxRunning, 1);
  });

  it("returns what is beyond its credit, or could never fit, and runs none of it", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1, maxTasks: 1 });
    const waiting = gate();
    worker.handle("t", () => waiting.passed);
    void worker.run();
    const { session } = await master.registered();
    const [, second] = session.assign({ index: 0 }, { index: 1 });
    const returned = await session.expect("returned");
    assert.equal(returned.reason, ReturnReason.RETURN_REASON_OVER_DELIVERED);
    assert.deepEqual(returned.tokens, [second]);
    session.settle(second!);
    waiting.open();
    const { token } = await session.expect("completed");
    session.settle(token);
    const [huge] = session.assignOf({ demand: [{ name: "gpu", milli: 1_000n }] }, { index: 2 });
    assert.deepEqual((await session.expect("returned")).tokens, [huge]);
    assert.equal(worker.stats().started, 1);
  });

  it("rejects a type that it has no handler for", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    worker.handle("t", () => undefined);
    void worker.run();
    const { session } = await master.registered();
    session.assignOf({ taskType: "other" }, {});
    const { failure } = await session.expect("failed");
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_REJECTED);
  });

  it("ignores arms, fields and enum values that it does not know", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    const seen = gate<unknown>();
    worker.handle("t", async (_task, { signal }) => seen.open(await aborted(signal)));
    void worker.run();
    const { session } = await master.registered();
    session.sendBytes(PullTasksResponseLike.unknownArm());
    session.sendBytes(PullTasksResponseLike.noArm());
    const [token] = session.assign({});
    await session.expect("started");
    session.send("cancel", { reason: 77 as CancelReason, tokens: [token!], note: "so" });
    const reason = await seen.passed;
    assert.ok(reason instanceof CancelRequested);
    assert.equal(reason.what, "unknown");
  });

  it("ends the session, not the process, on a frame that does not decode", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    worker.handle("t", () => undefined);
    void worker.run();
    const session = await connected(worker, master);
    session.sendBytes(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f]));
    await connected(worker, master);
    assert.equal(worker.stats().sessions, 2);
  });
});

describe("a handler's end", () => {
  async function reportOf(
    handler: Handler<unknown, unknown>,
    task: Parameters<ScriptedSession["assign"]>[0] = {},
    context: Parameters<ScriptedSession["assignOf"]>[0] = {},
  ): Promise<ScriptedSession> {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    worker.handle("t", handler);
    void worker.run();
    const { session } = await master.registered();
    session.assignOf(context, task);
    return session;
  }

  it("carries class, message, stack and causes of what was thrown", async () => {
    class DiskFull extends Error {}
    const session = await reportOf(() => {
      throw new DiskFull("no room", { cause: new TypeError("deep") });
    });
    const { failure } = await session.expect("failed");
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_ERROR);
    assert.equal(failure.type, "DiskFull");
    assert.equal(failure.message, "no room");
    assert.match(failure.stack, /no room/);
    assert.deepEqual(
      failure.causes.map(({ type, message }) => [type, message]),
      [["TypeError", "deep"]],
    );
    assert.equal(failure.retryable, undefined);
  });

  it("is permanent, or put off, where the error says so", async () => {
    const permanent = await reportOf(() => {
      throw new PermanentError("never");
    });
    assert.equal((await permanent.expect("failed")).failure?.retryable, false);
    const later = await reportOf(async () => {
      throw new RetryableError("busy", { retryAfterMs: 1_500, dependency: "db" });
    });
    const { failure } = await later.expect("failed");
    assert.deepEqual([failure?.retryInMs, failure?.dependency], [1_500, "db"]);
  });

  it("divides the output and refers to what is kept elsewhere", async () => {
    const session = await reportOf(
      () =>
        partitioned([new Uint8Array([1]), undefined, reference({ uri: "s3://x", hosts: ["h"] })]),
      {},
      { partitions: 3 },
    );
    const { outputs } = await session.expect("completed");
    assert.deepEqual(
      outputs.map(({ partition, value }) => [partition, value?.$case]),
      [
        [0, "inline"],
        [2, "ref"],
      ],
    );
  });

  it("is invalid input when the result cannot be encoded, is too large or lies in no partition", async () => {
    for (const result of [10n, new Uint8Array(262_145), partitioned(new Map([[1, "x"]]))]) {
      const session = await reportOf(() => result);
      const { failure } = await session.expect("failed");
      assert.equal(failure?.kind, FailureKind.FAILURE_KIND_INVALID);
      assert.equal(failure.retryable, false);
      if (result instanceof Object && !(result instanceof Uint8Array)) {
        assert.match(failure.message, /gave an output for partition 1: .* partitions are 0 to 0$/);
      }
    }
  });

  it("is invalid input when the payload does not decode or does not parse", async () => {
    const undecodable = await reportOf((task) => task.payload, { payload: Buffer.from("{") });
    const { failure } = await undecodable.expect("failed");
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_INVALID);
  });

  it("is as well when a parser, be it a function or a Standard Schema, does not take the payload", async () => {
    const number = (value: unknown): number => {
      if (typeof value === "number") return value;
      throw new TypeError("not a number");
    };
    const schema: StandardSchema<number> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof value === "number"
            ? { value }
            : { issues: [{ message: "not a number", path: ["a", { key: 0 }] }] },
      },
    };
    for (const [parse, where] of [
      [number, ": not a number"],
      [schema, "a.0: not a number"],
    ] as const) {
      const master = await fixtures.master();
      const worker = fixtures.worker(master, { slots: 2 });
      worker.handle("t", parse, ({ payload }) => payload + 1);
      void worker.run();
      const { session } = await master.registered();
      session.assign({ payload: Buffer.from("1") }, { payload: Buffer.from('"1"') });
      const [output] = (await session.expect("completed")).outputs;
      assert.equal(output?.value?.$case === "inline" && output.value.value.toString(), "2");
      const { failure } = await session.expect("failed");
      assert.equal(failure?.kind, FailureKind.FAILURE_KIND_INVALID);
      assert.ok(failure.message.endsWith(where), failure.message);
    }
  });

  it("lists the records that failed", async () => {
    const session = await reportOf((_task, context) => {
      context.setRecordCount(10);
      context.failRecord(3, new RangeError("bad row"), { key: "k3", content: "row 3" });
    });
    const completed = await session.expect("completed");
    assert.equal(completed.recordCount, 10);
    const [record] = completed.failedRecords;
    assert.deepEqual([record?.index, record?.key.toString()], [3, "k3"]);
    assert.equal(record?.failure?.type, "RangeError");
  });

  it("fails the attempt when more records failed than a report may list", async () => {
    const session = await reportOf((_task, context) => {
      for (let index = 0; index <= 1_000; index++) context.failRecord(index, new Error("bad"));
    });
    const { failure } = await session.expect("failed");
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_ERROR);
    assert.match(failure.message, /more than 1000 records/);
  });

  it("is a time-out when the attempt's time is up, whatever the handler says", async () => {
    const reasons: unknown[] = [];
    const session = await reportOf(
      async (_task, context) => {
        reasons.push(await aborted(context.signal));
        return "too late";
      },
      {},
      { attemptTimeoutMs: 30 },
    );
    const { failure } = await session.expect("failed");
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_TIMEOUT);
    assert.ok(reasons[0] instanceof TimedOut);
  });

  it("does not begin when the deadline has passed", async () => {
    let runs = 0;
    const session = await reportOf(() => (runs += 1), { deadlineRemainingMs: 0 });
    const { failure } = await session.expect("failed");
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_TIMEOUT);
    assert.equal(runs, 0);
  });

  it("leaves the newest progress, and its checkpoint before the failure", async () => {
    // Taken apart, as handlers like to.
    const session = await reportOf((_task, { progress, saveCheckpoint }) => {
      progress(0.5, "half");
      progress(0.2);
      saveCheckpoint(Buffer.from("row 5"));
      throw new Error("now");
    });
    const progress = await session.expect("progress");
    assert.deepEqual([progress.fraction, progress.note], [0.5, "half"]);
    assert.equal(progress.checkpoint?.toString(), "row 5");
    await session.expect("failed");
    const order = session.all.map(({ $case }) => $case);
    assert.ok(order.indexOf("progress") < order.indexOf("failed"));
  });
});

describe("what the master takes away", () => {
  it("cancels a handler with the reason, keeps its slot until it ends, then says CANCELLED", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1, prefetchTasks: 1 });
    const seen = gate<unknown>();
    const stop = gate();
    worker.handle("t", async (task, { signal }) => {
      if (task.index === 1) return;
      seen.open(await aborted(signal));
      await stop.passed;
      throw signal.reason;
    });
    void worker.run();
    const { session } = await master.registered();
    const [first, second] = session.assign({ index: 0 }, { index: 1, ahead: true });
    await session.expect("started");
    const cancel = { reason: CancelReason.CANCEL_REASON_JOB, tokens: [first!], note: "by hand" };
    session.send("cancel", cancel);
    session.send("cancel", cancel);
    session.send("cancel", { ...cancel, tokens: [tokenOf()] });
    const reason = await seen.passed;
    assert.ok(reason instanceof CancelRequested);
    assert.deepEqual([reason.what, reason.note], ["job", "by hand"]);
    assert.equal(worker.stats().started, 1, "the slot is kept");
    stop.open();
    const failed = await session.expect("failed");
    assert.deepEqual(failed.token, first);
    assert.equal(failed.failure?.kind, FailureKind.FAILURE_KIND_CANCELLED);
    assert.deepEqual((await session.expect("completed")).token, second);
  });

  it("gives back what has not started, cancelled or recalled, and goes on with what has", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1, prefetchTasks: 2 });
    const waiting = gate();
    worker.handle("t", () => waiting.passed);
    void worker.run();
    const { session } = await master.registered();
    const [running, a, b] = session.assign(
      {},
      { index: 1, ahead: true },
      { index: 2, ahead: true },
    );
    await session.expect("started");
    session.send("cancel", { reason: CancelReason.CANCEL_REASON_TASK, tokens: [a!], note: "" });
    const cancelled = await session.expect("returned");
    assert.equal(cancelled.reason, ReturnReason.RETURN_REASON_CANCELLED);
    assert.deepEqual(cancelled.tokens, [a]);
    const reason = RecallReason.RECALL_REASON_PAUSED;
    session.send("recall", { reason, tokens: [running!, b!] });
    const recalled = await session.expect("returned");
    assert.equal(recalled.reason, ReturnReason.RETURN_REASON_RECALLED);
    assert.deepEqual(recalled.tokens, [b]);
    waiting.open();
    assert.deepEqual((await session.expect("completed")).token, running);
    assert.equal(worker.stats().started, 1);
  });

  it("answers a refusal with an invalid failure", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    worker.handle("t", () => "x");
    void worker.run();
    const { session } = await master.registered();
    const [token] = session.assign({});
    await session.expect("completed");
    session.send("refused", {
      token: token!,
      error: { reason: "PARTITION_INVALID", domain: "capstan", metadata: {} },
      violations: [],
    });
    const failed = await session.expect("failed");
    assert.deepEqual(failed.token, token);
    assert.equal(failed.failure?.kind, FailureKind.FAILURE_KIND_INVALID);
    assert.match(failed.failure.message, /PARTITION_INVALID/);
  });
});

describe("a link that breaks", () => {
  it("is made anew; running handlers go on and results are sent again, settled ones are not", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 4 });
    const gates = [gate(), gate(), gate(), gate()];
    worker.handle("t", (task) => gates[task.index]?.passed);
    void worker.run();
    const first = await master.registered({ session: "first" });
    const tokens = first.session.assign({ index: 0 }, { index: 1 }, { index: 2 });
    await first.session.expect("started");
    gates[1]?.open();
    gates[2]?.open();
    await first.session.expect("completed");
    await first.session.expect("completed");
    master.reset();

    const again = await master.session();
    const register = await again.expect("register");
    const states = new Map(
      register.held?.held.map(({ token, state }) => [token.toString("hex"), state]),
    );
    assert.equal(register.held?.session, "first");
    assert.equal(register.held.throughSequence, 1);
    assert.equal(states.get(tokens[0]!.toString("hex")), HeldState.HELD_STATE_STARTED);
    assert.equal(states.get(tokens[1]!.toString("hex")), HeldState.HELD_STATE_RESULT_PENDING);
    assert.equal(register.incarnation, first.register.incarnation);
    assert.equal(again.all.length, 1, "nothing but Register before Registered");
    again.send("registered", {
      session: "second",
      leaseTermMs: 15_000,
      pingIntervalMs: 5_000,
      receiptTimeoutMs: 5_000,
      protocolVersion: 1,
      features: [],
      resumed: [
        { token: tokens[0]!, leaseRemainingMs: undefined },
        { token: tokens[2]!, leaseRemainingMs: 100 },
      ],
      settled: [
        {
          token: tokens[1]!,
          outcome: { outcome: { $case: "succeeded", value: { deadLetterId: "" } } },
        },
      ],
      lost: [],
    });
    await again.expect("credit");
    assert.deepEqual((await again.expect("completed")).token, tokens[2]);
    gates[0]?.open();
    assert.deepEqual((await again.expect("completed")).token, tokens[0]);
    assert.equal(again.count("completed"), 2);
    const { resent, resumed, settledAtRegister } = worker.stats();
    assert.deepEqual([resent, resumed, settledAtRegister], [1, 2, 1]);
  });

  it("has lost leases cancelled with LeaseLost, and ended", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1, prefetchTasks: 1 });
    const seen = gate<unknown>();
    worker.handle("t", async (_task, { signal }) => {
      seen.open(await aborted(signal));
      throw signal.reason;
    });
    void worker.run();
    const { session } = await master.registered();
    const tokens = session.assign({ index: 0 }, { index: 1, ahead: true });
    await session.expect("started");
    master.reset();
    const { session: again } = await master.registered({ lost: tokens });
    assert.ok((await seen.passed) instanceof LeaseLost);
    assert.deepEqual((await again.expect("returned")).tokens, [tokens[1]]);
    const { token, failure } = await again.expect("failed");
    assert.deepEqual(token, tokens[0]);
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_CANCELLED);
    assert.equal(worker.stats().lost, 2);
  });

  it("is made anew after a clean end, a frozen link, a foreign CANCELLED and a GOAWAY", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    worker.handle("t", () => undefined);
    void worker.run();
    const terms = { leaseTermMs: 150, pingIntervalMs: 50 };
    const first = await connected(worker, master, terms);
    first.end();
    await connected(worker, master, terms);
    master.freeze();
    const third = await connected(worker, master, terms);
    third.fail(status.CANCELLED, "");
    await connected(worker, master, terms);
    master.goAway();
    await connected(worker, master, terms);
    assert.equal(worker.stats().sessions, 5);
  });

  it("is tried for ever, with waits that are drawn, and no sooner than a RetryInfo asks", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    worker.handle("t", () => undefined);
    const waits: (number | undefined)[] = [];
    const refusals = gate();
    worker.on("disconnected", ({ retryInMs }) => {
      if (waits.push(retryInMs) === 5) refusals.open();
    });
    master.refuse(true);
    void worker.run();
    await refusals.passed;
    master.refuse(false);
    const session = await master.session();
    await session.expect("register");
    const disconnected = worker.once("disconnected");
    session.fail(status.RESOURCE_EXHAUSTED, "WORKER_LIMIT", { retryInMs: 60 });
    const { error, retryInMs } = await disconnected;
    assert.deepEqual([error.code, error.reason], ["RESOURCE_EXHAUSTED", "WORKER_LIMIT"]);
    assert.equal(retryInMs, 60);
    await master.registered();
    assert.ok(waits.slice(0, 5).every((wait) => wait !== undefined && wait <= 40));
  });

  it("is given up on SUPERSEDED: handlers are cancelled, run rejects", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master);
    const seen = gate<unknown>();
    worker.handle("t", async (_task, { signal }) => seen.open(await aborted(signal)));
    const run = worker.run();
    const { session } = await master.registered();
    session.assign({});
    await session.expect("started");
    session.fail(status.FAILED_PRECONDITION, "SUPERSEDED");
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof SupersededError);
      const text =
        "worker w1 ends: another process has registered as w1; each needs a workerId of its own";
      assert.equal(error.message, text);
      // What Node prints where nobody catches it: a sentence and where run was called, no bytes.
      const [first, ...rest] = inspect(error).split("\n");
      assert.equal(first, `SupersededError: ${text}`);
      assert.match(rest.join("\n"), /^( {4}at .*\n?)* {[^{}]*}$/);
      return true;
    });
    assert.ok((await seen.passed) instanceof LeaseLost);
  });

  for (const [code, reason, type] of [
    [status.FAILED_PRECONDITION, "PROTOCOL_MISMATCH", ProtocolMismatchError],
    [status.INVALID_ARGUMENT, "INVALID_FIELD", InvalidArgumentError],
  ] as const) {
    it(`is given up on ${reason} at Register`, async () => {
      const master = await fixtures.master();
      const worker = fixtures.worker(master);
      worker.handle("t", () => undefined);
      const run = worker.run();
      const session = await master.session();
      await session.expect("register");
      session.fail(code, reason, { violations: [{ field: "worker_id", description: "bad" }] });
      await assert.rejects(run, type);
    });
  }

  it("is tried once more with the token read anew on UNAUTHENTICATED", async () => {
    const master = await fixtures.master();
    let reads = 0;
    const worker = fixtures.worker(master, { token: () => `token-${++reads}` });
    worker.handle("t", () => undefined);
    const run = worker.run();
    for (let time = 0; time < 2; time++) {
      const session = await master.session();
      await session.expect("register");
      session.fail(status.UNAUTHENTICATED, "TOKEN_INVALID");
    }
    await assert.rejects(run, { code: "UNAUTHENTICATED" });
    assert.equal(reads, 2);
  });
});

describe("liveness", () => {
  it("pings with all that is held, within a third of the term, and echoes the master's ping", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1, prefetchTasks: 1 });
    const waiting = gate();
    worker.handle("t", () => waiting.passed);
    void worker.run();
    const { session } = await master.registered({ leaseTermMs: 300, pingIntervalMs: 60 });
    const tokens = session.assign({}, { index: 1, ahead: true });
    await session.expect("started");
    session.send("ping", { sequence: 9 });
    const ping = await session.expect("ping", ({ held, echoSequence }) => {
      return held !== undefined && echoSequence === 9;
    });
    assert.deepEqual(
      ping.held?.held.map(({ token, state }) => [token, state]),
      [
        [tokens[0], HeldState.HELD_STATE_STARTED],
        [tokens[1], HeldState.HELD_STATE_RECEIVED],
      ],
    );
    assert.equal(ping.held.throughSequence, 1);
    waiting.open();
    await session.expect("completed");
  });
});

describe("a drain", () => {
  it("takes no more, gives back what has not started, finishes the rest, half-closes and ends", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1, prefetchTasks: 1 });
    const waiting = gate();
    worker.handle("t", () => waiting.passed);
    const run = worker.run();
    const { session } = await master.registered();
    await session.expect("credit");
    const tokens = session.assign({}, { index: 1, ahead: true });
    await session.expect("started");
    session.send("drain", { withinMs: 30_000, note: "upgrade" });
    assert.equal((await session.expect("credit")).maxTasks, 0);
    const { withinMs } = await session.expect("draining");
    assert.ok(withinMs !== undefined && withinMs > 29_000 && withinMs <= 30_000);
    const returned = await session.expect("returned");
    assert.equal(returned.reason, ReturnReason.RETURN_REASON_DRAINED);
    assert.deepEqual(returned.tokens, [tokens[1]]);
    session.settle(tokens[1]!);
    // What was under way when the credit went is given back too.
    const [late] = session.assign({ index: 2 });
    assert.deepEqual((await session.expect("returned")).tokens, [late]);
    session.settle(late!);
    waiting.open();
    await session.expect("completed");
    assert.equal(session.halfClosed, false, "it waits until all is settled");
    session.settle(tokens[0]!);
    await session.ended;
    await run;
  });

  it("breaks off at its bound: the handler sees Draining, and the task goes back uncharged", async () => {
    const master = await fixtures.master();
    const news: DrainNews[] = [];
    const worker = fixtures.worker(master, { slots: 2, onDrain: (one) => news.push(one) });
    worker.handle("t", async (task, { signal }) => {
      await aborted(signal);
      // One listens, the other does not.
      if (task.index === 0) throw signal.reason;
      await new Promise(() => undefined);
    });
    const run = worker.run();
    const { session } = await master.registered();
    const tokens = session.assign({ index: 0 }, { index: 1 });
    await session.expect("started");
    void worker.drain({ timeoutMs: 10 });
    const first = await session.expect("returned");
    assert.equal(first.reason, ReturnReason.RETURN_REASON_DRAINED);
    assert.deepEqual(first.tokens, [tokens[0]]);
    assert.deepEqual((await session.expect("returned")).tokens, [tokens[1]]);
    session.settle(...tokens);
    await session.ended;
    await run;
    const left = { taskId: "job_1/main/1", delivery: 1, attempt: 1 };
    assert.deepEqual(news, [
      { state: "draining", workerId: "w1", note: "", running: 2, withinMs: 10 },
      { state: "abandoned", workerId: "w1", tasks: [left] },
      { state: "gone", workerId: "w1", isClean: false, running: 1 },
    ]);
  });

  it("says so again after a reconnect, and ends although the master stays away", async () => {
    const master = await fixtures.master();
    const worker = fixtures.worker(master, { slots: 1 });
    const waiting = gate();
    worker.handle("t", () => waiting.passed);
    const run = worker.run();
    const { session } = await master.registered();
    const [token] = session.assign({});
    await session.expect("started");
    void worker.drain({ timeoutMs: 100 });
    await session.expect("draining");
    master.reset();
    const { session: again } = await master.registered({
      resumed: [{ token: token!, leaseRemainingMs: undefined }],
    });
    assert.equal((await again.expect("credit")).maxTasks, 0);
    await again.expect("draining");
    master.refuse(true);
    master.reset();
    await run;
  });
});
