import assert from "node:assert/strict";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { Failure, FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { Job, JobState } from "@capstan/proto/capstan/v1/job.js";
import {
  CancelJobRequest,
  CancelJobResponse,
  GetTaskResponse,
  ListJobsRequest,
  ListJobsResponse,
  ListTasksResponse,
  ReadOutputsRequest,
  ReadOutputsResponse,
  WatchJobResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import {
  GetMasterResponse,
  ListWorkersResponse,
} from "@capstan/proto/capstan/v1/operator_service.js";
import {
  Client,
  JobCancelledError,
  JobFailedError,
  NotFoundError,
  type JobProgress,
} from "../src/index.js";
import { drained, Fixtures, type Unary } from "./support/fixtures.js";
import { errorOf, status } from "./support/scripted-master.js";

const fixtures = new Fixtures();
afterEach(() => fixtures.close());

type StreamScript = (call: ServerDuplexStream<Buffer, Buffer>, request: Buffer) => void;

const master = "/capstan.v1.MasterService/";
const operator = "/capstan.v1.OperatorService/";

async function clientOf(
  unary: Record<string, Unary>,
  streams: Record<string, StreamScript> = {},
): Promise<Client> {
  const scripted = await fixtures.master(unary, streams);
  const client = new Client({ address: scripted.address, retryForMs: 2_000 });
  fixtures.after(() => client.close());
  return client;
}

const bytes = (message: { finish(): Uint8Array }): Buffer => Buffer.from(message.finish());

function news(state: JobState, more: Partial<Job> = {}): Buffer {
  const job = Job.create({
    jobId: "job_1",
    name: "j",
    state,
    counts: { total: 4, succeeded: 2 },
    stages: [
      { name: "map", partitions: 2 },
      { name: "reduce", dependsOn: [{ stage: "map", kind: 2 }], partitions: 1 },
    ],
    ...more,
  });
  const progress = { job, running: [], tasksPerSecond: 1.5 };
  return bytes(WatchJobResponse.encode({ news: { $case: "progress", value: progress } }));
}

const { JOB_STATE_RUNNING, JOB_STATE_SUCCEEDED, JOB_STATE_FAILED, JOB_STATE_CANCELLED } = JobState;

describe("watch", () => {
  it("tells how the job stands until it has ended, over breaks and early ends of the stream", async () => {
    let calls = 0;
    const client = await clientOf(
      {},
      {
        [`${master}WatchJob`]: (call) => {
          calls += 1;
          if (calls === 1) {
            call.write(news(JOB_STATE_RUNNING));
            call.emit("error", errorOf(status.UNAVAILABLE, "STOPPING"));
          } else if (calls === 2) {
            call.end();
          } else {
            call.write(news(JOB_STATE_RUNNING));
            call.write(news(JOB_STATE_SUCCEEDED));
            call.end();
          }
        },
      },
    );
    const seen: JobProgress[] = [];
    for await (const progress of client.watch("job_1")) seen.push(progress);
    assert.deepEqual(
      seen.map(({ job }) => job.state),
      ["running", "running", "succeeded"],
    );
    assert.equal(seen[0]?.job.counts.succeeded, 2);
    assert.deepEqual(seen[0]?.job.stages[1]?.dependsOn, [{ stage: "map", kind: "partition" }]);
    assert.equal(calls, 3);
  });

  it("throws what does not get better, and the reason of its signal", async () => {
    const client = await clientOf(
      {},
      {
        [`${master}WatchJob`]: (call, request) => {
          if (request.includes("job_2")) call.write(news(JOB_STATE_RUNNING));
          else call.emit("error", errorOf(status.NOT_FOUND, "JOB_NOT_FOUND"));
        },
      },
    );
    await assert.rejects(async () => {
      await drained(client.watch("job_1"));
    }, NotFoundError);
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const { job } of client.watch("job_2", { signal: controller.signal })) {
        assert.equal(job.state, "running");
        controller.abort(new Error("seen enough"));
      }
    }, /seen enough/);
  });
});

