import assert from "node:assert/strict";
import { DependencyKind } from "@capstan/proto/capstan/v1/common.js";
import type { ReadOutputsResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { ReadOutputsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { Calls } from "./support/calls.js";
import { Edge, refusalOf } from "./support/edge.js";
import { TestWorker } from "./support/test-worker.js";

/** What was read, as `task/partition=bytes`. */
function shown(messages: readonly ReadOutputsResponse[]): string[] {
  return messages.flatMap(({ outputs }) =>
    outputs.map(({ taskIndex, output }) => {
      const { value, partition } = output ?? {};
      const text = value?.$case === "inline" ? value.value.subarray(0, 10).toString() : "?";
      return `${taskIndex}/${partition}=${text}`;
    }),
  );
}

describe("reading outputs over gRPC", () => {
  let edge: Edge;
  let calls: Calls;
  let worker: TestWorker;

  beforeEach(async () => {
    edge = await Edge.start();
    calls = new Calls(edge);
    worker = await TestWorker.register(edge.engine);
  });

  afterEach(() => edge.close());

  /** A job of so many tasks, task i putting out what `make` says by partition. */
  async function run(
    count: number,
    partitions: number,
    make: (i: number) => Record<number, Buffer>,
  ) {
    const tasks = Array.from({ length: count }, () => ({}));
    const { jobId } = await calls.submit({
      job: { name: "out", stages: [{ taskType: "noop", partitions, tasks }] },
    });
    for (let i = 0; i < count; i++) {
      const assigned = await worker.next();
      await worker.complete(assigned, make(assigned.index));
    }
    return jobId;
  }

  it("gives them by task, then partition, without the empty ones", async () => {
    const jobId = await run(3, 4, (i) =>
      i === 1 ? {} : { 0: Buffer.from(`a${i}`), 3: Buffer.from(`d${i}`) },
    );
    assert.deepEqual(shown(await calls.outputs({ jobId })), [
      "0/0=a0",
      "0/3=d0",
      "2/0=a2",
      "2/3=d2",
    ]);
    assert.deepEqual(shown(await calls.outputs({ jobId, partition: 3 })), ["0/3=d0", "2/3=d2"]);
    assert.deepEqual(shown(await calls.outputs({ jobId, partition: 1 })), []);
    assert.deepEqual(shown(await calls.outputs({ jobId, taskIndex: 2, partition: 0 })), ["2/0=a2"]);
    const [message] = await calls.outputs({ jobId });
    assert.deepEqual([message?.outputs[0]?.attempt, message?.outputs[0]?.generation], [1, 1]);
  });

  it("keeps each message within its bound, and goes on after any of them", async () => {
    const jobId = await run(12, 2, (i) => ({
      0: Buffer.concat([Buffer.from(`t${i}`), Buffer.alloc(90_000)]),
      1: Buffer.concat([Buffer.from(`u${i}`), Buffer.alloc(90_000)]),
    }));
    const messages = await calls.outputs({ jobId });
    assert(messages.length >= 4, `${messages.length} messages`);
    const whole = shown(messages);
    assert.equal(whole.length, 24);
    for (const [i, { cursor }] of messages.entries()) {
      const rest = shown(await calls.outputs({ jobId, cursor }));
      assert.deepEqual([...shown(messages.slice(0, i + 1)), ...rest], whole);
    }
    const [first] = messages;
    const refused = await refusalOf(
      calls.outputs({ jobId, partition: 0, cursor: first?.cursor ?? Buffer.of() }),
    );
    assert.equal(refused.reason, "CURSOR_INVALID");
  });

  it("gives one task's outputs as soon as it has succeeded, all of a stage once it has ended", async () => {
    const { jobId } = await calls.submit({
      job: { name: "early", stages: [{ taskType: "noop", tasks: [{}, {}] }] },
    });
    const assigned = await worker.next();
    await worker.complete(assigned, { 0: Buffer.from("early") });
    const { index } = assigned;
    assert.deepEqual(shown(await calls.outputs({ jobId, taskIndex: index })), [`${index}/0=early`]);
    assert.equal((await refusalOf(calls.outputs({ jobId }))).reason, "OUTPUT_NOT_READY");
    await worker.complete(await worker.next());
    assert.deepEqual(shown(await calls.outputs({ jobId })), [`${index}/0=early`]);
  });

  it("gives what succeeded of a stage in which others failed", async () => {
    const { jobId } = await calls.submit({
      job: {
        name: "some",
        onTaskFailure: { policy: { $case: "continueJob", value: {} } },
        stages: [{ taskType: "noop", tasks: [{}, {}] }],
      },
    });
    const dead = await worker.next();
    await worker.fail(dead, "Error", false);
    const alive = await worker.next();
    await worker.complete(alive, { 0: Buffer.from("alive") });
    assert.deepEqual(shown(await calls.outputs({ jobId })), [`${alive.index}/0=alive`]);
    assert.equal(
      (await refusalOf(calls.outputs({ jobId, taskIndex: dead.index }))).reason,
      "OUTPUT_NOT_READY",
    );
  });

  it("serves the readers of the next stage while the job goes on", async () => {
    const { jobId } = await calls.submit({
      job: {
        name: "reduce",
        stages: [
          { name: "map", taskType: "noop", partitions: 2, tasks: [{}, {}] },
          {
            name: "reduce",
            taskType: "noop",
            dependsOn: [{ stage: "map", kind: DependencyKind.DEPENDENCY_KIND_PARTITION }],
            tasks: [{}, {}],
          },
        ],
      },
    });
    for (let i = 0; i < 2; i++) {
      const map = await worker.next();
      await worker.complete(map, {
        0: Buffer.from(`p${map.index}`),
        1: Buffer.from(`q${map.index}`),
      });
    }
    assert.equal((await worker.next()).context.stageName, "reduce");
    assert.deepEqual(shown(await calls.outputs({ jobId, stage: "map", partition: 1 })), [
      "0/1=q0",
      "1/1=q1",
    ]);
  });

  it("waits for a slow reader instead of filling memory", async () => {
    const bytes = 250_000;
    const count = 120;
    const jobId = await run(count, 1, () => ({ 0: Buffer.alloc(bytes, "x") }));
    const fetched: number[] = [];
    const { engine } = edge;
    const payload = engine.payload.bind(engine);
    engine.payload = (blob: number) => {
      fetched.push(blob);
      return payload(blob);
    };
    const stream = edge.master.readOutputs(ReadOutputsRequest.fromPartial({ jobId }));
    const arrived = new Promise<void>((resolve) => {
      stream.once("data", () => {
        stream.pause();
        resolve();
      });
    });
    await arrived;
    let before = -1;
    while (before !== fetched.length) {
      before = fetched.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // The client itself takes sixteen messages ahead, of two outputs each.
    assert(
      before < 60,
      `${before} of ${count} outputs were fetched for a reader that reads nothing`,
    );
    let read = 0;
    const ended = new Promise((resolve) => stream.on("end", resolve));
    stream.on("data", ({ outputs }: ReadOutputsResponse) => {
      read += outputs.length;
    });
    stream.resume();
    await ended;
    assert(read >= count - 2, `${read} outputs after the first message`);
  });
});
