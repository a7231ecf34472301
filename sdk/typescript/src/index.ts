/**
 * The TypeScript SDK of Capstan: a client that submits jobs, a worker that runs their tasks, and what both
 * need around them. README.md shows how they are used.
 */
export {
  CancelRequested,
  DeadlineExceeded,
  Draining,
  LeaseLost,
  TaskAborted,
  TimedOut,
} from "./abort-reasons.js";
export type * from "./client/answers.js";
export { Client } from "./client/client.js";
export { JobHandle, type CancelAnswer } from "./client/job-handle.js";
export type { JobResult } from "./client/job-result.js";
export { describeUnknownField } from "./client/job-fields.js";
export type {
  CancelOptions,
  ClientOptions,
  GetTaskOptions,
  KeyedJob,
  ListJobsOptions,
  ListTasksOptions,
  ListWorkersOptions,
  OutputsOptions,
  PageOptions,
  RunOptions,
  SubmitManyOptions,
  SubmitOptions,
  WaitOptions,
  WatchOptions,
} from "./client/options.js";
export { jsonCodec, type Codec } from "./codec.js";
export { defaultAddress, type ConnectionOptions, type TlsOptions } from "./connection.js";
export { readJsonLines, readLines, type ReadOptions } from "./data/read-lines.js";
export {
  inputTasks,
  splitLines,
  type DataFile,
  type InputTasksOptions,
  type SplitOptions,
} from "./data/split-lines.js";
export * from "./errors.js";
export type * from "./fleet-views.js";
export type * from "./job-definition.js";
export type * from "./output-views.js";
export type { ConnectionNews, OnConnection } from "./reachability.js";
export { startTracing, type Tracing, type TracingOptions } from "./telemetry/start-tracing.js";
export type * from "./views.js";
export { currentTask } from "./worker/current-task.js";
export type { DrainNews, OnDrain } from "./worker/drain-news.js";
export type { TaskEvent, WorkerEvents } from "./worker/events.js";
export type { DrainOptions, WorkerOptions, WorkerStats } from "./worker/options.js";
export { partitioned, PartitionedOutput, reference, ReferenceOutput } from "./worker/outputs.js";
export type * from "./worker/task.js";
export { Worker } from "./worker/worker.js";
