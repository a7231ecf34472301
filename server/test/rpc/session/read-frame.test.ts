import assert from "node:assert/strict";
import { PartitionOutput } from "@capstan/proto/capstan/v1/common.js";
import type { FailedRecord } from "@capstan/proto/capstan/v1/failure.js";
import { PullTasksRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import fc from "fast-check";
import type { Incoming, IncomingToken } from "../../../src/rpc/session/incoming.js";
import { readFrame } from "../../../src/rpc/session/incoming.js";
import { decodeToken, encodeToken } from "../../../src/rpc/token.js";
import { oddly, schemas } from "../support/odd-encoding.js";

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });
const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const bytes = fc.uint8Array({ maxLength: 150 }).map((some) => Buffer.from(some));
const text = fc.constantFrom("", "s3://films", "größe");
const token = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
      .map((lease) =>
        encodeToken({ epoch: 1, lease, job: 2, task: 3, delivery: 4, drawHigh: -5, drawLow: 6 }),
      ),
  },
  { weight: 1, arbitrary: bytes },
);

const output: fc.Arbitrary<PartitionOutput> = record({
  partition: u32,
  value: fc.oneof(
    fc.constant(undefined),
    record({ $case: fc.constant("inline" as const), value: bytes }),
    record({
      $case: fc.constant("ref" as const),
      value: record({
        uri: text,
        sizeBytes: fc.bigInt(0n, 2n ** 64n - 1n),
        hosts: fc.array(text, { maxLength: 2 }),
      }),
    }),
  ),
});

const failedRecord: fc.Arbitrary<FailedRecord> = record({
  index: u32,
  key: bytes,
  content: bytes,
  failure: fc.constant(undefined),
});

const says: fc.Arbitrary<WorkerMessage["message"]> = fc.oneof(
  {
    weight: 4,
    arbitrary: record({
      $case: fc.constant("completed" as const),
      value: record({
        token,
        outputs: fc.array(output, { maxLength: 3 }),
        recordCount: fc.option(u32, { nil: undefined }),
        failedRecords: fc.array(failedRecord, { maxLength: 2 }),
      }),
    }),
  },
  record({
    $case: fc.constant("started" as const),
    value: record({ tokens: fc.array(token, { maxLength: 3 }) }),
  }),
  record({
    $case: fc.constant("credit" as const),
    value: record({ maxTasks: u32, maxBytes: fc.option(u32, { nil: undefined }) }),
  }),
  record({ $case: fc.constant("received" as const), value: record({ throughSequence: u32 }) }),
  fc.constantFrom<WorkerMessage["message"]>(
    undefined,
    WorkerMessage.fromPartial({ message: { $case: "progress", value: { note: "half" } } }).message,
    WorkerMessage.fromPartial({ message: { $case: "draining", value: {} } }).message,
    WorkerMessage.fromPartial({ message: { $case: "failed", value: { failure: { type: "E" } } } })
      .message,
  ),
);

const messages = fc.array(says, { maxLength: 6 });

const bytesOf = (own: IncomingToken): Buffer =>
  own instanceof Uint8Array ? Buffer.from(own) : encodeToken(own);

/** What was read by hand, as the generated code has it. */
function plain(incoming: Incoming): unknown {
  if (incoming.kind === "started") return { kind: "started", tokens: incoming.tokens.map(bytesOf) };
  if (incoming.kind !== "completed") return incoming;
  const outputs = incoming.outputs.map(({ encoded, partition, inlineBytes, ref }) => {
    const decoded = PartitionOutput.decode(encoded);
    const { value } = decoded;
    assert.equal(decoded.partition, partition);
    assert.equal(value?.$case === "inline" ? value.value.length : 0, inlineBytes);
    assert.deepEqual(value?.$case === "ref" ? value.value : undefined, ref);
    return decoded;
  });
  const size = incoming.outputs.reduce((sum, { encoded }) => sum + encoded.length, 0);
  assert.equal(incoming.outputsBytes, size);
  return { ...incoming, token: bytesOf(incoming.token), outputs, outputsBytes: 0 };
}

function expected({ message }: WorkerMessage): unknown[] {
  if (message === undefined) return [];
  const { $case: kind, value } = message;
  if (kind === "started") return [{ kind, tokens: value.tokens }];
  if (kind === "draining") return [{ kind }];
  if (kind !== "completed") return [{ kind, value }];
  const { token: own, outputs, recordCount, failedRecords } = value;
  const known = decodeToken(own);
  if (known !== undefined) assert.deepEqual(encodeToken(known), own);
  return [
    {
      kind,
      token: own,
      outputs,
      outputsBytes: 0,
      recordCount,
      failedRecords: failedRecords.length,
    },
  ];
}

describe("a worker's frame that is read by hand", () => {
  it("is what the generated code reads, in any legal encoding", () => {
    fc.assert(
      fc.property(messages, fc.integer(), (list, seed) => {
        const request = { messages: list.map((message) => ({ message })) };
        const frame = Buffer.from(PullTasksRequest.encode(request).finish());
        assert.deepEqual(readFrame(frame).map(plain), request.messages.flatMap(expected));
        const odd = oddly(frame, schemas.pullTasks, seed);
        const decoded = PullTasksRequest.decode(odd).messages;
        assert.deepEqual(readFrame(odd).map(plain), decoded.flatMap(expected));
      }),
      { numRuns: 200 },
    );
  });

  it("throws at bytes that are none, or is another frame, wherever it is cut or changed", () => {
    let refused = 0;
    fc.assert(
      fc.property(messages, fc.nat(), fc.nat(255), (list, at, byte) => {
        const request = { messages: list.map((message) => ({ message })) };
        const frame = Buffer.from(PullTasksRequest.encode(request).finish());
        const changed = Buffer.from(frame);
        if (changed.length > 0) changed[at % changed.length] = byte;
        for (const own of [changed, frame.subarray(0, at % (frame.length + 1))]) {
          try {
            readFrame(own);
          } catch (error) {
            assert(error instanceof Error);
            refused += 1;
          }
        }
      }),
      { numRuns: 200 },
    );
    assert(refused > 50, `${refused} refused`);
  });
});
