import assert from "node:assert/strict";
import { PullTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import {
  AssignContext,
  AssignedTask,
  type MasterMessage,
} from "@capstan/proto/capstan/v1/session.js";
import fc from "fast-check";
import { decodeFrame } from "../src/worker/decode-frame.js";
import { LeaseBook } from "../src/worker/lease-book.js";
import { Lease } from "../src/worker/lease.js";
import { Ledger } from "../src/worker/ledger.js";
import { TokenTable } from "../src/worker/token-table.js";
import { PullTasksResponseLike } from "./support/contract.js";
import { tokenOf } from "./support/scripted-master.js";

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
        contexts: fc.array(fc.constant(AssignContext.create({ jobId: "job_1", stage: "main" })), {
          maxLength: 2,
        }),
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

describe("frames read by hand", () => {
  it("are what the generated code reads", () => {
    fc.assert(
      fc.property(frame, (frame) => {
        assert.deepEqual(decodeFrame(frame), PullTasksResponse.decode(frame).messages);
      }),
      { numRuns: 500 },
    );
    for (const odd of [PullTasksResponseLike.unknownArm(), PullTasksResponseLike.noArm()]) {
      const bytes = Buffer.from(odd);
      assert.deepEqual(decodeFrame(bytes), PullTasksResponse.decode(bytes).messages);
    }
  });

  it("are refused, or read to some end, when they are cut or changed", () => {
    let refused = 0;
    fc.assert(
      fc.property(frame, fc.nat(), fc.nat(255), (frame, at, byte) => {
        const changed = Buffer.from(frame);
        if (changed.length > 0) changed[at % changed.length] = byte;
        for (const bytes of [changed, frame.subarray(0, at % (frame.length + 1))]) {
          try {
            decodeFrame(bytes);
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
    const demand = new Ledger([]).demand([]);
    const stage = { context: AssignContext.create(), demand, registration: undefined };
    const leases = Array.from({ length: 4 }, () => {
      const token = tokenOf();
      return new Lease(0, AssignedTask.create({ token }), stage, demand, 0);
    });
    // All under one key, as if their hashes had met: they are found by walking, not by hash.
    for (const lease of leases) book.add(lease);
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
