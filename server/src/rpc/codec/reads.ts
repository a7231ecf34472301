import type { PageRequest } from "@capstan/proto/capstan/v1/common.js";
import type {
  GetJobRequest,
  GetTaskRequest,
  ListJobsRequest,
  ListTasksRequest,
  ReadOutputsRequest,
  WatchJobRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import { WatchMode } from "@capstan/proto/capstan/v1/master_service.js";
import type { ListWorkersRequest } from "@capstan/proto/capstan/v1/operator_service.js";
import { WorkerAdmission, WorkerConnection } from "@capstan/proto/capstan/v1/operator_service.js";
import type {
  JobFilter,
  JobState,
  OutputsFilter,
  TaskCursor,
  TaskFilter,
  TaskStateName,
  WorkerFilter,
} from "../../core/index.js";
import { defaults, limits } from "../limits.js";
import { Checker } from "./checker.js";
import { decodeJobState } from "./encode-job.js";
import { decodeTaskState } from "./encode-task.js";
import { cursorOf, decodeNumbers, decodeText, requestHash } from "./page-token.js";
import { decodeLabels } from "./submit-job.js";

/** Which page of a list, and what ties its tokens to the request. */
interface Page<C> {
  readonly limit: number;
  readonly hash: Buffer;
  readonly from: C;
}

function pageSizeOf(checker: Checker, page: PageRequest | undefined): number {
  checker.range(".page.page_size", page?.pageSize ?? 0, 0, limits.pageSize);
  checker.text(".page.page_token", page?.pageToken ?? "", limits.pageTokenBytes);
  const size = page?.pageSize ?? 0;
  return size === 0 ? defaults.pageSize : size;
}

/** @throws CallRefusedError when the token is not one of this request's */
function pageOf<C>(
  limit: number,
  page: PageRequest | undefined,
  parts: readonly unknown[],
  first: C,
  decode: (cursor: Buffer, hash: Buffer) => C,
): Page<C> {
  const hash = requestHash(parts);
  const token = page?.pageToken ?? "";
  return { limit, hash, from: token === "" ? first : decode(cursorOf(token), hash) };
}

export interface JobAddress {
  readonly namespace: string;
  readonly jobId: string;
}

/** @throws InvalidInputError */
export function decodeJobAddress(method: string, request: GetJobRequest): JobAddress {
  const checker = new Checker(method, "");
  const namespace = checker.namespace(".namespace", request.namespace);
  const jobId = checker.jobId(".job_id", request.jobId);
  checker.finish();
  return { namespace, jobId };
}

/** @throws InvalidInputError; CallRefusedError for a token of another request */
export function decodeListJobs(
  request: ListJobsRequest,
): Page<number> & { readonly filter: JobFilter } {
  const checker = new Checker("ListJobs", "");
  const filter: JobFilter = {
    namespace: checker.namespace(".namespace", request.namespace),
    states: decodeStates<JobState>(checker, request.states, decodeJobState),
    name: request.name,
    labels: decodeLabels(checker, ".labels", request.labels),
  };
  if (filter.name !== "") checker.name(".name", filter.name);
  const limit = pageSizeOf(checker, request.page);
  checker.finish();
  const page = pageOf(limit, request.page, ["jobs", filter], Infinity, (cursor, hash) => {
    return decodeNumbers(cursor, hash, 1)[0] as number;
  });
  return { ...page, filter };
}

/** @throws InvalidInputError; CallRefusedError for a token of another request */
export function decodeListTasks(
  request: ListTasksRequest,
): Page<TaskCursor> & JobAddress & { readonly filter: TaskFilter } {
  const checker = new Checker("ListTasks", "");
  const namespace = checker.namespace(".namespace", request.namespace);
  const jobId = checker.jobId(".job_id", request.jobId);
  const filter: TaskFilter = {
    stage: request.stage === "" ? "" : checker.stageName(".stage", request.stage),
    states: decodeStates<TaskStateName>(checker, request.states, decodeTaskState),
  };
  const limit = pageSizeOf(checker, request.page);
  checker.finish();
  const parts = ["tasks", namespace, jobId, filter];
  const page = pageOf<TaskCursor>(
    limit,
    request.page,
    parts,
    { stage: 0, index: 0 },
    (cursor, hash) => {
      const [stage, index] = decodeNumbers(cursor, hash, 2) as [number, number];
      return { stage, index };
    },
  );
  return { ...page, namespace, jobId, filter };
}

function decodeStates<S>(
  checker: Checker,
  values: readonly number[],
  decode: (value: number) => S | undefined,
): readonly S[] {
  if (!checker.count(".states", values.length, limits.listStates)) return [];
  return values.flatMap((value, i) => {
    const state = decode(value);
    if (state === undefined) checker.unknownValue(`.states[${i}]`, value);
    return state === undefined ? [] : [state];
  });
}

const connections: Readonly<Record<number, WorkerFilter["connections"][number]>> = {
  [WorkerConnection.WORKER_CONNECTION_CONNECTED]: "connected",
  [WorkerConnection.WORKER_CONNECTION_LOST]: "lost",
  [WorkerConnection.WORKER_CONNECTION_LEFT]: "left",
  [WorkerConnection.WORKER_CONNECTION_DISCONNECTED]: "disconnected",
};

const admissions: Readonly<Record<number, "open" | "draining" | "excluded">> = {
  [WorkerAdmission.WORKER_ADMISSION_OPEN]: "open",
  [WorkerAdmission.WORKER_ADMISSION_DRAINING]: "draining",
  [WorkerAdmission.WORKER_ADMISSION_EXCLUDED]: "excluded",
};

/** @throws InvalidInputError; CallRefusedError for a token of another request */
export function decodeListWorkers(
  request: ListWorkersRequest,
): Page<string> & { readonly filter: WorkerFilter } {
  const checker = new Checker("ListWorkers", "");
  const namespace = checker.namespace(".namespace", request.namespace);
  const filter: WorkerFilter = {
    namespace: request.allNamespaces ? "" : namespace,
    connections: decodeValues(checker, ".connections", request.connections, connections),
    admissions: decodeValues(checker, ".admissions", request.admissions, admissions),
  };
  const limit = pageSizeOf(checker, request.page);
  checker.finish();
  const page = pageOf(limit, request.page, ["workers", filter], "", decodeText);
  return { ...page, filter };
}

function decodeValues<V>(
  checker: Checker,
  field: string,
  values: readonly number[],
  known: Readonly<Record<number, V>>,
): readonly V[] {
  if (!checker.count(field, values.length, limits.workerStates)) return [];
  return values.flatMap((value, i) => {
    const decoded = known[value];
    if (decoded === undefined) checker.unknownValue(`${field}[${i}]`, value);
    return decoded === undefined ? [] : [decoded];
  });
}

export interface TaskAddress extends JobAddress {
  readonly stage: string;
  readonly index: number;
}

const taskIdPattern = /^(job_[0-9A-HJKMNP-TV-Z]{26})\/([a-z][a-z0-9-]{0,62})\/(0|[1-9]\d{0,9})$/;

/** @throws InvalidInputError */
export function decodeGetTask(request: GetTaskRequest): TaskAddress {
  const checker = new Checker("GetTask", "");
  const namespace = checker.namespace(".namespace", request.namespace);
  const parts = taskIdPattern.exec(request.taskId);
  if (parts === null) {
    checker.fail(".task_id", request.taskId === "" ? "is missing" : "must be job/stage/index");
  }
  checker.finish();
  const [, jobId = "", stage = "", index = "0"] = parts ?? [];
  return { namespace, jobId, stage, index: Number(index) };
}

/** A stretch of outputs, and what ties its cursors to the request. */
export interface OutputsRange extends JobAddress {
  readonly filter: OutputsFilter;
  readonly hash: Buffer;
}

/** @throws InvalidInputError; CallRefusedError for a cursor of another request */
export function decodeReadOutputs(request: ReadOutputsRequest): OutputsRange {
  const checker = new Checker("ReadOutputs", "");
  const { partition, taskIndex: index, cursor } = request;
  const namespace = checker.namespace(".namespace", request.namespace);
  const jobId = checker.jobId(".job_id", request.jobId);
  const stage = checker.stageName(".stage", request.stage);
  if (partition !== undefined) checker.range(".partition", partition, 0, limits.partitions - 1);
  if (index !== undefined) checker.range(".task_index", index, 0, limits.jobTasks - 1);
  checkCursor(checker, cursor);
  checker.finish();
  const hash = requestHash(["outputs", namespace, jobId, stage, partition, index]);
  return {
    namespace,
    jobId,
    hash,
    filter: { stage, partition, index, after: after(cursor, hash) },
  };
}

/** Where an output lies: its task, generation, attempt and partition. */
function after(cursor: Buffer, hash: Buffer): OutputsFilter["after"] {
  if (cursor.length === 0) return undefined;
  const [index, , , partition] = decodeNumbers(cursor, hash, 4) as [number, number, number, number];
  return { index, partition };
}

function checkCursor(checker: Checker, cursor: Buffer): void {
  if (cursor.length <= limits.cursorBytes) return;
  checker.fail(".cursor", `has ${cursor.length} bytes; at most ${limits.cursorBytes}`);
}

export interface Watch extends JobAddress {
  readonly minIntervalMs: number;
}

/** @throws InvalidInputError; UnsupportedError for EVENTS */
export function decodeWatchJob(request: WatchJobRequest): Watch {
  const checker = new Checker("WatchJob", "");
  const namespace = checker.namespace(".namespace", request.namespace);
  const jobId = checker.jobId(".job_id", request.jobId);
  const { minIntervalMs: wanted } = request;
  if (wanted !== 0) {
    checker.range(".min_interval_ms", wanted, limits.watchIntervalMsMin, limits.watchIntervalMs);
  }
  checkCursor(checker, request.cursor);
  switch (request.mode) {
    case WatchMode.WATCH_MODE_UNSPECIFIED:
    case WatchMode.WATCH_MODE_PROGRESS:
      break;
    case WatchMode.WATCH_MODE_EVENTS:
      checker.unsupported(".mode", "watchEvents");
      break;
    default:
      checker.unknownValue(".mode", request.mode);
  }
  checker.finish();
  return { namespace, jobId, minIntervalMs: wanted === 0 ? defaults.watchIntervalMs : wanted };
}
