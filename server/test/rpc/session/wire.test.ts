import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { PullTasksRequest, PullTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { Failure, Outcome } from "@capstan/proto/capstan/v1/failure.js";
import { PartitionOutput } from "@capstan/proto/capstan/v1/common.js";
import { AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import { failureReport, previousFailure, trimFailure } from "../../../src/rpc/session/failures.js";
import { FieldCursor } from "../../../src/rpc/wire/field-cursor.js";
import { readFrame } from "../../../src/rpc/session/incoming.js";
import { outcomeMessage } from "../../../src/rpc/session/outcomes.js";
import { WireWriter } from "../../../src/rpc/wire/wire-writer.js";
import { decodeToken, encodeToken } from "../../../src/rpc/token.js";

const token = {
  epoch: 0xffff_fffe,
  lease: Number.MAX_SAFE_INTEGER,
  job: 0x8000_0001,
  task: 7,
  delivery: 3,
  drawHigh: 0xdead_beef | 0,
  drawLow: -1,
};

describe("A lease token", () => {
  it("is 32 bytes and comes back whole", () => {
    const bytes = encodeToken(token);
    assert.equal(bytes.length, 32);
    assert.deepEqual(decodeToken(bytes), token);
  });

  it("is laid out big-endian, so that tokens sort by epoch and lease", () => {
    const bytes = encodeToken({ ...token, epoch: 1, lease: 2 ** 32 + 2 });
    assert.equal(bytes.subarray(0, 12).toString("hex"), "000000010000000100000002");
  });

  it("is told from what is none", () => {
    const bytes = encodeToken(token);
    assert.equal(decodeToken(bytes.subarray(1)), undefined);
    assert.equal(decodeToken(Buffer.concat([bytes, Buffer.alloc(1)])), undefined);
    assert.equal(decodeToken(Buffer.alloc(32)), undefined);
    assert.equal(decodeToken(Buffer.alloc(32, 255)), undefined);
    assert.equal(decodeToken(encodeToken({ ...token, delivery: 0 })), undefined);
  });
});

describe("The writer of frames", () => {
  it("writes what the generated code reads, whatever the sizes of what is nested", () => {
    for (const size of [0, 1, 20, 60, 90, 127, 128, 200, 16_000, 16_383, 16_384, 70_000, 300_000]) {
      const payload = randomBytes(size);
      const body = AssignedTask.encode(AssignedTask.fromPartial({ payload })).finish();
      for (const guess of [0, 100, 20_000]) {
        const writer = new WireWriter();
        const message = writer.open((1 << 3) | 2, guess);
        const arm = writer.open((2 << 3) | 2, guess);
        writer.uint32(1 << 3, 300);
        const task = writer.open((3 << 3) | 2, guess);
        writer.token((1 << 3) | 2, token);
        writer.uint32(4 << 3, 2 ** 32 - 1);
        writer.span(body, 0, body.length);
        writer.close(task);
        writer.close(arm);
        writer.close(message);
        const frame = writer.take();
        assert.equal(writer.length, 0);
        const [first] = PullTasksResponse.decode(frame).messages;
        assert(first?.message?.$case === "assign");
        const [read] = first.message.value.tasks;
        assert.equal(first.message.value.sequence, 300);
        assert.deepEqual(decodeToken(read?.token as Buffer), token);
        assert.equal(read?.index, 2 ** 32 - 1);
        assert(read.payload.equals(payload));
      }
    }
  });
});

describe("The reader of frames", () => {
  it("keeps outputs as they came, and reads what the core must know of them", () => {
    const ref = { uri: "s3://x", sizeBytes: 5_000n, hosts: ["a", "b"] };
    const outputs = [
      { partition: 3, value: { $case: "inline" as const, value: Buffer.from("three") } },
      { partition: 0, value: { $case: "ref" as const, value: ref } },
      { partition: 1, value: undefined },
    ];
    const value = { token: encodeToken(token), outputs, recordCount: 9, failedRecords: [] };
    const frame = PullTasksRequest.encode({
      messages: [
        { message: { $case: "completed", value } },
        { message: undefined },
        { message: { $case: "started", value: { tokens: [encodeToken(token)] } } },
      ],
    }).finish();
    const [result, started] = readFrame(frame);
    assert(result?.kind === "completed" && started?.kind === "started");
    assert.deepEqual(result.token, token);
    assert.equal(result.recordCount, 9);
    assert.deepEqual(
      result.outputs.map(({ partition, inlineBytes, ref: read }) => [
        partition,
        inlineBytes,
        read?.hosts,
      ]),
      [
        [3, 5, undefined],
        [0, 0, ["a", "b"]],
        [1, 0, undefined],
      ],
    );
    assert.deepEqual(
      result.outputs.map(({ encoded }) => PartitionOutput.decode(encoded)),
      outputs,
    );
    assert.equal(started.tokens.length, 1);
  });

  it("takes the last of two arms, and skips fields of every wire type that it does not know", () => {
    const credit = Buffer.from("12020805", "hex");
    const received = Buffer.from("1a020807", "hex");
    const unknown = Buffer.from(
      "a00601" + "a106" + "00".repeat(8) + "a506" + "00".repeat(4),
      "hex",
    );
    const message = Buffer.concat([credit, unknown, received]);
    const frame = Buffer.concat([Buffer.from([0x0a, message.length]), message]);
    const messages = readFrame(frame);
    assert.deepEqual(messages, [{ kind: "received", value: { throughSequence: 7 } }]);
  });

  it("passes over fields that it knows in wire types that they do not have", () => {
    const field = (tag: number, ...parts: readonly Uint8Array[]) => {
      const content = Buffer.concat(parts);
      return Buffer.concat([Buffer.from([tag, content.length]), content]);
    };
    // The partition once more as four bytes, the count of records as eight.
    const output = Buffer.from("0803" + "0d" + "ff".repeat(4) + "120161", "hex");
    const count = Buffer.from("1809" + "19" + "ff".repeat(8), "hex");
    const completed = Buffer.concat([field(0x0a, encodeToken(token)), field(0x12, output), count]);
    const frame = field(0x0a, field(0x32, completed));
    const [result] = readFrame(frame);
    assert(result?.kind === "completed");
    assert.deepEqual([result.outputs[0]?.partition, result.recordCount], [3, 9]);
    const [read] = PullTasksRequest.decode(frame).messages;
    assert(read?.message?.$case === "completed");
    const { outputs, recordCount } = read.message.value;
    assert.deepEqual([outputs[0]?.partition, recordCount], [3, 9]);
  });

  it("throws at bytes that are no frame, and never reads beyond them", () => {
    const bad = ["0a", "0a05", "0a0212ff", "0b", "07", "00", "0affffffffffffffffffffff01", "ff"];
    for (const hex of bad) {
      assert.throws(() => readFrame(Buffer.from(hex, "hex")), RangeError, hex);
    }
    for (let i = 0; i < 2_000; i++) {
      try {
        readFrame(randomBytes(i % 100));
      } catch (error) {
        assert(error instanceof Error);
      }
    }
  });

  it("reads varints to their last bit", () => {
    const cursor = new FieldCursor(Buffer.alloc(0));
    for (const [hex, value] of [
      ["08ffffffff0f", 2 ** 32 - 1],
      ["088001", 128],
      ["0880808080808080808001", 0],
    ] as const) {
      const bytes = Buffer.from(hex, "hex");
      cursor.reset(bytes, 0, bytes.length);
      assert(cursor.next());
      assert.equal(cursor.value, value);
      assert(!cursor.next());
    }
  });
});

describe("A failure", () => {
  it("is kept as it is when it is small", () => {
    const failure = Failure.fromPartial({
      kind: 1,
      type: "TypeError",
      message: "x is not a function — nowhere",
      stack: "at a\nat b",
      causes: [{ type: "Inner", message: "m", stack: "s" }],
      traceId: "0123456789abcdef0123456789abcdef",
      spanId: "0123456789abcdef",
      dependency: "db/main",
      recordIndexes: [1, 2],
    });
    assert.deepEqual(trimFailure(failure), failure);
  });

  it("is cut to 64 KiB: stacks in their middle first, then causes, and it says so", () => {
    const cause = { type: "C".repeat(300), message: "é".repeat(5_000), stack: "s".repeat(40_000) };
    const stack = `head\n${"…\n".repeat(40_000)}tail`;
    const failure = Failure.fromPartial({
      type: "T".repeat(300),
      message: "m".repeat(20_000),
      stack,
      causes: Array.from({ length: 20 }, () => cause),
      traceId: "nonsense",
      spanId: "nonsense",
      dependency: "not a name",
      recordIndexes: Array.from({ length: 2_000 }, (_, i) => i),
    });
    const trimmed = trimFailure(failure);
    assert(Failure.encode(trimmed).finish().length <= 65_536);
    assert(trimmed.trimmed);
    assert(trimmed.stack.startsWith("head\n") && trimmed.stack.endsWith("tail"));
    assert(!trimmed.stack.includes("\ufffd") && !trimmed.causes[0]?.message.includes("\ufffd"));
    assert(trimmed.causes.length > 0 && trimmed.causes.length <= 16);
    assert.equal(Buffer.byteLength(trimmed.message), 8_192);
    assert.deepEqual([trimmed.traceId, trimmed.spanId, trimmed.dependency], ["", "", ""]);
    assert.equal(trimmed.recordIndexes.length, 1_000);
  });

  it("is an error when its kind is not known, and cannot claim what the master says", () => {
    const reported = Failure.fromPartial({
      kind: 99 as never,
      attempt: 40,
      workerId: "somebody",
      retryInMs: 2_000_000_000,
      retryable: false,
    });
    const { draft, blob } = failureReport(reported, undefined, 4, 1_750_000_000_123);
    assert.equal(draft.kind, "error");
    assert.equal(draft.retryable, false);
    assert.equal(draft.retryAfterMs, 86_400_000);
    const kept = Failure.decode(blob);
    assert.deepEqual([kept.kind, kept.attempt, kept.workerId, kept.delivery], [1, 0, "", 4]);
    assert.deepEqual(kept.failedAt, { seconds: 1_750_000_000n, nanos: 123_000_000 });
  });

  it("goes to the next worker with a shorter stack", () => {
    const failure = Failure.fromPartial({ message: "m", stack: "s".repeat(20_000) });
    const previous = Failure.decode(previousFailure(Failure.encode(failure).finish()));
    assert(Buffer.byteLength(previous.stack) <= 8_192 && previous.trimmed);
    assert.equal(previous.message, "m");
  });
});

describe("An outcome", () => {
  it("has its arm on the wire, with what belongs to it", () => {
    const cases = [
      [{ kind: "succeeded" }, "succeeded", { deadLetterId: "" }],
      [{ kind: "retry", inMs: 12.3, attempt: 2 }, "retry", { inMs: 13, attempt: 2 }],
      [{ kind: "dead_lettered", id: "dl_1" }, "deadLettered", { deadLetterId: "dl_1" }],
      [{ kind: "requeued", charge: "drain" }, "requeued", { charge: 4, inMs: 0 }],
      [{ kind: "cancelled" }, "cancelled", { reason: 1 }],
      [{ kind: "stale", delivery: 3 }, "stale", { delivery: 3 }],
      [{ kind: "gone" }, "gone", {}],
    ] as const;
    for (const [outcome, arm, value] of cases) {
      const read = Outcome.decode(Outcome.encode(outcomeMessage(outcome)).finish());
      assert.deepEqual(read.outcome, { $case: arm, value });
    }
  });
});
