import assert from "node:assert/strict";
import { PullTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import {
  AssignContext,
  AssignedTask,
  type MasterMessage,
} from "@capstan/proto/capstan/v1/session.js";
import fc from "fast-check";
import type { Assignment } from "../src/worker/assignment.js";
import { decodeFrame, fromMessage, type MasterSays } from "../src/worker/decode-frame.js";
import { LeaseBook } from "../src/worker/lease-book.js";
import { ContextReader } from "../src/worker/stage-contexts.js";
import { TokenTable } from "../src/worker/token-table.js";
import { bytesOf } from "../src/worker/token.js";
import { PullTasksResponseLike } from "./support/contract.js";
import { leaseOf } from "./support/leases.js";

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }));
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined });

const task = fc
  .record({
    token: bytes,
    payload: bytes,
    context: uint32,
    index: uint32,
    delivery: uint32,
    attempt: uint32,
    isLastAttempt: fc.boolean(),
    generation: uint32,
    leaseRemainingMs: optional(uint32),
    deadlineRemainingMs: optional(uint32),
    checkpoint: fc.oneof(fc.constant(Buffer.alloc(0)), bytes),
    pendingRecords: fc.array(uint32, { maxLength: 3 }),
    recordCount: optional(uint32),
    ahead: fc.boolean(),
    speculative: fc.boolean(),
    attemptTimeoutMs: optional(uint32),
  })
  .map((given) => AssignedTask.create(given));

/** Many are alike but for their job. */
const context = fc
  .record({
    jobId: fc.constantFrom("", "job_1", "job_2", "jöb"),
    stage: fc.constantFrom("main", "main", "main", "other"),
    labels: fc.constantFrom({}, { team: "blue" }),
  })
  .map((given) => AssignContext.create(given));

const outcome = fc.constantFrom(
  { outcome: { $case: "succeeded" as const, value: { deadLetterId: "" } } },
  { outcome: { $case: "succeeded" as const, value: { deadLetterId: "dl_1" } } },
  { outcome: { $case: "retry" as const, value: { inMs: 300, attempt: 2 } } },
  { outcome: { $case: "stale" as const, value: { delivery: 3 } } },
  { outcome: undefined },
  undefined,
);

const message: fc.Arbitrary<MasterMessage> = fc
  .oneof(
    fc.record({
      $case: fc.constant("assign" as const),
      value: fc.record({
        sequence: uint32,
        contexts: fc.array(context, { maxLength: 4 }),
        tasks: fc.array(task, { maxLength: 5 }),
      }),
    }),
    fc.record({
      $case: fc.constant("settled" as const),
      value: fc.record({
        settlements: fc.array(fc.record({ token: bytes, outcome }), { maxLength: 5 }),
      }),
    }),
    fc.record({ $case: fc.constant("ping" as const), value: fc.record({ sequence: uint32 }) }),
  )
  .map((arm) => ({ message: arm }) as MasterMessage);

const frame = fc
  .array(message, { maxLength: 5 })
  .map((messages) => Buffer.from(PullTasksResponse.encode({ messages }).finish()));

/** What was read, without where it lies. */
function plain(said: MasterSays): unknown {
  switch (said.kind) {
    case "assign":
      return { ...said, tasks: said.tasks.map(plainTask) };
    case "settled": {
      const { view, tokens, outcomes } = said;
      const settlements = outcomes.map((outcome, i) => {
        const [at = 0, length = 0] = tokens.slice(2 * i, 2 * i + 2);
        return { token: bytesOf({ view, at, length }), outcome };
      });
      return { kind: "settled", settlements };
    }
    case "other":
      return said;
  }
}

function plainTask(read: Assignment): unknown {
  const { context, index, delivery, attempt, isLastAttempt, generation, ahead } = read;
  const { leaseRemainingMs, recordCount, deadlineRemainingMs, attemptTimeoutMs, speculative } =
    read;
  const { payload, checkpoint, pendingRecords, inputs } = read;
  return {
    ...{ context, index, delivery, attempt, isLastAttempt, generation, ahead, inputs },
    ...{ leaseRemainingMs, recordCount, deadlineRemainingMs, attemptTimeoutMs, speculative },
    ...{ token: bytesOf(read), payload, checkpoint, pendingRecords },
  };
}

const read = (frame: Buffer): unknown[] => decodeFrame(frame, new ContextReader()).map(plain);

