import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Edge } from "./support/edge.js";
import { TestWorker } from "./support/test-worker.js";

const grpcurl = process.env["CAPSTAN_GRPCURL"];

describe("grpcurl, with no .proto at hand", () => {
  let edge: Edge;

  before(async function () {
    if (grpcurl === undefined) {
      if (process.env["CI"] !== undefined)
        throw new Error("CAPSTAN_GRPCURL must name a grpcurl in CI");
      console.error("      SKIPPED: set CAPSTAN_GRPCURL to a grpcurl (npm test builds one)");
      this.skip();
    }
    edge = await Edge.start();
  });

  after(() => (grpcurl === undefined ? undefined : edge.close()));

  /** @param words flags first, then what to do */
  async function run(flags: readonly string[], ...words: string[]): Promise<string> {
    const args = ["-plaintext", "-max-time", "10", ...flags, edge.server.address, ...words];
    return (await promisify(execFile)(grpcurl ?? "", args)).stdout;
  }

  it("lists the services and their methods", async () => {
    const services = (await run([], "list")).trim().split("\n");
    for (const service of ["MasterService", "FailureService", "OperatorService"]) {
      assert(services.includes(`capstan.v1.${service}`), service);
    }
    assert(services.includes("grpc.health.v1.Health"));
    assert.match(
      await run([], "list", "capstan.v1.MasterService"),
      /capstan\.v1\.MasterService\.SubmitJob/,
    );
  });

  it("describes services, methods, maps, oneofs and well-known types", async () => {
    assert.match(await run([], "describe", "capstan.v1.MasterService"), /rpc PullTasks \( stream/);
    assert.match(await run([], "describe", "capstan.v1.JobSpec"), /map<string, string> labels/);
    assert.match(await run([], "describe", "capstan.v1.OnTaskFailure"), /oneof policy/);
    assert.match(
      await run([], "describe", "capstan.v1.Job"),
      /google\.protobuf\.Timestamp created_at/,
    );
    assert.match(
      await run([], "describe", "capstan.v1.SubmitJobResult"),
      /google\.rpc\.Status error/,
    );
    assert.match(
      await run(["-msg-template"], "describe", "capstan.v1.SubmitJobRequest"),
      /"moreToUpload"/,
    );
  });

  it("submits a job, reads it back and lists its task", async () => {
    const job = {
      name: "hello",
      labels: { from: "grpcurl" },
      stages: [{ taskType: "greet", tasks: [{ payload: Buffer.from("hi").toString("base64") }] }],
    };
    const submitted = JSON.parse(
      await run(["-d", JSON.stringify({ job })], "capstan.v1.MasterService/SubmitJob"),
    ) as { jobId: string; state: string };
    assert.equal(submitted.state, "JOB_STATE_RUNNING");
    const { jobId } = submitted;
    const read = JSON.parse(
      await run(["-d", JSON.stringify({ jobId })], "capstan.v1.MasterService/GetJob"),
    ) as { job: { name: string; labels: object; createdAt: string } };
    assert.deepEqual([read.job.name, read.job.labels], ["hello", { from: "grpcurl" }]);
    assert(Date.parse(read.job.createdAt) > 0);
    const listed = JSON.parse(
      await run(["-d", JSON.stringify({ jobId })], "capstan.v1.MasterService/ListTasks"),
    ) as { tasks: { taskId: string }[] };
    assert.deepEqual(
      listed.tasks.map(({ taskId }) => taskId),
      [`${jobId}/main/0`],
    );
  });

  it("shows a refusal with its details", async () => {
    const wrong = JSON.stringify({ job: { name: "no name", stages: [{ taskType: "t" }] } });
    await assert.rejects(
      run(["-d", wrong], "capstan.v1.MasterService/SubmitJob"),
      (error: unknown) => {
        const { stderr } = error as { stderr: string };
        assert.match(stderr, /Code: InvalidArgument/);
        assert.match(stderr, /"reason": "INVALID_FIELD"/);
        assert.match(stderr, /"field": "job\.name"/);
        return true;
      },
    );
  });

  it("lists workers, asks how the master is, and whether it serves", async () => {
    await TestWorker.register(edge.engine, { workerId: "w1" });
    const { workers } = JSON.parse(await run([], "capstan.v1.OperatorService/ListWorkers")) as {
      workers: { workerId: string; capacity: object[] }[];
    };
    assert.deepEqual(
      workers.map(({ workerId, capacity }) => [workerId, capacity]),
      [["w1", [{ name: "slots", milli: "4000" }]]],
    );
    assert.match(await run([], "capstan.v1.OperatorService/GetMaster"), /MASTER_ROLE_LEADER/);
    assert.match(await run([], "grpc.health.v1.Health/Check"), /"status": "SERVING"/);
  });
});
