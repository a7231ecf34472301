import assert from "node:assert/strict";
import { Failure, FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { CancelReason } from "@capstan/proto/capstan/v1/failure.js";
import {
  HeartbeatRequest,
  ReportFailureRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import { CallRefusedError } from "../../../src/rpc/errors.js";
import { heartbeat, reportFailure } from "../../../src/rpc/session/index.js";
import { decodeToken, encodeToken } from "../../../src/rpc/token.js";
import { Bench } from "./support/bench.js";
import { completed, failed, RawWorker } from "./support/raw-worker.js";

describe("Without the stream", () => {
  let bench: Bench;
  let worker: RawWorker;
  beforeEach(async () => {
    bench = await Bench.open();
    worker = new RawWorker(bench);
    await worker.register({ workerId: "w" });
    worker.credit(4);
  });
  afterEach(() => bench.close());

  async function refusal(answer: Promise<unknown>): Promise<CallRefusedError> {
    const error: unknown = await answer.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert(error instanceof CallRefusedError, String(error));
    return error;
  }

  describe("Heartbeat", () => {
    const beat = (fields: Parameters<typeof HeartbeatRequest.fromPartial>[0]) =>
      heartbeat({ engine: bench.engine })(
        HeartbeatRequest.fromPartial({ workerId: "w", ...fields }),
      );

    it("renews exactly the leases that it names", async () => {
      await bench.submit({ tasks: 2 });
      const [a, b] = (await worker.tasks(2)).map(({ token }) => token) as [Buffer, Buffer];
      worker.received(1);
      worker.say({ $case: "started", value: { tokens: [a, b] } });
      for (let i = 0; i < 4; i++) {
        const answer = await beat({ tokens: [a] });
        assert.equal(answer.leaseTermMs, 15_000);
        assert.deepEqual([answer.cancels, answer.settlements, answer.drain], [[], [], undefined]);
        await bench.clock.advance(4_000);
        worker.say({ $case: "ping", value: { held: undefined, load: undefined, echoSequence: 0 } });
      }
      const cancel = await worker.next("cancel");
      assert.deepEqual(cancel.tokens, [b]);
    });

    it("keeps a worker without a stream from being lost, and gives it nothing", async () => {
      worker.session.end(undefined);
      await bench.submit({ tasks: 1 });
      for (let i = 0; i < 5; i++) {
        await beat({});
        await bench.clock.advance(4_000);
      }
      const { connection, leases } = await bench.worker("w");
      assert.deepEqual([connection, leases], ["disconnected", 0]);
    });

    it("answers what became of leases that hold no longer", async () => {
      const jobId = await bench.submit({ tasks: 2 });
      const [a, b] = (await worker.tasks(2)).map(({ token }) => token) as [Buffer, Buffer];
      worker.say(completed(a));
      await worker.outcomeOf(a);
      await bench.engine.submit({ kind: "cancel_job", namespace: "default", jobId, note: "" });
      await worker.next("cancel");
      const real = decodeToken(b);
      assert(real !== undefined);
      const stranger = encodeToken({ ...real, lease: 99, job: 99 });
      worker.say({ $case: "draining", value: { withinMs: undefined, note: "" } });
      await bench.settle();
      const answer = await beat({ tokens: [a, b, stranger] });
      assert.deepEqual(
        answer.settlements.map(({ token, outcome }) => [token, outcome?.outcome?.$case]),
        [[a, "succeeded"]],
      );
      assert.deepEqual(
        answer.cancels.map(({ reason, tokens }) => [reason, tokens]),
        [
          [CancelReason.CANCEL_REASON_JOB, [b]],
          [CancelReason.CANCEL_REASON_LEASE_LOST, [stranger]],
        ],
      );
      assert(answer.drain !== undefined);
    });

    it("tells nothing of another namespace's leases", async () => {
      await bench.submit({ tasks: 1 });
      const [task] = await worker.tasks(1);
      const answer = await beat({ namespaces: ["other"], tokens: [task?.token as Buffer] });
      assert.equal(answer.cancels[0]?.reason, CancelReason.CANCEL_REASON_LEASE_LOST);
    });

    it("is refused for a worker that nobody knows, or another process of it", async () => {
      assert.equal((await refusal(beat({ workerId: "nobody" }))).reason, "WORKER_NOT_FOUND");
      assert.equal((await refusal(beat({ incarnation: "second" }))).reason, "SUPERSEDED");
      await beat({ incarnation: "first" });
    });

    it("is refused for fields that are wrong, each by its path", async () => {
      const { violations, reason } = await refusal(
        beat({
          workerId: "",
          namespaces: ["fine", "Not"],
          incarnation: "x".repeat(65),
          tokens: [Buffer.alloc(5)],
        }),
      );
      assert.equal(reason, "INVALID_FIELD");
      assert.deepEqual(
        violations.map(({ field }) => field),
        ["namespaces[1]", "worker_id", "incarnation", "tokens[0]"],
      );
      const many = Array.from({ length: 4_097 }, () => Buffer.alloc(32, 1));
      assert.equal((await refusal(beat({ tokens: many }))).violations[0]?.field, "tokens");
    });
  });

  describe("ReportFailure", () => {
    const report = (fields: Parameters<typeof ReportFailureRequest.fromPartial>[0]) =>
      reportFailure({ engine: bench.engine, clock: bench.clock })(
        ReportFailureRequest.fromPartial({ failure: { kind: 1, message: "killed" }, ...fields }),
      );

    it("fails the lease and says what happens next", async () => {
      const jobId = await bench.submit({ tasks: 1 });
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      const failure = { kind: FailureKind.FAILURE_KIND_OUT_OF_MEMORY, message: "killed" };
      const { outcome } = await report({ token, failure });
      assert.equal(outcome?.outcome?.$case, "retry");
      const { deliveries } = await bench.task(jobId, 0);
      const { kind, body = 0 } = deliveries[0]?.failure ?? {};
      assert.equal(kind, "out_of_memory");
      const kept = Failure.decode(await bench.engine.payload(body));
      assert.deepEqual([kept.workerId, kept.delivery, kept.attempt], ["w", 1, 1]);
      // Whoever comes second with the same is answered alike, and nothing changes.
      worker.say(failed(token));
      assert.equal(await worker.outcomeOf(token), "retry");
    });

    it("answers a stale token, and one of another namespace, without a word more", async () => {
      const jobId = await bench.submit({ tasks: 1 });
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      const foreign = await report({ token, namespace: "other" });
      assert.deepEqual(foreign.outcome?.outcome, { $case: "stale", value: { delivery: 0 } });
      assert.equal((await bench.task(jobId, 0)).state, "leased");
      const real = decodeToken(token);
      assert(real !== undefined);
      const forged = await report({ token: encodeToken({ ...real, drawHigh: 0 }) });
      assert.deepEqual(forged.outcome?.outcome, { $case: "stale", value: { delivery: 1 } });
      const gone = await report({ token: encodeToken({ ...real, job: 7_000 }) });
      assert.equal(gone.outcome?.outcome?.$case, "gone");
    });

    it("is refused for what is no token, and for what nobody can report", async () => {
      assert.equal((await refusal(report({ token: Buffer.alloc(31) }))).reason, "TOKEN_MALFORMED");
      await bench.submit({ tasks: 1 });
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      const lost = { kind: FailureKind.FAILURE_KIND_WORKER_LOST };
      assert.equal((await refusal(report({ token, failure: lost }))).reason, "FAILURE_INVALID");
      const missing = await refusal(report({ token, failure: undefined }));
      assert.deepEqual(
        missing.violations.map(({ field }) => field),
        ["failure"],
      );
      assert.equal((await refusal(report({ token, namespace: "?" }))).reason, "INVALID_FIELD");
      const large = { stack: "x".repeat(140_000) };
      assert.equal((await refusal(report({ token, failure: large }))).reason, "LIMIT_EXCEEDED");
    });
  });
});