describe("waitForJob", () => {
  const watching = (last: Buffer): Record<string, StreamScript> => ({
    [`${master}WatchJob`]: (call) => {
      call.write(news(JOB_STATE_RUNNING));
      call.write(last);
      call.end();
    },
  });

  it("gives the result, with the outputs of the last stage", async () => {
    let asked: ReadOutputsRequest | undefined;
    const client = await clientOf(
      {},
      {
        ...watching(news(JOB_STATE_SUCCEEDED)),
        [`${master}ReadOutputs`]: (call, request) => {
          asked = ReadOutputsRequest.decode(request);
          call.end();
        },
      },
    );
    let last: JobProgress | undefined;
    const result = await client.waitForJob("job_1", { onProgress: (news) => (last = news) });
    assert.equal(result.job.state, "succeeded");
    assert.equal(last?.job.state, "succeeded");
    await drained(result.outputs());
    assert.equal(asked?.stage, "reduce");
  });

  it("throws the failures of a job that failed, the deciding one first", async () => {
    const failure = (message: string): Failure =>
      Failure.create({ kind: FailureKind.FAILURE_KIND_ERROR, type: "E", message, workerId: "w" });
    const list = ListTasksResponse.create({
      tasks: ["b", "a"].map((message) => ({ lastFailure: failure(message) })),
    });
    const client = await clientOf(
      { [`${master}ListTasks`]: () => bytes(ListTasksResponse.encode(list)) },
      watching(news(JOB_STATE_FAILED, { failure: failure("a") })),
    );
    await assert.rejects(client.waitForJob("job_1"), (error) => {
      assert.ok(error instanceof JobFailedError);
      assert.match(error.message, /job_1 \(j\) failed: E: a/);
      assert.deepEqual(
        error.failures.map(({ message }) => message),
        ["a", "b"],
      );
      return true;
    });
  });

  it("throws that a job was cancelled, and why", async () => {
    const client = await clientOf({}, watching(news(JOB_STATE_CANCELLED, { note: "wrong input" })));
    await assert.rejects(client.waitForJob("job_1"), (error) => {
      assert.ok(error instanceof JobCancelledError);
      assert.equal(error.job.note, "wrong input");
      return true;
    });
  });
});

