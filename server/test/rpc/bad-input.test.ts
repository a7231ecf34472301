import assert from "node:assert/strict";
import { CancelJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import type { World } from "./support/bad-input.js";
import { badInputs } from "./support/bad-input.js";
import { call, Calls } from "./support/calls.js";
import { Edge, refusalOf } from "./support/edge.js";

describe("bad input", () => {
  let edge: Edge;
  let world: World;
  let untouched: unknown;

  before(async () => {
    edge = await Edge.start();
    const calls = new Calls(edge);
    const { jobId: uploading } = await calls.submit({
      job: {
        name: "uploading",
        stages: [
          { taskType: "noop", tasks: [{}, {}] },
          { name: "second", taskType: "noop" },
        ],
      },
      moreToUpload: true,
    });
    const { jobId: running } = await calls.submit({
      job: { name: "running", stages: [{ taskType: "noop", partitions: 2, tasks: [{}, {}] }] },
    });
    const { jobId: cancelled } = await calls.submit({
      job: { name: "cancelled", stages: [{ taskType: "noop" }] },
      moreToUpload: true,
    });
    const { master } = edge;
    await call(master, master.cancelJob, CancelJobRequest.fromPartial({ jobId: cancelled }));
    world = { uploading, running, cancelled, unknown: `job_${"0".repeat(26)}` };
    while ((await calls.job(cancelled)).finishedAt === undefined) await edge.engine.read(() => {});
    untouched = await edge.digest();
  });

  after(() => edge.close());

  for (const { what, send, code, reason, fields, facts } of badInputs) {
    it(`${what}: ${code} ${reason}, and nothing changes`, async () => {
      const refused = await refusalOf(send(edge, world));
      assert.deepEqual([refused.code, refused.reason], [code, reason], refused.message);
      if (fields !== undefined) assert.deepEqual(refused.fields, fields);
      for (const [name, value] of Object.entries(facts ?? {})) {
        assert.equal(refused.facts[name], value, `${name} of ErrorInfo`);
      }
      assert.deepEqual(await edge.digest(), untouched);
    });
  }

  it("leaves no bug in the log", () => {
    assert.deepEqual(edge.logged, []);
  });
});
