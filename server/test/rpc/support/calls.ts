import type { CallOptions, ServiceError } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import type { SubmitJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import {
  AppendTasksRequest,
  GetJobRequest,
  GetTaskRequest,
  ListTasksRequest,
  ReadOutputsRequest,
  SealJobRequest,
  SubmitJobRequest,
  SubmitJobsRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import type { Edge } from "./edge.js";
import { collect, RefusedError, refusedBy } from "./edge.js";

type Method<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, answer: A) => void,
) => unknown;

/** The call of a client's method, by name. */
export function call<Q, A>(
  client: object,
  method: Method<Q, A>,
  request: Q,
  options: Partial<CallOptions> = {},
  metadata = new Metadata(),
): Promise<A> {
  return new Promise((resolve, reject) => {
    method.call(client, request, metadata, options, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(new RefusedError(refusedBy(error), error.metadata));
    });
  });
}

type Partial1<T extends { fromPartial(object: never): unknown }> = Parameters<T["fromPartial"]>[0];

/** The calls that most tests make, with what is left out filled in. */
export class Calls {
  readonly #edge: Edge;

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  submit(request: Partial1<typeof SubmitJobRequest>): Promise<SubmitJobResponse> {
    const { master } = this.#edge;
    return call(master, master.submitJob, SubmitJobRequest.fromPartial(request));
  }

  submitMany(request: Partial1<typeof SubmitJobsRequest>) {
    const { master } = this.#edge;
    return call(master, master.submitJobs, SubmitJobsRequest.fromPartial(request));
  }

  append(request: Partial1<typeof AppendTasksRequest>) {
    const { master } = this.#edge;
    return call(master, master.appendTasks, AppendTasksRequest.fromPartial(request));
  }

  seal(request: Partial1<typeof SealJobRequest>) {
    const { master } = this.#edge;
    return call(master, master.sealJob, SealJobRequest.fromPartial(request));
  }

  async job(jobId: string) {
    const { master } = this.#edge;
    const { job } = await call(master, master.getJob, GetJobRequest.fromPartial({ jobId }));
    if (job === undefined) throw new Error("GetJob answered without a job");
    return job;
  }

  task(request: Partial1<typeof GetTaskRequest>) {
    const { master } = this.#edge;
    return call(master, master.getTask, GetTaskRequest.fromPartial(request));
  }

  tasks(request: Partial1<typeof ListTasksRequest>) {
    const { master } = this.#edge;
    return call(master, master.listTasks, ListTasksRequest.fromPartial(request));
  }

  outputs(request: Partial1<typeof ReadOutputsRequest>) {
    return collect(this.#edge.master.readOutputs(ReadOutputsRequest.fromPartial(request)));
  }
}
