import assert from "node:assert/strict";
import { JobState, WarningKind } from "@capstan/proto/capstan/v1/job.js";
import {
  DeliveryEnd,
  LocalityLevel,
  TaskState,
  WaitReason,
} from "@capstan/proto/capstan/v1/task.js";
import { Charge } from "@capstan/proto/capstan/v1/failure.js";
import { ListJobsRequest, SubmitJobsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import {
  GetMasterRequest,
  ListWorkersRequest,
  MasterRole,
  WorkerAdmission,
  WorkerConnection,
} from "@capstan/proto/capstan/v1/operator_service.js";
import { call, Calls } from "./support/calls.js";
import { Edge, refusalOf } from "./support/edge.js";
import { loseWorker, TestWorker } from "./support/test-worker.js";

type ListJobs = Parameters<typeof ListJobsRequest.fromPartial>[0];

describe("lists and reads over gRPC", () => {
  let edge: Edge;
  let calls: Calls;

  beforeEach(async () => {
    edge = await Edge.start();
    calls = new Calls(edge);
  });

  afterEach(() => edge.close());

  const jobs = (request: ListJobs) =>
    call(edge.master, edge.master.listJobs, ListJobsRequest.fromPartial(request));

  const submit = async (name: string, labels: Record<string, string> = {}, namespace = "") =>
    (
      await calls.submit({
        namespace,
        job: { name, labels, stages: [{ taskType: "noop", tasks: [{}] }] },
      })
    ).jobId;

  it("lists tasks as they are read one by one, but for the stack of a failure", async () => {
    const tasks = [{}, {}];
    const job = { name: "read", stages: [{ taskType: "noop", tasks }] };
    const { jobId } = await calls.submit({ job });
    const worker = await TestWorker.register(edge.engine);
    await worker.fail(await worker.next(), "Fatal", false);
    await worker.complete(await worker.next());
    const listed = (await calls.tasks({ jobId })).tasks;
    assert.equal(listed.length, 2);
    for (const one of listed) {
      const { task } = await calls.task({ taskId: one.taskId });
      const { lastFailure } = task ?? {};
      assert.equal(lastFailure?.stack, one.index === 0 ? "at line 1" : undefined);
      assert.deepEqual(one, {
        ...task,
        lastFailure: lastFailure && { ...lastFailure, stack: "" },
      });
    }
  });

  it("shows while it waits again, and runs again, that a task has lost its workers", async () => {
    const jobId = await submit("deadly");
    const taskId = `${jobId}/main/0`;
    for (let lost = 1; lost <= 2; lost++) {
      const worker = await TestWorker.register(edge.engine, { workerId: `victim-${String(lost)}` });
      await worker.next();
      worker.leave();
      await loseWorker(edge.engine, worker.no);
      const { task, deliveries } = await calls.task({ taskId });
      assert.equal(task?.state, TaskState.TASK_STATE_PENDING);
      assert.equal(task.budgetUse?.lost, lost);
      const { warnings } = await calls.job(jobId);
      const losses = warnings.filter(
        ({ kind }) => kind === WarningKind.WARNING_KIND_TASK_LOSES_WORKERS,
      );
      assert.deepEqual(
        losses.map(({ stage, taskType }) => [stage, taskType]),
        lost < 2 ? [] : [["main", "noop"]],
      );
      if (lost >= 2)
        assert.match(losses[0]?.message ?? "", /^the task main\/0 has lost its worker/);
      const last = deliveries.at(-1);
      assert.deepEqual(
        [last?.workerId, last?.end, last?.charge],
        [`victim-${String(lost)}`, DeliveryEnd.DELIVERY_END_WORKER_LOST, Charge.CHARGE_LOST],
      );
    }
    const next = await TestWorker.register(edge.engine);
    await next.next();
    const { task, deliveries } = await calls.task({ taskId });
    assert.equal(task?.state, TaskState.TASK_STATE_LEASED);
    assert.equal(deliveries.length, 3);
  });

  it("lists jobs newest first, by name, state, label and namespace", async () => {
    const first = await submit("a", { team: "blue", env: "x" });
    const second = await submit("b", { team: "blue" });
    const third = await submit("ab", { team: "red" });
    await submit("a", {}, "other");
    const ids = async (request: ListJobs) => (await jobs(request)).jobs.map(({ jobId }) => jobId);
    assert.deepEqual(await ids({}), [third, second, first]);
    assert.deepEqual(await ids({ name: "a" }), [first]);
    assert.deepEqual(await ids({ labels: { team: "blue" } }), [second, first]);
    assert.deepEqual(await ids({ labels: { team: "blue", env: "x" } }), [first]);
    assert.deepEqual(await ids({ states: [JobState.JOB_STATE_SUCCEEDED] }), []);
    assert.equal((await ids({ namespace: "other" })).length, 1);
    assert.deepEqual(await ids({ namespace: "nobody" }), []);
  });

  it("pages through jobs, each once, though others come meanwhile", async () => {
    const ids = [];
    for (let i = 0; i < 7; i++) ids.unshift(await submit(`j${i}`));
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await jobs({ page: { pageSize: 3, pageToken } });
      seen.push(...page.jobs.map(({ jobId }) => jobId));
      pageToken = page.nextPageToken;
      await submit("late");
    } while (pageToken !== "");
    assert.deepEqual(seen, ids);
  });

  it("fills a page, however many jobs lie between that are not asked for", async () => {
    const ids = [await submit("first")];
    const items = Array.from({ length: 4_096 }, () => ({
      job: { name: "o", stages: [{ taskType: "noop", tasks: [{}] }] },
    }));
    const bulk = SubmitJobsRequest.fromPartial({ namespace: "other", items });
    for (let i = 0; i < 3; i++) await call(edge.master, edge.master.submitJobs, bulk);
    ids.unshift(await submit("second"));
    for (let i = 0; i < 3; i++) await call(edge.master, edge.master.submitJobs, bulk);
    const page = await jobs({ page: { pageSize: 2 } });
    assert.deepEqual(
      page.jobs.map(({ jobId }) => jobId),
      ids,
    );
    const [one] = (await jobs({ page: { pageSize: 1 } })).jobs;
    assert.equal(one?.jobId, ids[0]);
    const none = await jobs({ name: "nobody" });
    assert.deepEqual([none.jobs, none.nextPageToken], [[], ""]);
  });

  it("refuses a token that came from another request", async () => {
    for (let i = 0; i < 3; i++) await submit("j");
    const { nextPageToken: pageToken } = await jobs({ page: { pageSize: 1 } });
    const refused = await refusalOf(jobs({ name: "j", page: { pageSize: 1, pageToken } }));
    assert.equal(refused.reason, "CURSOR_INVALID");
    // How many are wanted may change from page to page.
    assert.equal((await jobs({ page: { pageSize: 2, pageToken } })).jobs.length, 2);
  });

  it("ends a page before it grows too large, and goes on with the next", async () => {
    const value = "x".repeat(256);
    const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`l${i}`, value]));
    const items = Array.from({ length: 80 }, () => ({
      job: { name: "wide", labels, stages: [{ taskType: "noop", tasks: [{}] }] },
    }));
    await calls.submitMany({ items });
    const first = await jobs({ page: { pageSize: 1_000 } });
    assert(
      first.jobs.length > 10 && first.jobs.length < 80,
      `${first.jobs.length} jobs on the page`,
    );
    const second = await jobs({ page: { pageSize: 1_000, pageToken: first.nextPageToken } });
    assert.equal(first.jobs.length + second.jobs.length, 80);
    assert.equal(second.nextPageToken, "");
  });

  it("lists tasks by stage and index, page by page, and by state", async () => {
    const { jobId } = await calls.submit({
      job: {
        name: "two",
        stages: [
          { name: "z", taskType: "noop", tasks: [{}, {}, { delayMs: 60_000 }] },
          { name: "a", taskType: "noop", dependsOn: [{ stage: "z" }], tasks: [{}, {}] },
        ],
      },
    });
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await calls.tasks({ jobId, page: { pageSize: 2, pageToken } });
      seen.push(...page.tasks.map(({ taskId }) => taskId.slice(jobId.length)));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.deepEqual(seen, ["/z/0", "/z/1", "/z/2", "/a/0", "/a/1"]);
    const { tasks: blocked } = await calls.tasks({ jobId, states: [TaskState.TASK_STATE_BLOCKED] });
    assert.deepEqual(
      blocked.map(({ stage, waitReason }) => [stage, waitReason]),
      [
        ["a", WaitReason.WAIT_REASON_STAGE],
        ["a", WaitReason.WAIT_REASON_STAGE],
      ],
    );
    const { tasks: delayed } = await calls.tasks({
      jobId,
      stage: "z",
      states: [TaskState.TASK_STATE_SCHEDULED],
    });
    assert.deepEqual(
      delayed.map(({ index, waitReason }) => [index, waitReason]),
      [[2, WaitReason.WAIT_REASON_DELAY]],
    );
    assert((delayed[0]?.readyInMs ?? 0) > 50_000);
  });

  it("shows a task's whole history: each delivery, why it ended, what was charged", async () => {
    const worker = await TestWorker.register(edge.engine, {
      workerId: "w",
      host: "h7",
      rack: "r7",
    });
    const { jobId } = await calls.submit({
      job: {
        name: "history",
        policy: { retry: { maxAttempts: 2 } },
        stages: [{ taskType: "noop", tasks: [{ payload: Buffer.from("in hand") }] }],
      },
    });
    await worker.fail(await worker.next(), "IOException");
    const second = await worker.next();
    worker.start(second);
    const running = await calls.task({ taskId: `${jobId}/main/0` });
    assert.deepEqual(
      [running.task?.state, running.task?.attempt, running.task?.workerId],
      [TaskState.TASK_STATE_RUNNING, 2, "w"],
    );
    const { counts } = await calls.job(jobId);
    assert.deepEqual([counts?.running, counts?.leased, counts?.retries], [1, 0, 1]);
    await worker.fail(second, "TypeError");
    const { task, deliveries, content } = await calls.task({
      taskId: `${jobId}/main/0`,
      includeContent: true,
    });
    assert.equal(task?.state, TaskState.TASK_STATE_FAILED);
    assert.match(task.deadLetterId, /^dl_/);
    assert.deepEqual([task.lastFailure?.type, task.lastFailure?.stack], ["TypeError", "at line 1"]);
    assert.equal(content?.payload.toString(), "in hand");
    assert.deepEqual(
      deliveries.map(
        ({ delivery, attempt, isLastAttempt, end, charge, failure, host, rack, placement }) => [
          [delivery, attempt, isLastAttempt, end, charge],
          [failure?.type, failure?.stack, failure?.isLastAttempt, failure?.workerId],
          [host, rack, placement?.level],
        ],
      ),
      [
        [
          [1, 1, false, DeliveryEnd.DELIVERY_END_FAILED, Charge.CHARGE_ATTEMPT],
          ["IOException", "at line 1", false, "w"],
          ["h7", "r7", LocalityLevel.LOCALITY_LEVEL_NONE],
        ],
        [
          [2, 2, true, DeliveryEnd.DELIVERY_END_FAILED, Charge.CHARGE_ATTEMPT],
          ["TypeError", "at line 1", true, "w"],
          ["h7", "r7", LocalityLevel.LOCALITY_LEVEL_NONE],
        ],
      ],
    );
    const job = await calls.job(jobId);
    assert.deepEqual(
      [job.state, job.failure?.type, job.failure?.stack, job.failedTaskId, job.deadLetterCount],
      [JobState.JOB_STATE_FAILED, "TypeError", "at line 1", `${jobId}/main/0`, 1],
    );
    const [listed] = (await calls.tasks({ jobId })).tasks;
    assert.deepEqual([listed?.lastFailure?.type, listed?.lastFailure?.stack], ["TypeError", ""]);
  });

  it("lists workers by their id, page by page, with what they hold", async () => {
    const workers = (request: Parameters<typeof ListWorkersRequest.fromPartial>[0]) =>
      call(edge.operator, edge.operator.listWorkers, ListWorkersRequest.fromPartial(request));
    for (const workerId of ["c", "a", "b"]) await TestWorker.register(edge.engine, { workerId });
    await TestWorker.register(edge.engine, {
      workerId: "d",
      namespaces: ["other"],
      types: ["else"],
    });
    await submit("one");
    const first = await workers({ page: { pageSize: 2 } });
    assert.deepEqual(
      first.workers.map(({ workerId }) => workerId),
      ["a", "b"],
    );
    const rest = await workers({ page: { pageSize: 2, pageToken: first.nextPageToken } });
    assert.deepEqual(
      [rest.workers.map(({ workerId }) => workerId), rest.nextPageToken],
      [["c"], ""],
    );
    const all = await workers({ allNamespaces: true });
    assert.equal(all.workers.length, 4);
    assert.deepEqual(
      all.workers.reduce((sum, { leases }) => sum + (leases?.fit ?? 0), 0),
      1,
    );
    const busy = all.workers.find(({ leases }) => leases?.fit === 1);
    assert.deepEqual(busy?.used, [{ name: "slots", milli: 1_000n }]);
    assert.deepEqual(busy?.capacity, [{ name: "slots", milli: 4_000n }]);
    assert.equal(
      (await workers({ connections: [WorkerConnection.WORKER_CONNECTION_LOST] })).workers.length,
      0,
    );
  });

  it("says of a pending task why it waits", async () => {
    const gpu = { demand: [{ name: "gpu", milli: 1_000n }] };
    const { jobId } = await calls.submit({
      job: { name: "waits", stages: [{ taskType: "noop", tasks: [{}, {}, gpu] }] },
    });
    const reasons = async () => {
      const { tasks } = await calls.tasks({ jobId, states: [TaskState.TASK_STATE_PENDING] });
      return tasks.map(({ index, waitReason }) => [index, waitReason]);
    };
    const {
      WAIT_REASON_NO_WORKER: noWorker,
      WAIT_REASON_NO_ROOM: noRoom,
      WAIT_REASON_INFEASIBLE: infeasible,
    } = WaitReason;
    assert.deepEqual(await reasons(), [
      [0, noWorker],
      [1, noWorker],
      [2, noWorker],
    ]);
    const worker = await TestWorker.register(edge.engine, {
      capacity: [{ name: "slots", milli: 1_000 }],
    });
    await worker.next();
    assert.deepEqual(await reasons(), [
      [1, noRoom],
      [2, infeasible],
    ]);
    await worker.drain();
    assert.deepEqual(await reasons(), [
      [1, WaitReason.WAIT_REASON_EXCLUDED],
      [2, noWorker],
    ]);
    worker.leave();
    const task = await calls.task({ taskId: `${jobId}/main/1` });
    assert.equal(task.task?.waitReason, noWorker);
  });

  it("says of a worker that is gone that it is disconnected, before it counts as lost", async () => {
    const list = (request: Parameters<typeof ListWorkersRequest.fromPartial>[0]) =>
      call(edge.operator, edge.operator.listWorkers, ListWorkersRequest.fromPartial(request));
    const [dead, drained] = [
      await TestWorker.register(edge.engine, { workerId: "dead" }),
      await TestWorker.register(edge.engine, { workerId: "drained" }),
    ];
    await TestWorker.register(edge.engine, { workerId: "there" });
    await drained.drain();
    for (const worker of [dead, drained]) worker.leave();
    const { workers } = await list({});
    const {
      WORKER_CONNECTION_CONNECTED: here,
      WORKER_CONNECTION_DISCONNECTED: gone,
      WORKER_CONNECTION_LEFT: left,
    } = WorkerConnection;
    const { WORKER_ADMISSION_OPEN: open, WORKER_ADMISSION_DRAINING: draining } = WorkerAdmission;
    assert.deepEqual(
      workers.map(({ workerId, connection, admission }) => [workerId, connection, admission]),
      [
        ["dead", gone, open],
        ["drained", left, draining],
        ["there", here, open],
      ],
    );
    const connected = await list({ connections: [here] });
    assert.deepEqual(
      connected.workers.map(({ workerId }) => workerId),
      ["there"],
    );
    const ids = async (connection: WorkerConnection) =>
      (await list({ connections: [connection] })).workers.map(({ workerId }) => workerId);
    assert.deepEqual([await ids(gone), await ids(left)], [["dead"], ["drained"]]);
    // When their terms are over, one is lost and the other is not.
    for (const { no } of [dead, drained]) {
      await loseWorker(edge.engine, no);
    }
    const { WORKER_CONNECTION_LOST: lost } = WorkerConnection;
    assert.deepEqual([await ids(lost), await ids(left)], [["dead"], ["drained"]]);
    await TestWorker.register(edge.engine, { workerId: "drained" });
    assert.deepEqual(await ids(here), ["drained", "there"]);
  });

  it("claims to have heard no worker since it was started anew, until one comes back", async () => {
    const list = async () => {
      const { operator } = edge;
      const request = ListWorkersRequest.fromPartial({});
      const { workers } = await call(operator, operator.listWorkers, request);
      return workers.map((worker) => [worker.connection, worker.silentMs !== undefined]);
    };
    const { WORKER_CONNECTION_CONNECTED: here, WORKER_CONNECTION_DISCONNECTED: gone } =
      WorkerConnection;
    for (const workerId of ["a", "b"]) await TestWorker.register(edge.engine, { workerId });
    assert.deepEqual(await list(), [
      [here, true],
      [here, true],
    ]);
    await edge.close();
    edge = await Edge.start({}, edge.disk);
    assert.deepEqual(await list(), [
      [gone, false],
      [gone, false],
    ]);
    await TestWorker.register(edge.engine, { workerId: "b" });
    assert.deepEqual(await list(), [
      [gone, false],
      [here, true],
    ]);
  });

  it("says what the master is and how it fares", async () => {
    await submit("one");
    const master = await call(
      edge.operator,
      edge.operator.getMaster,
      GetMasterRequest.fromPartial({}),
    );
    assert.equal(master.role, MasterRole.MASTER_ROLE_LEADER);
    assert.match(master.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(
      [master.jobsActive, master.tasks?.pending, master.workersConnected],
      [1, 1, 0],
    );
    assert.equal(master.limits["task.content.bytes"], 262_144n);
    assert.equal(master.leaderAddress, edge.server.address);
    assert((master.journal?.durableIndex ?? 0n) > 0n);
  });
});