describe("outputs", () => {
  it("gives each output once, going on by the cursor after a break", async () => {
    const cursors: string[] = [];
    const page = (from: number, to: number): Buffer => {
      const outputs = [];
      for (let taskIndex = from; taskIndex < to; taskIndex++) {
        const inline = {
          $case: "inline" as const,
          value: Buffer.from(JSON.stringify({ taskIndex })),
        };
        outputs.push({
          taskIndex,
          attempt: 1,
          generation: 1,
          output: { partition: 2, value: inline },
        });
      }
      const cursor = Buffer.from(String(to));
      return bytes(ReadOutputsResponse.encode(ReadOutputsResponse.create({ outputs, cursor })));
    };
    const client = await clientOf(
      {},
      {
        [`${master}ReadOutputs`]: (call, bytes) => {
          const request = ReadOutputsRequest.decode(bytes);
          assert.deepEqual(
            [request.stage, request.partition, request.taskIndex],
            ["map", 2, undefined],
          );
          const from = Number(request.cursor.toString() || 0);
          cursors.push(request.cursor.toString());
          call.write(page(from, from + 2));
          if (from < 4) call.emit("error", errorOf(status.UNAVAILABLE, "STOPPING"));
          else call.end();
        },
      },
    );
    const values: unknown[] = [];
    for await (const output of client.outputs("job_1", { stage: "map", partition: 2 })) {
      assert.equal(output.partition, 2);
      values.push(output.value<{ taskIndex: number }>().taskIndex);
    }
    assert.deepEqual(values, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(cursors, ["", "2", "4"]);
  });

  it("gives references as they are, and stops the stream when the loop is left", async () => {
    let cancelled!: () => void;
    const stopped = new Promise<void>((resolve) => (cancelled = resolve));
    const client = await clientOf(
      {},
      {
        [`${master}ReadOutputs`]: (call) => {
          const ref = { uri: "s3://b/x", sizeBytes: 7n, hosts: ["h1"] };
          const output = { partition: 0, value: { $case: "ref" as const, value: ref } };
          call.on("cancelled", cancelled);
          const outputs = [{ taskIndex: 0, attempt: 1, generation: 1, output }];
          call.write(bytes(ReadOutputsResponse.encode({ outputs, cursor: Buffer.alloc(0) })));
        },
      },
    );
    for await (const output of client.outputs("job_1")) {
      assert.deepEqual(output.reference, { uri: "s3://b/x", sizeBytes: 7, hosts: ["h1"] });
      assert.equal(output.value(), undefined);
      break;
    }
    await stopped;
  });
});

describe("reading and cancelling", () => {
  it("asks for what it was told, and gives plain values back", async () => {
    let listed: ListJobsRequest | undefined;
    let cancelled: CancelJobRequest | undefined;
    const createdAt = { seconds: 1_700_000_000n, nanos: 5_000_000 };
    const client = await clientOf({
      [`${master}ListJobs`]: (request) => {
        listed = ListJobsRequest.decode(request);
        const jobs = [Job.create({ jobId: "job_9", state: 77 as JobState, createdAt })];
        return bytes(ListJobsResponse.encode({ jobs, nextPageToken: "next" }));
      },
      [`${master}CancelJob`]: (request) => {
        cancelled = CancelJobRequest.decode(request);
        const state = JobState.JOB_STATE_CANCELLING;
        return bytes(CancelJobResponse.encode({ state, stillRunning: 3 }));
      },
      [`${master}GetTask`]: () =>
        bytes(
          GetTaskResponse.encode(
            GetTaskResponse.create({
              task: { taskId: "job_1/main/0", state: 5, lastFailure: { message: "x" } },
              deliveries: [{ delivery: 1, end: 2, charge: 2 }],
              content: { payload: Buffer.from("p"), demand: [{ name: "cpu", milli: 1_500n }] },
            }),
          ),
        ),
      [`${operator}ListWorkers`]: () =>
        bytes(
          ListWorkersResponse.encode(
            ListWorkersResponse.create({
              workers: [
                { workerId: "w", connection: 1, capacity: [{ name: "slots", milli: 4_000n }] },
              ],
            }),
          ),
        ),
      [`${operator}GetMaster`]: () =>
        bytes(
          GetMasterResponse.encode(
            GetMasterResponse.create({
              version: "0.1.0",
              role: 1,
              limits: { "task.content.bytes": 1n },
            }),
          ),
        ),
    });
    const jobs = await client.listJobs({
      states: ["running"],
      name: "j",
      labels: { a: "b" },
      pageSize: 5,
    });
    assert.deepEqual(listed?.states, [JobState.JOB_STATE_RUNNING]);
    assert.deepEqual(listed?.labels, { a: "b" });
    assert.equal(listed?.page?.pageSize, 5);
    assert.equal(jobs.nextPageToken, "next");
    const [job] = jobs.items;
    assert.equal(job?.state, "unknown");
    assert.equal(job?.createdAt?.toISOString(), "2023-11-14T22:13:20.005Z");
    assert.doesNotThrow(() => JSON.stringify(jobs));

    const answer = await client.cancel("job_1", { note: "by hand" });
    assert.deepEqual(answer, { state: "cancelling", stillRunning: 3 });
    assert.equal(cancelled?.note, "by hand");

    const detail = await client.getTask("job_1/main/0", { includeContent: true });
    assert.equal(detail.task.state, "running");
    assert.equal(detail.task.lastFailure?.message, "x");
    assert.deepEqual(
      [detail.deliveries[0]?.end, detail.deliveries[0]?.charge],
      ["failed", "attempt"],
    );
    assert.deepEqual(detail.content?.demand, { cpu: 1.5 });

    const [worker] = (await client.listWorkers()).items;
    assert.deepEqual([worker?.connection, worker?.capacity], ["connected", { slots: 4 }]);
    const info = await client.getMaster();
    assert.deepEqual([info.role, info.limits["task.content.bytes"]], ["leader", 1]);
  });
});

describe("a handler that reads another stage", () => {
  it("reads its own partition, with the worker's link beside the stream", async () => {
    let asked: ReadOutputsRequest | undefined;
    const scripted = await fixtures.master(
      {},
      {
        [`${master}ReadOutputs`]: (call, request) => {
          asked = ReadOutputsRequest.decode(request);
          const value = { $case: "inline" as const, value: Buffer.from("7") };
          const output = { partition: 3, value };
          const outputs = [{ taskIndex: 0, attempt: 1, generation: 1, output }];
          call.write(bytes(ReadOutputsResponse.encode({ outputs, cursor: Buffer.alloc(0) })));
          call.end();
        },
      },
    );
    const worker = fixtures.worker(scripted);
    worker.handle("t", async (_task, context) => {
      let sum = 0;
      for await (const output of context.readPartition()) sum += output.value<number>();
      return sum;
    });
    void worker.run();
    const { session } = await scripted.registered();
    const upstream = [{ stage: "map", kind: 2, taskCount: 1, partitions: 4 }];
    session.assignOf({ upstream, stage: "reduce" }, { index: 3 });
    const { outputs } = await session.expect("completed");
    const [first] = outputs;
    assert.equal(first?.value?.$case === "inline" && first.value.value.toString(), "7");
    assert.deepEqual([asked?.stage, asked?.partition, asked?.taskIndex], ["map", 3, undefined]);
  });

  it("is refused a stage that the task does not read", async () => {
    const scripted = await fixtures.master();
    const worker = fixtures.worker(scripted);
    worker.handle("t", (_task, context) => void context.readPartition("other"));
    void worker.run();
    const { session } = await scripted.registered();
    session.assign({});
    assert.equal((await session.expect("failed")).failure?.type, "RangeError");
  });
});
