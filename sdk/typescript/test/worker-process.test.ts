import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { CancelReason, FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { ReturnReason } from "./support/contract.js";
import { Fixtures } from "./support/fixtures.js";
import type { ScriptedMaster } from "./support/scripted-master.js";

const fixtures = new Fixtures();
afterEach(() => fixtures.close());

function start(master: ScriptedMaster, ...args: string[]): ChildProcess {
  const program = fileURLToPath(new URL("./support/busy-worker.js", import.meta.url));
  const child = spawn(process.execPath, [program, master.address, ...args], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  fixtures.after(() => {
    child.kill("SIGKILL");
  });
  return child;
}

const payload = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe("a worker whose handler blocks its event loop", () => {
  it("confirms the assignment before, and has its leases renewed by Heartbeat meanwhile", async () => {
    const master = await fixtures.master();
    start(master);
    const { session } = await master.registered({ leaseTermMs: 400, pingIntervalMs: 100 });
    await session.expect("credit");
    const blocked = performance.now();
    const [token] = session.assign({ payload: payload({ spinMs: 2_000 }) });
    await session.expect("received");
    const receivedMs = performance.now() - blocked;
    assert.ok(receivedMs < 1_000, `the receipt took ${receivedMs} ms`);
    for (let beat = 0; beat < 3; beat++) {
      const { workerId, tokens } = await master.nextHeartbeat();
      assert.equal(workerId, "busy");
      assert.deepEqual(tokens, [token]);
    }
    assert.equal(session.count("completed"), 0, "it still blocks");
    // The master took the silent session for dead meanwhile or not: the result comes in the one at hand.
    await session.expect("completed");
  });

  it("has said that it started, so that the master's clock of the attempt runs, and fails of its own", async () => {
    const master = await fixtures.master();
    start(master);
    const { session } = await master.registered();
    await session.expect("credit");
    const [token] = session.assign({ payload: payload({ spinMs: 1_000 }), attemptTimeoutMs: 500 });
    assert.deepEqual((await session.expect("started")).tokens, [token]);
    assert.equal(session.count("failed"), 0, "it still blocks");
    const { failure } = await session.expect("failed");
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_TIMEOUT);
  });

  it("starts no other's clock while that one waits behind it", async () => {
    const master = await fixtures.master();
    start(master, "2");
    const { session } = await master.registered();
    await session.expect("credit");
    const task = { payload: payload({ spinMs: 1_000 }), attemptTimeoutMs: 60_000 };
    const [first, second] = session.assign(task, { ...task, index: 1 });
    assert.deepEqual((await session.expect("started")).tokens, [first]);
    assert.deepEqual((await session.expect("completed")).token, first);
    assert.deepEqual((await session.expect("started")).tokens, [second]);
    assert.deepEqual((await session.expect("completed")).token, second);
  });

  it("hears by Heartbeat that its lease was taken away", async () => {
    const master = await fixtures.master();
    start(master, "2");
    const { session } = await master.registered({ leaseTermMs: 300, pingIntervalMs: 100 });
    await session.expect("credit");
    const [hanging] = session.assign({ payload: payload({ hang: true }) });
    await session.expect("started");
    master.heartbeatResponse = {
      cancels: [{ reason: CancelReason.CANCEL_REASON_TASK, tokens: [hanging!], note: "" }],
    };
    session.assign({ index: 1, payload: payload({ spinMs: 2_500 }) });
    const { token, failure } = await session.expect("failed");
    assert.deepEqual(token, hanging);
    assert.equal(failure?.kind, FailureKind.FAILURE_KIND_CANCELLED);
  });
});

describe("SIGTERM", () => {
  it("drains and leaves exit code 0 when everything has finished", async () => {
    const master = await fixtures.master();
    const child = start(master);
    const { session } = await master.registered();
    await session.expect("credit");
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await session.expect("draining");
    await session.ended;
    assert.deepEqual(await exit, [0, null]);
  });

  it("breaks off at the bound, gives the task back and leaves exit code 1", async () => {
    const master = await fixtures.master();
    const child = start(master, "1", "50");
    const { session } = await master.registered();
    const [token] = session.assign({ payload: payload({ hang: true }) });
    await session.expect("started");
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    const { reason } = await session.expect("returned");
    assert.equal(reason, ReturnReason.RETURN_REASON_DRAINED);
    session.settle(token!);
    assert.deepEqual(await exit, [1, null]);
  });

  it("ends a process whose handler does not stop, and says of what it waited and what it left", async () => {
    const master = await fixtures.master();
    const child = start(master, "1", "50");
    const said = text(child.stderr!);
    const { session } = await master.registered();
    const [token] = session.assign({ payload: payload({ deaf: true }) });
    await session.expect("started");
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    const { tokens, reason } = await session.expect("returned");
    assert.deepEqual([tokens, reason], [[token], ReturnReason.RETURN_REASON_DRAINED]);
    session.settle(token!);
    await session.ended;
    // Some three seconds: the process has 2.5 for its last work.
    assert.deepEqual(await exit, [1, null]);
    assert.deepEqual((await said).trimEnd().split("\n"), [
      "capstan: worker busy drains (SIGTERM): it waits for 1 task, 50 ms at most",
      "capstan: worker busy gives back 1 task whose handlers do not stop: job_1/main/0",
      "capstan: worker busy has gone; 1 handler runs on that would not stop",
      "after run",
    ]);
  });

  it("lets another worker of the process finish what it runs, before a handler that does not stop ends it", async () => {
    const master = await fixtures.master();
    const child = start(master, "1", "50", "20000");
    const both = [await master.registered(), await master.registered()];
    const of = (workerId: string) =>
      both.find(({ register }) => register.workerId === workerId)!.session;
    const [busy, beside] = [of("busy"), of("beside")];
    const [deaf] = busy.assign({ payload: payload({ deaf: true }) });
    const [good] = beside.assign({ payload: payload({}) });
    await Promise.all([busy.expect("started"), beside.expect("started")]);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await busy.expect("returned");
    busy.settle(deaf!);
    await Promise.race([
      beside.expect("completed"),
      exit.then(() => assert.fail("the process ended while it ran")),
    ]);
    beside.settle(good!);
    assert.deepEqual(await exit, [1, null]);
  });

  it("ends the process at once when it comes twice", async () => {
    const master = await fixtures.master();
    const child = start(master);
    const { session } = await master.registered();
    session.assign({ payload: payload({ hang: true }) });
    await session.expect("started");
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await session.expect("draining");
    child.kill("SIGTERM");
    assert.deepEqual(await exit, [143, null]);
  });
});
