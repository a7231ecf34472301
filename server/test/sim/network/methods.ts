import * as wire from "@capstan/proto/capstan/v1/master_service.js";

/** How a message of the contract becomes bytes and is read again. */
interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** Methods of the MasterService, by their names there. */
export type MethodName =
  | "submitJob"
  | "submitJobs"
  | "appendTasks"
  | "sealJob"
  | "cancelJob"
  | "getJob"
  | "getTask"
  | "listJobs"
  | "listTasks"
  | "heartbeat"
  | "reportFailure"
  | "readOutputs"
  | "watchJob";

/** A method as a client has it. */
export interface Method<Q, A> {
  readonly name: MethodName;
  readonly request: Codec<Q>;
  readonly response: Codec<A>;
}

function method<Q, A>(name: MethodName, request: Codec<Q>, response: Codec<A>): Method<Q, A> {
  return { name, request, response };
}

/** The methods that the clients and workers of the simulator call. */
export const methods = {
  submitJob: method("submitJob", wire.SubmitJobRequest, wire.SubmitJobResponse),
  submitJobs: method("submitJobs", wire.SubmitJobsRequest, wire.SubmitJobsResponse),
  appendTasks: method("appendTasks", wire.AppendTasksRequest, wire.AppendTasksResponse),
  sealJob: method("sealJob", wire.SealJobRequest, wire.SealJobResponse),
  cancelJob: method("cancelJob", wire.CancelJobRequest, wire.CancelJobResponse),
  getJob: method("getJob", wire.GetJobRequest, wire.GetJobResponse),
  getTask: method("getTask", wire.GetTaskRequest, wire.GetTaskResponse),
  listJobs: method("listJobs", wire.ListJobsRequest, wire.ListJobsResponse),
  listTasks: method("listTasks", wire.ListTasksRequest, wire.ListTasksResponse),
  heartbeat: method("heartbeat", wire.HeartbeatRequest, wire.HeartbeatResponse),
  reportFailure: method("reportFailure", wire.ReportFailureRequest, wire.ReportFailureResponse),
  readOutputs: method("readOutputs", wire.ReadOutputsRequest, wire.ReadOutputsResponse),
  watchJob: method("watchJob", wire.WatchJobRequest, wire.WatchJobResponse),
} as const satisfies Record<MethodName, object>;
