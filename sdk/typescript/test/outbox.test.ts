import assert from "node:assert/strict";
import { PullTasksRequest } from "@capstan/proto/capstan/v1/master_service.js";
import {
  completedEntry,
  emptyCompleted,
  emptyCompletedBytes,
  entryOf,
  maxFrameBytes,
  returnedEntry,
  writeCompleted,
} from "../src/worker/frames.js";
import type { Lease } from "../src/worker/lease.js";
import { Outbox, type FrameSink } from "../src/worker/outbox.js";
import { TokenTable } from "../src/worker/token-table.js";
import { viewOf } from "../src/worker/token.js";
import { leaseOf, placeOf } from "./support/leases.js";
import { tokenOf } from "./support/scripted-master.js";

class Sink implements FrameSink {
  readonly frames: Buffer[] = [];
  takes = Infinity;

  write(frame: Buffer): boolean {
    this.frames.push(frame);
    this.takes -= 1;
    return this.takes > 0;
  }

  said(): string[] {
    return this.frames.flatMap((frame) =>
      PullTasksRequest.decode(frame).messages.map(({ message }) => message?.$case ?? "nothing"),
    );
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function running(): Lease {
  const lease = leaseOf();
  lease.start(1);
  return lease;
}

describe("the outbox", () => {
  it("puts what one turn says in one frame", async () => {
    const outbox = new Outbox();
    const sink = new Sink();
    outbox.open(sink);
    // What ended well and put out nothing is said of its lease; the others bring an entry.
    for (let n = 0; n < 250; n++) {
      outbox.push(leaseOf());
      outbox.push(completedEntry(placeOf(tokenOf()), [], n, []));
    }
    assert.equal(sink.frames.length, 0);
    await turn();
    assert.equal(sink.frames.length, 1);
    assert.equal(sink.said().length, 500);
  });

  it("never makes a frame larger than the protocol allows, and keeps the order", async () => {
    const outbox = new Outbox();
    const sink = new Sink();
    outbox.open(sink);
    const sizes = [200_000, 262_144, 1, 262_144, 262_144, 262_144, 5, 200_000];
    for (const size of sizes) {
      const inline = { $case: "inline" as const, value: Buffer.alloc(size) };
      const outputs = [{ partition: 0, value: inline }];
      outbox.push(completedEntry(placeOf(tokenOf()), outputs, undefined, []));
    }
    await turn();
    assert.ok(sink.frames.length > 1);
    assert.ok(sink.frames.every((frame) => frame.byteLength <= maxFrameBytes));
    const seen = sink.frames.flatMap((frame) =>
      PullTasksRequest.decode(frame).messages.map(({ message }) => {
        const value = message?.$case === "completed" ? message.value.outputs[0]?.value : undefined;
        return value?.$case === "inline" ? value.value.byteLength : -1;
      }),
    );
    assert.deepEqual(seen, sizes);
  });

  it("holds what it has while the link takes no more", async () => {
    const outbox = new Outbox();
    const sink = new Sink();
    sink.takes = 1;
    outbox.open(sink);
    outbox.push(entryOf({ $case: "received", value: { throughSequence: 1 } }));
    await turn();
    assert.equal(outbox.isBlocked, true);
    outbox.push(entryOf({ $case: "received", value: { throughSequence: 2 } }));
    await turn();
    assert.equal(sink.frames.length, 1);
    sink.takes = Infinity;
    outbox.resume();
    assert.equal(sink.frames.length, 2);
  });

  it("forgets what was not sent when the session ends: what counts is said again", async () => {
    const outbox = new Outbox();
    outbox.open(new Sink());
    outbox.push(returnedEntry(tokenOf(), "recalled"));
    outbox.close();
    const sink = new Sink();
    outbox.open(sink);
    await turn();
    assert.deepEqual(sink.frames, []);
  });

  it("says of a burst of progress the newest alone, and nothing of a lease that has ended", async () => {
    const outbox = new Outbox();
    const sink = new Sink();
    outbox.open(sink);
    const [a, b] = [running(), running()];
    for (const lease of [a, b]) {
      for (const fraction of [0.1, 0.2, 0.3]) {
        lease.tell().fraction = fraction;
        outbox.tell(lease, false);
      }
    }
    outbox.forget(b);
    await turn();
    assert.deepEqual(sink.said(), ["progress"]);
    a.tell().fraction = 0.9;
    outbox.tell(a, false);
    await turn();
    assert.deepEqual(sink.said(), ["progress"], "not again so soon");
    a.tell().checkpoint = Buffer.from("x");
    outbox.tell(a, true);
    await turn();
    assert.deepEqual(sink.said(), ["progress", "progress"], "a checkpoint does not wait");
    outbox.close();
  });
});

describe("an empty completion", () => {
  it("is the same bytes as the encoder makes", () => {
    const token = tokenOf();
    const value = { token, outputs: [], recordCount: undefined, failedRecords: [] };
    const encoded = entryOf({ $case: "completed", value });
    assert.equal(completedEntry(placeOf(token), [], undefined, []), emptyCompleted);
    const written = Buffer.alloc(emptyCompletedBytes);
    writeCompleted(placeOf(token), viewOf(written), 0);
    assert.deepEqual(written, Buffer.from(encoded));
  });
});

describe("the table of tokens", () => {
  it("gives the heartbeat thread what is held, and nothing else", () => {
    const table = new TokenTable();
    const thread = new TokenTable(table.memory);
    const tokens = [tokenOf(), tokenOf(), tokenOf()];
    const places = tokens.map((token) => table.put(placeOf(token)));
    table.clear(places[1]!);
    assert.deepEqual(thread.tokens(), [tokens[0], tokens[2]]);
    const next = tokenOf();
    assert.equal(table.put(placeOf(next)), places[1]);
    assert.deepEqual(thread.tokens(), [tokens[0], next, tokens[2]]);
    assert.equal(table.put(placeOf(Buffer.alloc(3))), -1);
    table.leaseTermMs = 600;
    table.pinged();
    assert.equal(thread.leaseTermMs, 600);
    assert.ok(thread.sincePingMs() < 1_000);
  });
});