describe("frames read by hand", () => {
  it("are what the generated code reads", () => {
    fc.assert(
      fc.property(frame, (frame) => {
        assert.deepEqual(
          read(frame),
          PullTasksResponse.decode(frame).messages.map(fromMessage).map(plain),
        );
      }),
      { numRuns: 500 },
    );
    for (const odd of [PullTasksResponseLike.unknownArm(), PullTasksResponseLike.noArm()]) {
      const bytes = Buffer.from(odd);
      assert.deepEqual(
        read(bytes),
        PullTasksResponse.decode(bytes).messages.map(fromMessage).map(plain),
      );
    }
  });

  it("are the same with one reader for all of them, whatever contexts came before", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
        const contexts = new ContextReader();
        for (const each of frames) {
          assert.deepEqual(
            decodeFrame(each, contexts).map(plain),
            PullTasksResponse.decode(each).messages.map(fromMessage).map(plain),
          );
        }
      }),
    );
  });

  it("are what the generated code reads when they are written in an odd way", () => {
    const field = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
      const content = Buffer.concat(parts);
      // A length in three bytes, whatever it is.
      const { length } = content;
      const head = [tag, (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14];
      return Buffer.concat([Buffer.from(head), content]);
    };
    const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
    const unknown = hex(
      "a00601 a106 0102030405060708 a2060100 a506 01020304 a306 0b 0801 120161 0d01020304 0c a406",
    );
    // A known field in another wire type: of the index as four bytes, of the token as a number.
    const otherTypes = hex("25 01020304 0805");
    const assigned = field(
      0x1a,
      ...[
        unknown,
        field(0x12, Buffer.from("overruled")),
        hex("3881808000 2807 3000 800180 80808010"),
      ],
      ...[otherTypes, field(0x0a, Buffer.alloc(32, 1)), hex("2008 2888808000"), unknown],
      ...[
        field(0x12, Buffer.from("payload")),
        field(0x0a, Buffer.alloc(32, 2)),
        hex("38808080808001"),
      ],
    );
    const contextOf = (...parts: readonly Uint8Array[]): Buffer => field(0x12, ...parts);
    const [name, one, two] = ["name", "job_1", "job_2"].map((text) => Buffer.from(text));
    const contexts = [
      contextOf(field(0x1a, name!), field(0x12, one!), unknown),
      contextOf(field(0x1a, name!), unknown, field(0x12, two!)),
      contextOf(field(0x12, one!), field(0x1a, name!), field(0x12, two!)),
      contextOf(field(0x1a, name!)),
      contextOf(),
    ];
    const assign = field(0x12, assigned, hex("08ffffffff7f 0805"), ...contexts, unknown, assigned);
    const settled = field(
      0x1a,
      field(0x0a, field(0x12, hex("0a00")), field(0x0a, Buffer.alloc(32, 3)), unknown),
      field(0x0a, field(0x0a, Buffer.alloc(5)), field(0x12, hex("1200")), field(0x12, hex("0a00"))),
      unknown,
      field(0x0a),
    );
    for (const message of [assign, settled]) {
      for (const own of [[message], [unknown, message], [settled, assign], [message, unknown]]) {
        const bytes = Buffer.concat([unknown, field(0x0a, ...own), field(0x0a, ...own)]);
        assert.deepEqual(
          read(bytes),
          PullTasksResponse.decode(bytes).messages.map(fromMessage).map(plain),
        );
      }
    }
  });

  it("share what contexts have in common, and copy tasks out of the frame", () => {
    const contexts = ["job_1", "job_2"].map((jobId) => AssignContext.create({ jobId, stage: "x" }));
    const payload = Buffer.alloc(9_000, 1);
    const tasks = [0, 1, 2].map((index) =>
      AssignedTask.create({ token: Buffer.alloc(32, index), payload, index }),
    );
    const value = { sequence: 1, contexts, tasks };
    const messages = [{ message: { $case: "assign" as const, value } }];
    const frame = Buffer.from(PullTasksResponse.encode({ messages }).finish());
    const [said] = decodeFrame(frame, new ContextReader());
    assert.ok(said?.kind === "assign");
    assert.equal(said.contexts[0]?.shared, said.contexts[1]?.shared);
    assert.deepEqual(
      said.contexts.map(({ jobId }) => jobId),
      ["job_1", "job_2"],
    );
    frame.fill(0);
    assert.deepEqual(
      said.tasks.map((assigned) => [bytesOf(assigned)[0], assigned.payload.equals(payload)]),
      [0, 1, 2].map((index) => [index, true]),
    );
  });

  it("are refused, or read to some end, when they are cut or changed", () => {
    let refused = 0;
    fc.assert(
      fc.property(frame, fc.nat(), fc.nat(255), (frame, at, byte) => {
        const changed = Buffer.from(frame);
        if (changed.length > 0) changed[at % changed.length] = byte;
        for (const bytes of [changed, frame.subarray(0, at % (frame.length + 1))]) {
          try {
            decodeFrame(bytes, new ContextReader());
          } catch (error) {
            assert.ok(error instanceof Error);
            refused += 1;
          }
        }
      }),
      { numRuns: 500 },
    );
    assert.ok(refused > 100);
  });
});

describe("the book of leases", () => {
  it("tells leases apart whose keys are the same", () => {
    let emptied = 0;
    const book = new LeaseBook(new TokenTable(), () => (emptied += 1));
    const leases = Array.from({ length: 4 }, () => leaseOf({ key: 0 }));
    // All under one key, as if their hashes had met: they are found by walking, not by hash.
    for (const lease of leases) book.add(lease);
    for (const lease of leases) {
      const { view, at, length } = lease.task;
      assert.equal(book.find(0, view, at, length), lease);
    }
    assert.deepEqual(new Set(book.values()), new Set(leases));
    for (const place of [1, 3, 0, 2]) {
      const lease = leases[place]!;
      book.remove(lease);
      book.remove(lease);
      assert.ok(![...book.values()].includes(lease));
    }
    assert.deepEqual([book.size, emptied], [0, 1]);
  });
});
