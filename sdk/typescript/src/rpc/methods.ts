import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import * as master from "@capstan/proto/capstan/v1/master_service.js";
import * as operator from "@capstan/proto/capstan/v1/operator_service.js";
import { readSubmitResults } from "./submit-results.js";

/** A call of the contract: where it goes, and how its messages become bytes. */
export interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}

/** The answer of a call. */
export type ResponseOf<M> = M extends Method<never, infer Response> ? Response : never;

interface Codec<T> {
  encode(message: T): BinaryWriter;
  decode(bytes: Uint8Array): T;
}

/** The bytes that an encoder made, as a Buffer over the same memory: the generated code would copy them. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const masterService = "/capstan.v1.MasterService/";
const operatorService = "/capstan.v1.OperatorService/";

function method<Request, Response>(
  path: string,
  request: Codec<Request>,
  response: Codec<Response>,
): Method<Request, Response> {
  return {
    path,
    serialize: (message) => viewOf(request.encode(message).finish()),
    deserialize: (bytes) => response.decode(bytes),
  };
}

/** A call whose request was encoded by the caller. */
function encoded<Response>(path: string, response: Codec<Response>): Method<Uint8Array, Response> {
  return { path, serialize: viewOf, deserialize: (bytes) => response.decode(bytes) };
}

/** The path of the worker's stream. Its frames are bytes here: the session encodes and decodes them. */
export const pullTasksPath = `${masterService}PullTasks`;

/** Submits one job; its request is written by hand, so that each task is encoded once. */
export const submitJob = encoded(`${masterService}SubmitJob`, master.SubmitJobResponse);
/** Submits many; as submitJob, and its answer is read by hand too. */
export const submitJobs: Method<Uint8Array, master.SubmitJobResult[]> = {
  path: `${masterService}SubmitJobs`,
  serialize: viewOf,
  deserialize: readSubmitResults,
};
/** Adds tasks to an upload; as submitJob. */
export const appendTasks = encoded(`${masterService}AppendTasks`, master.AppendTasksResponse);

export const sealJob = method(
  `${masterService}SealJob`,
  master.SealJobRequest,
  master.SealJobResponse,
);
export const heartbeat = method(
  `${masterService}Heartbeat`,
  master.HeartbeatRequest,
  master.HeartbeatResponse,
);
export const getJob = method(`${masterService}GetJob`, master.GetJobRequest, master.GetJobResponse);
export const listJobs = method(
  `${masterService}ListJobs`,
  master.ListJobsRequest,
  master.ListJobsResponse,
);
export const listTasks = method(
  `${masterService}ListTasks`,
  master.ListTasksRequest,
  master.ListTasksResponse,
);
export const getTask = method(
  `${masterService}GetTask`,
  master.GetTaskRequest,
  master.GetTaskResponse,
);
export const cancelJob = method(
  `${masterService}CancelJob`,
  master.CancelJobRequest,
  master.CancelJobResponse,
);
export const readOutputs = method(
  `${masterService}ReadOutputs`,
  master.ReadOutputsRequest,
  master.ReadOutputsResponse,
);
export const watchJob = method(
  `${masterService}WatchJob`,
  master.WatchJobRequest,
  master.WatchJobResponse,
);
export const listWorkers = method(
  `${operatorService}ListWorkers`,
  operator.ListWorkersRequest,
  operator.ListWorkersResponse,
);
export const getMaster = method(
  `${operatorService}GetMaster`,
  operator.GetMasterRequest,
  operator.GetMasterResponse,
);
