import assert from "node:assert/strict";
import { FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { PullTasksRequest } from "@capstan/proto/capstan/v1/master_service.js";
import {
  CancelRequested,
  DeadlineExceeded,
  Draining,
  jsonCodec,
  LeaseLost,
  TimedOut,
  type TaskAborted,
} from "../src/index.js";
import { failureOf } from "../src/worker/failure.js";
import type { Lease } from "../src/worker/lease.js";
import { reportOfError, reportOfValue, type Report } from "../src/worker/reports.js";
import { leaseOf as arrived } from "./support/leases.js";

function leaseOf(reason: TaskAborted | undefined, isTakenAway: boolean): Lease {
  const lease = arrived();
  lease.start(1);
  if (reason !== undefined) lease.abort(reason);
  lease.isTakenAway = isTakenAway;
  return lease;
}

/** What a report says, in a word: its arm, and the kind of a failure. */
function wordOf({ entry }: Report): string {
  const [message] = PullTasksRequest.decode(entry).messages;
  const said = message?.message;
  if (said?.$case !== "failed") return said?.$case ?? "nothing";
  const kind = FailureKind[said.value.failure?.kind ?? 0] ?? "";
  return kind.slice("FAILURE_KIND_".length);
}

describe("what is reported when a handler ends", () => {
  const cancel = new CancelRequested("job");
  const table: [string, TaskAborted | undefined, boolean, string, string][] = [
    // told to stop by, reason, taken away by the master, after a value, after a throw
    ["nobody", undefined, false, "completed", "ERROR"],
    ["the master's cancel", cancel, true, "completed", "CANCELLED"],
    ["the loss of its lease", new LeaseLost(), true, "completed", "CANCELLED"],
    ["the master's time-out", new TimedOut(), true, "completed", "CANCELLED"],
    ["its own time-out", new TimedOut(), false, "TIMEOUT", "TIMEOUT"],
    ["its deadline", new DeadlineExceeded(), false, "TIMEOUT", "TIMEOUT"],
    ["a drain", new Draining(), false, "completed", "returned"],
    ["a drain and the master", new Draining(), true, "completed", "CANCELLED"],
  ];
  for (const [who, reason, takenAway, afterValue, afterThrow] of table) {
    it(`told to stop by ${who}: ${afterValue}, or ${afterThrow} if it throws`, () => {
      const byValue = reportOfValue(leaseOf(reason, takenAway), "x", jsonCodec);
      assert.equal(wordOf(byValue), afterValue);
      const byThrow = reportOfError(leaseOf(reason, takenAway), new Error("x"));
      assert.equal(wordOf(byThrow), afterThrow);
    });
  }

  it("shrinks the failures of many records until they fit", () => {
    const lease = leaseOf(undefined, false);
    const told = lease.tell();
    told.failedRecords = new Map(
      Array.from({ length: 1_000 }, (_, index) => {
        const failure = failureOf(new Error("a long message ".repeat(20)));
        return [index, { index, key: Buffer.alloc(0), content: Buffer.alloc(0), failure }];
      }),
    );
    const report = reportOfValue(lease, undefined, jsonCodec);
    assert.equal(wordOf(report), "completed");
    assert.ok(report.entry.byteLength < 200_000);
  });

  it("survives whatever is thrown", () => {
    const hostile = new Proxy(new Error("x"), {
      get() {
        throw new Error("do not look at me");
      },
    });
    for (const thrown of [undefined, null, 0, "text", { a: 1n }, Symbol("s"), hostile]) {
      assert.equal(wordOf(reportOfError(leaseOf(undefined, false), thrown)), "ERROR");
    }
  });
});

describe("a failure", () => {
  it("is cut to its limits at whole characters, its stack in the middle", () => {
    const error = new Error("é".repeat(10_000));
    error.stack = `first\n${"漢".repeat(20_000)}\nlast`;
    const { message, stack } = failureOf(error);
    assert.ok(Buffer.byteLength(message) <= 8_192 && !message.includes("\ufffd"));
    assert.ok(Buffer.byteLength(stack) <= 32_768 && !stack.includes("\ufffd"));
    assert.match(stack, /^first\n/);
    assert.match(stack, /\nlast$/);
  });

  it("follows causes without going round in circles", () => {
    const a = new Error("a");
    const b = new Error("b", { cause: a });
    a.cause = b;
    assert.deepEqual(
      failureOf(a).causes.map(({ message }) => message),
      ["b"],
    );
    const many = new AggregateError([new TypeError("one"), new Error("two")], "several");
    assert.equal(failureOf(many).causes[0]?.type, "TypeError");
  });

  it("names the class, also where it does not name itself", () => {
    class Plain extends Error {}
    class Named extends Error {
      override name = "SpecialName";
    }
    assert.equal(failureOf(new Plain("x")).type, "Plain");
    assert.equal(failureOf(new Named("x")).type, "SpecialName");
    assert.equal(failureOf(new Error("x")).type, "Error");
    assert.equal(failureOf("x").type, "string");
  });
});
