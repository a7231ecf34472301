import {
  GetJobRequest,
  GetTaskRequest,
  HeartbeatRequest,
  ListJobsRequest,
  ListTasksRequest,
  ReadOutputsRequest,
  ReportFailureRequest,
  WatchJobRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import { ListWorkersRequest } from "@capstan/proto/capstan/v1/operator_service.js";
import type { BadInput, PartialOf, World } from "./bad-input-words.js";
import { invalid, notYet, noJob, tooEarly, badCursor, unheardOf, long } from "./bad-input-words.js";
import { call } from "./calls.js";
import { collect } from "./edge.js";

function listJobs(request: PartialOf<typeof ListJobsRequest>): BadInput["send"] {
  return ({ master }) => call(master, master.listJobs, ListJobsRequest.fromPartial(request));
}

function listTasks(
  request: (world: World) => PartialOf<typeof ListTasksRequest>,
): BadInput["send"] {
  return ({ master }, world) =>
    call(master, master.listTasks, ListTasksRequest.fromPartial(request(world)));
}

export const readCases: readonly BadInput[] = [
  {
    what: "GetJob of no job",
    send: ({ master }) =>
      call(master, master.getJob, GetJobRequest.fromPartial({ jobId: "job_x" })),
    ...invalid,
    fields: ["job_id"],
  },
  {
    what: "GetJob of an unknown job",
    send: ({ master }, { unknown }) =>
      call(master, master.getJob, GetJobRequest.fromPartial({ jobId: unknown })),
    ...noJob,
  },
  {
    what: "ListJobs with everything wrong",
    send: listJobs({
      namespace: "A",
      states: [1, unheardOf],
      name: "a b",
      labels: { "": "" },
      page: { pageSize: 1_001, pageToken: long(513) },
    }),
    ...invalid,
    fields: ["namespace", "states[1]", 'labels[""]', "name", "page.page_size", "page.page_token"],
  },
  {
    what: "ListJobs with nine states",
    send: listJobs({ states: Array(9).fill(1) }),
    ...invalid,
    fields: ["states"],
  },
  {
    what: "ListJobs with a forged token",
    send: listJobs({ page: { pageToken: "AAAA" } }),
    ...badCursor,
  },
  {
    what: "ListJobs with a token that is none",
    send: listJobs({ page: { pageToken: "!" } }),
    ...badCursor,
  },
  {
    what: "ListTasks with everything wrong",
    send: listTasks(() => ({ namespace: "A", stage: "B", states: [0], page: { pageSize: 1_001 } })),
    ...invalid,
    fields: ["namespace", "job_id", "stage", "states[0]", "page.page_size"],
  },
  {
    what: "ListTasks of an unknown job",
    send: listTasks(({ unknown }) => ({ jobId: unknown })),
    ...noJob,
  },
  {
    what: "ListTasks of an unknown stage",
    send: listTasks(({ running }) => ({ jobId: running, stage: "gone" })),
    code: "NOT_FOUND",
    reason: "STAGE_NOT_FOUND",
    facts: { stage: "gone" },
  },
  {
    what: "ListTasks with a forged token",
    send: listTasks(({ running }) => ({ jobId: running, page: { pageToken: "AAAA" } })),
    ...badCursor,
  },
  ...["", "job", "job_1/main/0", "{}/main", "{}/Main/0", "{}/main/01", "{}/main/-1"].map(
    (taskId): BadInput => ({
      what: `GetTask of ${JSON.stringify(taskId)}`,
      send: ({ master }, { running }) => {
        const request = { taskId: taskId.replace("{}", running) };
        return call(master, master.getTask, GetTaskRequest.fromPartial(request));
      },
      ...invalid,
      fields: ["task_id"],
    }),
  ),
  ...["gone/0", "main/2"].map((task): BadInput => ({
    what: `GetTask of ${task}`,
    send: ({ master }, { running }) =>
      call(master, master.getTask, GetTaskRequest.fromPartial({ taskId: `${running}/${task}` })),
    code: "NOT_FOUND",
    reason: "TASK_NOT_FOUND",
  })),
  {
    what: "ListWorkers with everything wrong",
    send: ({ operator }) => {
      const request = {
        namespace: "A",
        connections: [9],
        admissions: [1, 9],
        page: { pageSize: 1_001 },
      };
      return call(operator, operator.listWorkers, ListWorkersRequest.fromPartial(request));
    },
    ...invalid,
    fields: ["namespace", "connections[0]", "admissions[1]", "page.page_size"],
  },
  {
    what: "ListWorkers with a forged token",
    send: ({ operator }) => {
      const request = { page: { pageToken: "AAAA" } };
      return call(operator, operator.listWorkers, ListWorkersRequest.fromPartial(request));
    },
    ...badCursor,
  },
];

function outputs(
  request: (world: World) => PartialOf<typeof ReadOutputsRequest>,
): BadInput["send"] {
  return ({ master }, world) =>
    collect(master.readOutputs(ReadOutputsRequest.fromPartial(request(world))));
}

function watch(request: (world: World) => PartialOf<typeof WatchJobRequest>): BadInput["send"] {
  return ({ master }, world) =>
    collect(master.watchJob(WatchJobRequest.fromPartial(request(world))));
}

export const streamCases: readonly BadInput[] = [
  {
    what: "ReadOutputs with everything wrong",
    send: outputs(() => ({
      namespace: "A",
      stage: "B",
      partition: 4_096,
      taskIndex: 10_000_000,
      cursor: Buffer.alloc(65),
    })),
    ...invalid,
    fields: ["namespace", "job_id", "stage", "partition", "task_index", "cursor"],
  },
  {
    what: "ReadOutputs of an unknown job",
    send: outputs(({ unknown }) => ({ jobId: unknown })),
    ...noJob,
  },
  {
    what: "ReadOutputs of an unknown stage",
    send: outputs(({ running }) => ({ jobId: running, stage: "gone" })),
    code: "NOT_FOUND",
    reason: "STAGE_NOT_FOUND",
  },
  {
    what: "ReadOutputs of an unknown task",
    send: outputs(({ running }) => ({ jobId: running, taskIndex: 2 })),
    code: "NOT_FOUND",
    reason: "TASK_NOT_FOUND",
  },
  {
    what: "ReadOutputs of a partition that the stage does not have",
    send: outputs(({ running }) => ({ jobId: running, partition: 2 })),
    ...invalid,
    fields: ["partition"],
  },
  {
    what: "ReadOutputs before the stage is done",
    send: outputs(({ running }) => ({ jobId: running })),
    ...tooEarly,
    reason: "OUTPUT_NOT_READY",
    facts: { stage: "main" },
  },
  {
    what: "ReadOutputs of a task that is not done",
    send: outputs(({ running }) => ({ jobId: running, taskIndex: 0 })),
    ...tooEarly,
    reason: "OUTPUT_NOT_READY",
  },
  {
    what: "ReadOutputs with a forged cursor",
    send: outputs(({ running }) => ({ jobId: running, cursor: Buffer.alloc(25) })),
    ...badCursor,
  },
  {
    what: "WatchJob with everything wrong",
    send: watch(() => ({
      namespace: "A",
      mode: unheardOf,
      minIntervalMs: 49,
      cursor: Buffer.alloc(65),
    })),
    ...invalid,
    fields: ["namespace", "job_id", "min_interval_ms", "cursor", "mode"],
  },
  {
    what: "WatchJob of an unknown job",
    send: watch(({ unknown }) => ({ jobId: unknown })),
    ...noJob,
  },
  {
    what: "WatchJob of every event",
    send: watch(({ running }) => ({ jobId: running, mode: 2 })),
    ...notYet,
    fields: ["mode"],
  },
];

export const workCases: readonly BadInput[] = [
  {
    what: "Heartbeat with everything wrong",
    send: ({ master }) => {
      const request = { namespaces: ["A"], incarnation: long(65), tokens: [Buffer.alloc(3)] };
      return call(master, master.heartbeat, HeartbeatRequest.fromPartial(request));
    },
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    fields: ["namespaces[0]", "worker_id", "incarnation", "tokens[0]"],
  },
  {
    what: "Heartbeat of an unknown worker",
    send: ({ master }) =>
      call(master, master.heartbeat, HeartbeatRequest.fromPartial({ workerId: "gone" })),
    code: "NOT_FOUND",
    reason: "WORKER_NOT_FOUND",
    facts: { worker_id: "gone" },
  },
  {
    what: "ReportFailure with a token that is none",
    send: ({ master }) => {
      const request = { token: Buffer.alloc(31), failure: {} };
      return call(master, master.reportFailure, ReportFailureRequest.fromPartial(request));
    },
    code: "INVALID_ARGUMENT",
    reason: "TOKEN_MALFORMED",
  },
];
