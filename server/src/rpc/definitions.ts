import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { FailureServiceService } from "@capstan/proto/capstan/v1/failure_service.js";
import { GetTaskResponse, WatchJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { OperatorServiceService } from "@capstan/proto/capstan/v1/operator_service.js";
import { readIncoming } from "./call.js";
import { readAppendTasks } from "./codec/append-tasks-request.js";
import { LastEncodedHead, readSubmitJob, readSubmitJobs } from "./codec/job-request.js";
import { masterService } from "./session/index.js";

type AnyMethod = MethodDefinition<never, never>;
export type Service = ServiceDefinition & Readonly<Record<string, AnyMethod>>;

/** A view of what was encoded: grpc-js wants a Buffer, and generated code would copy for it. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function encodes<T>(type: { encode(message: T): { finish(): Uint8Array } }) {
  return (message: T): Buffer => viewOf(type.encode(message).finish());
}

/**
 * A method whose requests come as `Incoming`: bytes that are no message are a value, and what the
 * message took on the wire is known.
 */
function incoming(method: AnyMethod, ofTasks: Decode | undefined): AnyMethod {
  const decode = ofTasks ?? (method.requestDeserialize as Decode);
  return {
    ...method,
    requestDeserialize: ((bytes: Buffer) =>
      readIncoming(decode, bytes)) as unknown as AnyMethod["requestDeserialize"],
    responseSerialize: responseSerializers[method.path] ?? method.responseSerialize,
  };
}

type Decode = (bytes: Buffer) => unknown;

/** Requests that bring tasks: read by hand, because there are many. */
function requestDecoders(): Readonly<Record<string, Decode>> {
  const lastHead = new LastEncodedHead();
  return {
    "/capstan.v1.MasterService/SubmitJob": (bytes) => readSubmitJob(bytes, lastHead),
    "/capstan.v1.MasterService/SubmitJobs": (bytes) => readSubmitJobs(bytes, lastHead),
    "/capstan.v1.MasterService/AppendTasks": readAppendTasks,
  };
}

/** Large answers are handed over as they were encoded. */
const responseSerializers: Readonly<Record<string, (message: never) => Buffer>> = {
  "/capstan.v1.MasterService/GetTask": encodes(GetTaskResponse),
  "/capstan.v1.MasterService/WatchJob": encodes(WatchJobResponse),
  // Their handlers write bytes: outputs are spliced in as they came, outcomes of jobs are many.
  "/capstan.v1.MasterService/ReadOutputs": viewOf,
  "/capstan.v1.MasterService/SubmitJobs": viewOf,
};

/** The stream of workers reads and writes its frames itself. */
const raw: readonly string[] = ["/capstan.v1.MasterService/PullTasks"];

function served(service: Service, decoders: Readonly<Record<string, Decode>>): Service {
  const methods = Object.entries(service).map(([name, method]: [string, AnyMethod]) => [
    name,
    raw.includes(method.path) ? method : incoming(method, decoders[method.path]),
  ]);
  return Object.fromEntries(methods) as Service;
}

/** The three services of capstan.v1, for one server: what its readers remember is its own. */
export function capstanServices() {
  const decoders = requestDecoders();
  return {
    "capstan.v1.MasterService": served(masterService as unknown as Service, decoders),
    "capstan.v1.FailureService": served(FailureServiceService as unknown as Service, decoders),
    "capstan.v1.OperatorService": served(OperatorServiceService as unknown as Service, decoders),
  } as const satisfies Record<string, Service>;
}

export type CapstanServices = ReturnType<typeof capstanServices>;
