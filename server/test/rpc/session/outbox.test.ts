import assert from "node:assert/strict";
import { PullTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { AssignmentView, LeaseToken } from "../../../src/core/index.js";
import { ContextCache } from "../../../src/rpc/session/assign-encoder.js";
import { Outbox } from "../../../src/rpc/session/outbox.js";
import { WireWriter } from "../../../src/rpc/wire/wire-writer.js";
import { kind, spec } from "../../journal/entry/samples.js";
import { Bench } from "./support/bench.js";
import { turn } from "./support/test-clock.js";

const token = (lease: number): LeaseToken => ({
  ...{ epoch: 1, job: 0, task: lease, delivery: 1, drawHigh: 0, drawLow: 0 },
  lease,
});

const context = {
  ...{ namespace: spec.namespace, jobId: "job_1", jobName: spec.name },
  ...{ spec, stageName: "main", partitions: 1, kind, reads: [] },
};

/** An assignment whose bytes nobody has. */
const lost: AssignmentView = {
  ...{ kind: "assign", context, index: 0, generation: 1, attempt: 1, ahead: false, level: 0 },
  ...{ body: 999_999, bodyBytes: 10, recordCount: 0, checkpoint: 0, previousFailure: undefined },
  ...token(1),
};

describe("what waits to be told to a worker", () => {
  it("goes out with the same flush when an assignment before it cannot be sent", async () => {
    const bench = await Bench.open();
    const frames: PullTasksResponse[] = [];
    const unsendable: number[] = [];
    const writer = new WireWriter();
    // Of a session that threw in the middle of its frame.
    writer.bytes(10, Buffer.from("left behind"));
    const outbox = new Outbox({
      engine: bench.engine,
      clock: bench.clock,
      writer,
      contexts: new ContextCache(),
      events: {
        write: (frame) => frames.push(PullTasksResponse.decode(frame)) > 0,
        assigned: () => assert.fail("nothing could be assigned"),
        unsendable: ({ lease }) => unsendable.push(lease),
        unsent: () => undefined,
        flushed: () => undefined,
      },
    });
    outbox.notify([lost, { kind: "cancel", token: token(2), reason: "lease_lost" }]);
    await turn();
    await turn();
    const told = frames.flatMap(({ messages }) => messages.map(({ message }) => message?.$case));
    assert.deepEqual([told, unsendable], [["cancel"], [1]]);
    assert(outbox.isEmpty);
    await bench.engine.close();
  });
});
