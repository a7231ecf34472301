import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { Failure } from "@capstan/proto/capstan/v1/failure.js";
import { CancelReason } from "@capstan/proto/capstan/v1/failure.js";
import { HeldState, RecallReason, ReturnReason } from "@capstan/proto/capstan/v1/session.js";
import { decodeToken, encodeToken } from "../../../src/rpc/token.js";
import { Bench } from "./support/bench.js";
import type { Says } from "./support/raw-worker.js";
import { completed, failed, heldList, RawWorker } from "./support/raw-worker.js";

describe("A worker's session", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  /** A worker with four slots, registered. */
  async function connect(id = "w", fields: Parameters<RawWorker["register"]>[0] = {}) {
    const worker = new RawWorker(bench);
    await worker.register({ workerId: id, ...fields });
    return worker;
  }

  describe("assigns", () => {
    it("nothing before there is credit", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect();
      await bench.settle();
      assert.equal(worker.assigned.length, 0);
      worker.credit(1);
      await worker.tasks(1);
    });

    it("tasks with all that a handler must know, and their context once", async () => {
      const jobId = await bench.submit({ tasks: 2, recordCount: 7 });
      const worker = await connect();
      worker.credit(4);
      await worker.tasks(2);
      const { sequence, contexts, tasks } = await worker.next("assign");
      assert.equal(sequence, 1);
      assert.equal(contexts.length, 1);
      const [context] = contexts;
      assert.deepEqual(
        { ...context, demand: undefined, traceContext: context?.traceContext?.traceparent },
        {
          namespace: "default",
          jobId,
          jobName: "job",
          stage: "main",
          taskType: "work",
          demand: undefined,
          maxAttempts: 3,
          attemptTimeoutMs: undefined,
          traceContext: "00-trace",
          partitions: 1,
          upstream: [],
          labels: { team: "blue" },
          batch: undefined,
        },
      );
      assert.deepEqual(context?.demand, [{ name: "slots", milli: 1_000n }]);
      assert.deepEqual(
        tasks.map(({ token: _token, payload, ...task }) => ({ ...task, payload: String(payload) })),
        [0, 1].map((index) => ({
          payload: `payload ${index}`,
          context: 0,
          index,
          delivery: 1,
          attempt: 1,
          isLastAttempt: false,
          generation: 1,
          inputs: [],
          leaseRemainingMs: undefined,
          deadlineRemainingMs: undefined,
          previousFailure: undefined,
          checkpoint: Buffer.alloc(0),
          pendingRecords: [],
          recordCount: 7,
          ahead: false,
          speculative: false,
          demand: undefined,
          attemptTimeoutMs: undefined,
        })),
      );
      assert(tasks.every(({ token }) => token.length === 32));
    });

    it("never more unsettled tasks than the credit, and the rest as they are settled", async () => {
      await bench.submit({ tasks: 6, demand: [] });
      const worker = await connect();
      worker.credit(2);
      const [first] = await worker.tasks(2);
      await bench.settle();
      assert.equal(worker.assigned.length, 2);
      worker.complete(first?.token as Buffer);
      await worker.tasks(3);
      // The settlement that makes room comes before what fills it.
      const order = worker.heard.map(({ message }) => message?.$case);
      assert(order.indexOf("settled") < order.lastIndexOf("assign"));
      await bench.settle();
      assert.equal(worker.assigned.length, 3);
      worker.credit(0);
      worker.complete(...worker.assigned.slice(1).map(({ token }) => token));
      await bench.settle();
      assert.equal(worker.assigned.length, 3);
      worker.credit(100_000);
      await worker.tasks(6);
    });

    it("never more bytes than the credit, but a single task whatever its size", async () => {
      await bench.submit({ tasks: 3, demand: [], payload: () => Buffer.alloc(600) });
      const worker = await connect();
      worker.credit(10, 1_000);
      await worker.tasks(1);
      await bench.settle();
      assert.equal(worker.assigned.length, 1);
      worker.credit(10, 10);
      worker.complete(worker.assigned[0]?.token as Buffer);
      await worker.tasks(2);
      await bench.settle();
      assert.equal(worker.assigned.length, 2);
    });

    it("no more than fits, and then what is ahead", async () => {
      await bench.submit({ tasks: 9 });
      const worker = await connect("w", { prefetchTasks: 2 });
      worker.credit(100);
      await worker.tasks(6);
      await bench.settle();
      assert.deepEqual(
        worker.assigned.map(({ ahead }) => ahead),
        [false, false, false, false, true, true],
      );
    });

    it("many tasks in few frames, none larger than a frame may be", async () => {
      for (let i = 0; i < 8; i++) {
        await bench.submit({ tasks: 50, demand: [], payload: () => randomBytes(8_000) });
      }
      const worker = await connect();
      worker.credit(400);
      await worker.tasks(400);
      assert(worker.frames.every((bytes) => bytes <= 1_048_576));
      assert(worker.frames.length < 60, `${worker.frames.length} frames`);
      const sequences = worker.heard.flatMap(({ message }) =>
        message?.$case === "assign" ? [message.value.sequence] : [],
      );
      assert.deepEqual(
        sequences,
        sequences.map((_, i) => i + 1),
      );
      const tokens = worker.assigned.map(({ token }) => token.toString("hex"));
      assert.equal(new Set(tokens).size, 400);
    });

    it("what must be read back from the journal, in its order", async () => {
      const small = await Bench.open({ payloadBudgetBytes: 0 });
      await small.submit({ tasks: 50, demand: [] });
      const worker = new RawWorker(small);
      await worker.register();
      worker.credit(50);
      await worker.tasks(50);
      assert.deepEqual(
        worker.assigned.map(({ index, payload }) => [index, String(payload)]),
        Array.from({ length: 50 }, (_, i) => [i, `payload ${i}`]),
      );
      await small.close();
    });

    it("a second attempt with the failure before it, and says that it is the last", async () => {
      await bench.submit({ tasks: 1, attemptsMax: 2 });
      const worker = await connect("w", { host: "alpha" });
      worker.credit(1);
      const [task] = await worker.tasks(1);
      worker.say(failed(task?.token as Buffer, { stack: "s".repeat(30_000), retryInMs: 5 }));
      await worker.next("settled");
      await bench.clock.advance(10);
      const [, again] = await worker.tasks(2);
      assert.equal(again?.attempt, 2);
      assert.equal(again.delivery, 2);
      assert(again.isLastAttempt);
      const previous = again.previousFailure;
      assert.equal(previous?.message, "it broke");
      assert.deepEqual(
        [previous?.attempt, previous?.delivery, previous?.maxAttempts, previous?.isLastAttempt],
        [1, 1, 2, false],
      );
      assert.deepEqual(
        [previous?.workerId, previous?.host, previous?.generation],
        ["w", "alpha", 1],
      );
      assert(previous?.startedAt !== undefined && previous.failedAt !== undefined);
      assert(Buffer.byteLength(previous?.stack ?? "") <= 8_192);
      assert(previous?.trimmed);
    });

    it("the newest checkpoint with the next delivery", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      for (const text of ["first", "second"]) {
        const checkpoint = Buffer.from(text);
        worker.say({
          $case: "progress",
          value: { token, fraction: 0.5, note: "half", checkpoint },
        });
      }
      worker.say({
        $case: "returned",
        value: { reason: ReturnReason.RETURN_REASON_DRAINED, tokens: [token] },
      });
      const [, again] = await worker.tasks(2);
      assert.equal(String(again?.checkpoint), "second");
      assert.equal(again?.attempt, 1);
      assert.equal(again.delivery, 2);
    });
  });

  describe("receipts", () => {
    it("that do not come recall the task, which goes elsewhere uncharged", async () => {
      const jobId = await bench.submit({ tasks: 1 });
      const deaf = await connect("deaf");
      deaf.credit(1);
      const [task] = await deaf.tasks(1);
      const other = await connect("other");
      other.credit(1);
      await bench.clock.advance(5_001);
      const recall = await deaf.next("recall");
      assert.equal(recall.reason, RecallReason.RECALL_REASON_NOT_RECEIVED);
      assert.deepEqual(recall.tokens, [task?.token]);
      const [again] = await other.tasks(1);
      assert.deepEqual([again?.attempt, again?.delivery], [1, 2]);
      assert.equal((await bench.task(jobId, 0)).attempt, 1);
      // The first one starts all the same: too late.
      deaf.complete(task?.token as Buffer);
      assert.equal(await deaf.outcomeOf(task?.token as Buffer), "stale");
    });

    for (const says of ["received", "ping"] as const) {
      it(`of what was not sent yet keep nothing (${says})`, async () => {
        await bench.submit({ tasks: 1 });
        const hasty = await connect("hasty");
        if (says === "ping") hasty.ping([], 2 ** 32 - 1);
        else hasty.received(2 ** 32 - 1);
        hasty.credit(1);
        const [task] = await hasty.tasks(1);
        await bench.clock.advance(5_001);
        const recall = await hasty.next("recall");
        assert.equal(recall.reason, RecallReason.RECALL_REASON_NOT_RECEIVED);
        assert.deepEqual(recall.tokens, [task?.token]);
      });
    }

    it("of a session before say nothing of this one", async () => {
      await bench.submit({ tasks: 2, demand: [] });
      const first = await connect("w");
      first.credit(1);
      const [task] = await first.tasks(1);
      first.received(1);
      first.session.end(undefined);
      const second = await connect("w", { held: heldList([task?.token as Buffer]) });
      second.credit(2);
      const [other] = await second.tasks(1);
      await bench.clock.advance(5_001);
      // The one that it holds was received before; of the new one it has said nothing.
      assert.deepEqual((await second.next("recall")).tokens, [other?.token]);
    });

    it("that come keep the lease, as does a held list", async () => {
      await bench.submit({ tasks: 2, demand: [] });
      const worker = await connect();
      worker.credit(1);
      await worker.tasks(1);
      worker.received(1);
      worker.credit(2);
      const tasks = await worker.tasks(2);
      worker.ping(
        tasks.map(({ token }) => token),
        2,
      );
      await bench.clock.advance(6_000);
      assert(!worker.heard.some(({ message }) => message?.$case === "recall"));
    });
  });

  describe("results", () => {
    it("are settled once they are durable, and a second time alike", async () => {
      const jobId = await bench.submit({ tasks: 1, partitions: 4 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      worker.say(
        completed(token, [
          [2, Buffer.from("two")],
          [0, Buffer.from("zero")],
        ]),
      );
      assert.equal(await worker.outcomeOf(token), "succeeded");
      assert.equal((await bench.task(jobId, 0)).state, "succeeded");
      worker.complete(token);
      await worker.next("settled");
      const second = await worker.next("settled");
      assert.equal(second.settlements[0]?.outcome?.outcome?.$case, "succeeded");
    });

    it("of one frame are settled together", async () => {
      await bench.submit({ tasks: 100, demand: [] });
      const worker = await connect();
      worker.credit(100);
      const tasks = await worker.tasks(100);
      worker.complete(...tasks.map(({ token }) => token));
      const settled = await worker.next("settled");
      assert.equal(settled.settlements.length, 100);
    });

    it("with a stale token are answered, whoever it was made for", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      const real = decodeToken(task?.token as Buffer);
      assert(real !== undefined);
      const forged = encodeToken({ ...real, drawLow: real.drawLow ^ 1 });
      const gone = encodeToken({ ...real, job: 1_000 });
      worker.complete(forged, gone);
      assert.equal(await worker.outcomeOf(forged), "stale");
      assert.equal(await worker.outcomeOf(gone), "gone");
      // The lease itself is untouched.
      worker.complete(task?.token as Buffer);
      assert.equal(await worker.outcomeOf(task?.token as Buffer), "succeeded");
    });

    it("that are wrong in themselves are refused, and the lease is kept", async () => {
      await bench.submit({ tasks: 1, partitions: 2 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      const half = Buffer.alloc(140_000);
      const badRef = {
        token,
        outputs: [
          {
            partition: 0,
            value: { $case: "ref" as const, value: { uri: "", sizeBytes: 0n, hosts: [] } },
          },
        ],
        recordCount: undefined,
        failedRecords: [],
      };
      const cases: readonly (readonly [Says, string, string])[] = [
        [completed(token.subarray(1)), "TOKEN_MALFORMED", "token"],
        [
          completed(token, [
            [0, half],
            [1, half],
          ]),
          "RESULT_TOO_LARGE",
          "outputs",
        ],
        [
          completed(token, [
            [1, half],
            [1, Buffer.alloc(1)],
          ]),
          "PARTITION_INVALID",
          "outputs[1].partition",
        ],
        [completed(token, [[2, Buffer.alloc(1)]]), "PARTITION_INVALID", "outputs"],
        [{ $case: "completed", value: badRef }, "INVALID_FIELD", "outputs[0].ref.uri"],
        [
          { $case: "completed", value: { ...badRef, outputs: [], recordCount: 1_000_001 } },
          "RECORDS_INVALID",
          "record_count",
        ],
        [
          failed(token, { kind: FailureKind.FAILURE_KIND_WORKER_LOST }),
          "FAILURE_INVALID",
          "failure.kind",
        ],
        [failed(token, { stack: "s".repeat(140_000) }), "RESULT_TOO_LARGE", "failure"],
        [
          { $case: "disposition", value: { token, decision: undefined, note: "" } },
          "DISPOSITION_INVALID",
          "",
        ],
        [
          { $case: "returned", value: { reason: 1, tokens: [Buffer.alloc(3)] } },
          "TOKEN_MALFORMED",
          "token",
        ],
        [
          {
            $case: "progress",
            value: { token, fraction: 0.1, note: "", checkpoint: Buffer.alloc(65_537) },
          },
          "RESULT_TOO_LARGE",
          "checkpoint",
        ],
      ];
      for (const [message, reason, field] of cases) {
        worker.say(message);
        const refused = await worker.next("refused");
        assert.equal(refused.error?.reason, reason);
        assert.equal(refused.error.domain, "capstan");
        assert.equal(refused.violations[0]?.field ?? "", field, reason);
      }
      assert.equal(worker.outcomes.size, 0);
      worker.say(failed(token, { kind: FailureKind.FAILURE_KIND_INVALID }));
      assert.equal(await worker.outcomeOf(token), "deadLettered");
    });

    it("that failed for good say so, with the whole failure kept", async () => {
      const jobId = await bench.submit({ tasks: 1, attemptsMax: 1 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      worker.say(
        failed(task?.token as Buffer, {
          message: "m".repeat(9_000),
          causes: [{ type: "Inner", message: "why", stack: "" }],
        }),
      );
      assert.equal(await worker.outcomeOf(task?.token as Buffer), "deadLettered");
      const { deliveries } = await bench.task(jobId, 0);
      const body = deliveries[0]?.failure?.body ?? 0;
      const failure = Failure.decode(await bench.engine.payload(body));
      assert.equal(Buffer.byteLength(failure.message), 8_192);
      assert(failure.trimmed && failure.isLastAttempt);
      assert.equal(failure.causes[0]?.message, "why");
    });

    it("survive a restart of the master: what was settled is settled again", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      worker.complete(task?.token as Buffer);
      await worker.outcomeOf(task?.token as Buffer);
      const { disk } = bench;
      await bench.close();
      bench = await Bench.open({ disk });
      const again = await connect();
      again.complete(task?.token as Buffer);
      assert.equal(await again.outcomeOf(task?.token as Buffer), "succeeded");
    });
  });

  describe("leases", () => {
    it("of a broken stream go on after it, and their results count", async () => {
      await bench.submit({ tasks: 3, demand: [] });
      const worker = await connect();
      worker.credit(3);
      const tokens = (await worker.tasks(3)).map(({ token }) => token);
      const [a, b, c] = tokens as [Buffer, Buffer, Buffer];
      worker.complete(b);
      await worker.outcomeOf(b);
      worker.session.end(undefined);

      const next = new RawWorker(bench);
      // It never heard of B's settlement, and forgot C.
      const answer = await next.register({ workerId: "w", held: heldList([a, b]) });
      assert.deepEqual(
        answer.resumed.map(({ token, leaseRemainingMs }) => [token, leaseRemainingMs]),
        [[a, undefined]],
      );
      assert.deepEqual(
        answer.settled.map(({ token, outcome }) => [token, outcome?.outcome?.$case]),
        [[b, "succeeded"]],
      );
      assert.deepEqual(answer.lost, []);
      await bench.settle();
      assert.equal(next.assigned.length, 0, "credit dies with the session");
      next.credit(3);
      const [again] = await next.tasks(1);
      const forgotten = decodeToken(c);
      const redelivered = decodeToken(again?.token as Buffer);
      assert.equal(redelivered?.task, forgotten?.task);
      assert.deepEqual([again?.delivery, again?.attempt], [2, 1]);
      next.complete(a, c);
      assert.equal(await next.outcomeOf(a), "succeeded");
      assert.equal(await next.outcomeOf(c), "stale");
    });

    it("that are lost are told so, and hold their demand until the worker ends them", async () => {
      await bench.submit({ tasks: 1 });
      const one = { resources: [{ name: "slots", milli: 1_000n }] };
      const worker = await connect("w", one);
      worker.credit(1);
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      worker.session.end(undefined);
      // Nothing is heard for a term: the worker is lost, and its task goes to another.
      await bench.clock.advance(15_200);
      assert.equal((await bench.worker("w")).connection, "lost");
      const other = await connect("other", one);
      other.credit(1);
      const [again] = await other.tasks(1);
      assert.deepEqual([again?.delivery, again?.attempt], [2, 1]);

      const next = new RawWorker(bench);
      const answer = await next.register({ workerId: "w", ...one, held: heldList([token]) });
      assert.deepEqual([answer.resumed, answer.settled, answer.lost], [[], [], [token]]);
      await bench.submit({ tasks: 1 });
      next.credit(5);
      await bench.settle();
      assert.equal(next.assigned.length, 0, "the lost lease still runs there");
      next.complete(token);
      assert.equal(await next.outcomeOf(token), "stale");
      await next.tasks(1);
      other.complete(again?.token as Buffer);
      assert.equal(await other.outcomeOf(again?.token as Buffer), "succeeded");
    });

    it("of another process are lost with it", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect("w");
      worker.credit(1);
      await worker.tasks(1);
      worker.session.end(undefined);
      const next = new RawWorker(bench);
      await next.register({ workerId: "w", incarnation: "second" });
      next.credit(1);
      const [again] = await next.tasks(1);
      assert.deepEqual([again?.delivery, again?.attempt], [2, 1]);
    });

    it("are renewed by a held list, by Started and Progress, and by nothing else", async () => {
      await bench.submit({ tasks: 4, demand: [] });
      const worker = await connect();
      worker.credit(4);
      const tokens = (await worker.tasks(4)).map(({ token }) => token);
      const [held, started, progressed, forgotten] = tokens as [Buffer, Buffer, Buffer, Buffer];
      worker.received(worker.heard.length);
      for (let i = 0; i < 4; i++) {
        await bench.clock.advance(4_500);
        worker.say(
          { $case: "started", value: { tokens: [started] } },
          {
            $case: "progress",
            value: { token: progressed, fraction: i / 10, note: "", checkpoint: undefined },
          },
          {
            $case: "ping",
            value: {
              held: { ...heldList([held]), demands: [] },
              load: undefined,
              echoSequence: 0,
            },
          },
        );
        await bench.settle();
      }
      const cancel = await worker.next("cancel");
      assert.equal(cancel.reason, CancelReason.CANCEL_REASON_LEASE_LOST);
      assert.deepEqual(cancel.tokens, [forgotten]);
    });

    it("that a ping leaves out go back to the queue, unless they are too new for it", async () => {
      await bench.submit({ tasks: 2, demand: [] });
      const worker = await connect();
      worker.credit(1);
      const [first] = await worker.tasks(1);
      worker.received(1);
      worker.credit(2);
      const [, second] = await worker.tasks(2);
      worker.ping([], 1);
      const [, , again] = await worker.tasks(3);
      assert.equal(again?.index, first?.index);
      assert.equal(again?.delivery, 2);
      worker.complete(second?.token as Buffer);
      assert.equal(await worker.outcomeOf(second?.token as Buffer), "succeeded");
    });

    it("that are spoken of and hold no longer are cancelled once more", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      const real = decodeToken(task?.token as Buffer);
      assert(real !== undefined);
      const stray = encodeToken({ ...real, lease: 77, delivery: 9 });
      worker.say({ $case: "started", value: { tokens: [task?.token as Buffer, stray] } });
      const cancel = await worker.next("cancel");
      assert.equal(cancel.reason, CancelReason.CANCEL_REASON_LEASE_LOST);
      assert.deepEqual(cancel.tokens, [stray]);
    });

    it("that start while they are recalled are cancelled: their work is in vain, and may never end", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      const token = task?.token as Buffer;
      const capacity = { resources: [{ name: "gpu", milli: 1_000n }] };
      worker.say(
        { $case: "resources", value: { capacity, load: undefined, labels: undefined } },
        { $case: "received", value: { throughSequence: 1 } },
      );
      assert.deepEqual((await worker.next("recall")).tokens, [token]);
      worker.say({ $case: "started", value: { tokens: [token] } });
      const cancel = await worker.next("cancel");
      assert.equal(cancel.reason, CancelReason.CANCEL_REASON_LEASE_LOST);
      assert.deepEqual(cancel.tokens, [token]);
    });
  });

  describe("cancels", () => {
    it("reach the worker, and the end of the lease is stale", async () => {
      const jobId = await bench.submit({ tasks: 2 });
      const worker = await connect();
      worker.credit(2);
      const tokens = (await worker.tasks(2)).map(({ token }) => token);
      await bench.engine.submit({ kind: "cancel_job", namespace: "default", jobId, note: "" });
      const cancel = await worker.next("cancel");
      assert.equal(cancel.reason, CancelReason.CANCEL_REASON_JOB);
      assert.deepEqual(cancel.tokens, tokens);
      const [a, b] = tokens as [Buffer, Buffer];
      worker.say(failed(a, { kind: FailureKind.FAILURE_KIND_CANCELLED }), {
        $case: "returned",
        value: { reason: ReturnReason.RETURN_REASON_CANCELLED, tokens: [b] },
      });
      assert.equal(await worker.outcomeOf(a), "stale");
      assert.equal(await worker.outcomeOf(b), "stale");
      assert.equal((await bench.worker("w")).leases, 0);
    });

    it("of tasks that the worker never saw are not said at all", async () => {
      const jobId = await bench.submit({ tasks: 4 });
      const worker = await connect();
      // The stream takes one frame and is full.
      worker.room = 1;
      worker.say({ $case: "ping", value: { held: undefined, load: undefined, echoSequence: 0 } });
      await bench.clock.advance(5_000);
      await worker.next("ping");
      worker.credit(4);
      await bench.until("leases", async () => (await bench.worker("w")).leases === 4);
      await bench.engine.submit({ kind: "cancel_job", namespace: "default", jobId, note: "" });
      await bench.until("no leases", async () => (await bench.worker("w")).leases === 0);
      worker.room = Infinity;
      worker.session.drained();
      await bench.settle();
      assert.equal(worker.assigned.length, 0);
      assert(!worker.heard.some(({ message }) => message?.$case === "cancel"));
    });
  });

  describe("drains", () => {
    it("when the worker says so: nothing more is assigned, and what is given back is requeued", async () => {
      await bench.submit({ tasks: 3 });
      const worker = await connect();
      worker.credit(2);
      const [a, b] = (await worker.tasks(2)).map(({ token }) => token) as [Buffer, Buffer];
      worker.say(
        { $case: "draining", value: { withinMs: undefined, note: "" } },
        { $case: "credit", value: { maxTasks: 9, maxBytes: undefined } },
        {
          $case: "returned",
          value: { reason: ReturnReason.RETURN_REASON_DRAINED, tokens: [b] },
        },
      );
      assert.equal(await worker.outcomeOf(b), "requeued");
      worker.complete(a);
      assert.equal(await worker.outcomeOf(a), "succeeded");
      await bench.settle();
      assert.equal(worker.assigned.length, 2);
      assert((await bench.worker("w")).draining);
      worker.session.halfClosed();
      await bench.until("the stream has ended", () => worker.ended !== undefined);
      assert.equal(worker.ended?.error, undefined);
    });

    it("when the master asks for it, also those who come later", async () => {
      await bench.submit({ tasks: 2 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      let isOver = false;
      void bench.sessions.drain({ withinMs: 1_000, note: "moving" }).then(() => (isOver = true));
      const drain = await worker.next("drain");
      assert.deepEqual([drain.withinMs, drain.note], [1_000, "moving"]);
      worker.complete(task?.token as Buffer);
      await worker.outcomeOf(task?.token as Buffer);
      worker.credit(5);
      await bench.settle();
      assert.equal(worker.assigned.length, 1);
      assert(!isOver);
      worker.session.halfClosed();
      await bench.until("all are gone", () => isOver);
      const late = await connect("late");
      await late.next("drain");
    });

    it("answers what is under way when the worker half-closes, then ends well", async () => {
      await bench.submit({ tasks: 2 });
      const worker = await connect();
      worker.credit(1);
      const [task] = await worker.tasks(1);
      worker.complete(task?.token as Buffer);
      worker.session.halfClosed();
      await bench.until("the stream has ended", () => worker.ended !== undefined);
      assert.equal(worker.ended?.error, undefined);
      assert.equal(worker.outcomes.get((task?.token as Buffer).toString("hex")), "succeeded");
      assert.equal(worker.assigned.length, 1);
      await bench.settle();
      assert.notEqual((await bench.worker("w")).connection, "connected");
    });
  });

  describe("ends", () => {
    it("by garbage, and the master goes on", async () => {
      const worker = await connect();
      worker.session.receive(Buffer.from("ff".repeat(20), "hex"));
      const { code, reason } = await worker.refused();
      assert.deepEqual([code, reason], [status.INVALID_ARGUMENT, "MALFORMED"]);
      await connect("another");
    });

    it("by no garbage that is only unknown", async () => {
      const worker = await connect();
      const unknownArm = Buffer.from("0a039a0600", "hex");
      const unknownField = Buffer.from("9a06021234", "hex");
      worker.session.receive(Buffer.concat([unknownField, unknownArm]));
      worker.session.receive(Buffer.alloc(0));
      worker.credit(1);
      await bench.settle();
      assert.equal(worker.ended, undefined);
    });

    it("by a frame that is too large", async () => {
      const worker = await connect();
      worker.session.receive(Buffer.alloc(1_048_577));
      const { code, reason } = await worker.refused();
      assert.deepEqual([code, reason], [status.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"]);
    });

    it("by more tokens than a message may have, naming the field", async () => {
      const worker = await connect();
      const tokens = Array.from({ length: 4_097 }, () => Buffer.alloc(32, 1));
      worker.say({ $case: "started", value: { tokens } });
      const { violations } = await worker.refused();
      assert.equal(violations[0]?.field, "started.tokens");
    });

    it("by a random frame in some defined way, never by a crash", async () => {
      for (let i = 0; i < 300; i++) {
        const worker = await connect(`w${i}`);
        worker.session.receive(randomBytes(1 + (i % 60)));
        await bench.settle();
        if (worker.ended !== undefined) await worker.refused();
        worker.session.end(undefined);
      }
    });

    it("by silence, after a whole term", async () => {
      const worker = await connect();
      const idle = new RawWorker(bench);
      for (let i = 0; i < 5; i++) {
        await bench.clock.advance(4_000);
        worker.say({ $case: "ping", value: { held: undefined, load: undefined, echoSequence: 0 } });
      }
      assert.equal(worker.ended, undefined);
      assert.equal((await idle.refused()).reason, "SESSION_LOST");
      await bench.clock.advance(20_000);
      const { code, reason } = await worker.refused();
      assert.deepEqual([code, reason], [status.UNAVAILABLE, "SESSION_LOST"]);
      const pings = worker.heard.flatMap(({ message }) =>
        message?.$case === "ping" ? [message.value.sequence] : [],
      );
      assert.deepEqual(pings.slice(0, 3), [1, 2, 3]);
    });

    it("when the master stops: the worker may come again", async () => {
      const worker = await connect();
      bench.sessions.stop();
      const { code, reason } = await worker.refused();
      assert.deepEqual([code, reason], [status.UNAVAILABLE, "STOPPING"]);
      assert.throws(() => new RawWorker(bench), /stopping/);
    });

    it("and gives back at once what was granted and never written", async () => {
      await bench.submit({ tasks: 2, demand: [] });
      const worker = await connect();
      worker.room = 1;
      await bench.clock.advance(5_000);
      worker.credit(2);
      await bench.until("leases", async () => (await bench.worker("w")).leases === 2);
      worker.session.end(undefined);
      const other = await connect("other");
      other.credit(2);
      const tasks = await other.tasks(2);
      assert.deepEqual(
        tasks.map(({ delivery, attempt }) => [delivery, attempt]),
        [
          [2, 1],
          [2, 1],
        ],
      );
    });
  });

  describe("with a worker that reads slowly", () => {
    it("writes nothing while the stream is full, then all of it in order", async () => {
      for (let i = 0; i < 4; i++) {
        await bench.submit({ tasks: 50, demand: [], payload: () => randomBytes(8_000) });
      }
      const worker = await connect();
      worker.room = 1;
      worker.credit(200);
      await bench.settle();
      // The link asserts that nothing is written beyond its room.
      while (worker.assigned.length < 200) {
        const before = worker.frames.length;
        worker.room = 1;
        worker.session.drained();
        await bench.until("a frame", () => worker.frames.length > before);
      }
      const leases = worker.assigned.map(({ token }) => decodeToken(token)?.lease ?? 0);
      assert.deepEqual(
        leases,
        leases.toSorted((a, b) => a - b),
      );
      assert(worker.frames.length > 10);
    });

    it("tells a lease that waited how little of its term is left", async () => {
      await bench.submit({ tasks: 1 });
      const worker = await connect();
      worker.room = 1;
      await bench.clock.advance(5_000);
      worker.credit(1);
      await bench.until("a lease", async () => (await bench.worker("w")).leases === 1);
      await bench.settle();
      await bench.clock.advance(3_000);
      worker.room = Infinity;
      worker.session.drained();
      const [task] = await worker.tasks(1);
      assert.equal(task?.leaseRemainingMs, 12_000);
    });

    it("stops reading when answers pile up, and goes on when they are gone", async () => {
      const worker = await connect();
      worker.room = 1;
      await bench.clock.advance(5_000);
      const token = encodeToken({
        epoch: 1,
        lease: 5,
        job: 9,
        task: 9,
        delivery: 1,
        drawHigh: 0,
        drawLow: 0,
      });
      for (let i = 0; i < 50; i++) worker.complete(...Array.from({ length: 100 }, () => token));
      await bench.until("reading is held back", () => worker.isPaused);
      assert.equal(worker.ended, undefined);
      worker.room = Infinity;
      worker.session.drained();
      await bench.settle();
      assert(!worker.isPaused);
    });

    it("goes on reading also when the stream had room for all that piled up", async () => {
      const worker = await connect();
      const token = encodeToken({
        epoch: 1,
        lease: 5,
        job: 9,
        task: 9,
        delivery: 1,
        drawHigh: 0,
        drawLow: 0,
      });
      worker.complete(...Array.from({ length: 5_000 }, () => token));
      await bench.until("reading is held back", () => worker.isPaused);
      await bench.until("reading goes on", () => !worker.isPaused);
    });

    it("gives it up after a term", async () => {
      const worker = await connect();
      worker.room = 1;
      await bench.clock.advance(5_000);
      for (let i = 0; i < 4; i++) {
        worker.say({ $case: "ping", value: { held: undefined, load: undefined, echoSequence: 0 } });
        await bench.clock.advance(5_000);
      }
      assert.equal((await worker.refused()).reason, "SESSION_LOST");
    });
  });

  it("follows the worker's capacity", async () => {
    await bench.submit({ tasks: 6 });
    const worker = await connect();
    worker.credit(100);
    await worker.tasks(4);
    worker.say({
      $case: "resources",
      value: {
        capacity: { resources: [{ name: "slots", milli: 5_000n }] },
        load: undefined,
        labels: undefined,
      },
    });
    await worker.tasks(5);
    await bench.settle();
    assert.equal(worker.assigned.length, 5);
  });

  it("resumes what was held over a restart of the master, with its pending result", async () => {
    await bench.submit({ tasks: 2, demand: [] });
    const worker = await connect();
    worker.credit(2);
    const [a, b] = (await worker.tasks(2)).map(({ token }) => token) as [Buffer, Buffer];
    const { disk } = bench;
    await bench.close();
    bench = await Bench.open({ disk });
    const next = new RawWorker(bench);
    const answer = await next.register({
      workerId: "w",
      held: heldList([a, b], HeldState.HELD_STATE_RESULT_PENDING),
    });
    assert.deepEqual(
      answer.resumed.map(({ token }) => token),
      [a, b],
    );
    next.complete(a, b);
    assert.equal(await next.outcomeOf(a), "succeeded");
    assert.equal(await next.outcomeOf(b), "succeeded");
  });
});
