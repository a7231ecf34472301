import type { Input, PartitionOutput, Resource } from "@capstan/proto/capstan/v1/common.js";
import type * as wireFailure from "@capstan/proto/capstan/v1/failure.js";
import type * as wireJob from "@capstan/proto/capstan/v1/job.js";
import type * as wireMaster from "@capstan/proto/capstan/v1/master_service.js";
import * as wireOperator from "@capstan/proto/capstan/v1/operator_service.js";
import type * as wireTask from "@capstan/proto/capstan/v1/task.js";
import type { Timestamp } from "@capstan/proto/google/protobuf/timestamp.js";
import { decodeValue, type Codec } from "../codec.js";
import type { TaskInput } from "../job-definition.js";
import type * as fleet from "../fleet-views.js";
import type { PartitionReference, TaskOutput } from "../output-views.js";
import type * as view from "../views.js";
import {
  charges,
  deliveryEnds,
  dependencyKindOf,
  endCauses,
  failureKinds,
  jobStates,
  leaseStates,
  localityLevels,
  masterRoles,
  nameOf,
  taskStates,
  waitReasons,
  warningKinds,
  workerAdmissions,
  workerConnections,
} from "./names.js";

const emptyBytes = new Uint8Array(0);

const noCounts: view.TaskCounts = {
  total: 0,
  blocked: 0,
  scheduled: 0,
  pending: 0,
  leased: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  dropped: 0,
  retries: 0,
  deadRecords: 0,
};

/** A key with its value, or nothing: what `exactOptionalPropertyTypes` wants of a field that may be unset. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

function dateOf(at: Timestamp | undefined): Date | undefined {
  return at && new Date(Number(at.seconds) * 1_000 + at.nanos / 1e6);
}

/** Thousandths as units. */
export function unitsOf(resources: readonly Resource[]): Record<string, number> {
  return Object.fromEntries(resources.map(({ name, milli }) => [name, Number(milli) / 1_000]));
}

/** An input as handlers and callers see it. */
export function inputOf({ uri, offsetBytes, sizeBytes, hosts }: Input): TaskInput {
  return { uri, offsetBytes: Number(offsetBytes), sizeBytes: Number(sizeBytes), hosts };
}

/** A failure as handlers and callers see it. */
export function failureOf(failure: wireFailure.Failure): view.Failure {
  return {
    kind: nameOf(failureKinds, failure.kind),
    type: failure.type,
    message: failure.message,
    stack: failure.stack,
    causes: failure.causes,
    ...optional("retryable", failure.retryable),
    dependency: failure.dependency,
    delivery: failure.delivery,
    attempt: failure.attempt,
    maxAttempts: failure.maxAttempts,
    isLastAttempt: failure.isLastAttempt,
    generation: failure.generation,
    workerId: failure.workerId,
    host: failure.host,
    charge: nameOf(charges, failure.charge),
    recordIndexes: failure.recordIndexes,
    traceId: failure.traceId,
    spanId: failure.spanId,
    ...optional("startedAt", dateOf(failure.startedAt)),
    ...optional("failedAt", dateOf(failure.failedAt)),
  };
}

function warningOf({ kind, stage, taskType, message }: wireJob.Warning): view.Warning {
  return { kind: nameOf(warningKinds, kind), stage, taskType, message };
}

/** Warnings as callers see them. */
export function warningsOf(warnings: readonly wireJob.Warning[]): readonly view.Warning[] {
  return warnings.map(warningOf);
}

function stageOf(stage: wireJob.Stage): view.Stage {
  return {
    name: stage.name,
    taskType: stage.taskType,
    dependsOn: stage.dependsOn.map((dependency) => ({
      stage: dependency.stage,
      kind: dependencyKindOf(dependency.kind),
    })),
    partitions: stage.partitions,
    counts: stage.counts ?? noCounts,
    nextIndex: stage.nextIndex,
  };
}

/** A job as callers see it. */
export function jobOf(job: wireJob.Job): view.Job {
  return {
    jobId: job.jobId,
    namespace: job.namespace,
    name: job.name,
    state: nameOf(jobStates, job.state),
    paused: job.paused,
    run: job.run,
    open: job.open,
    sealed: job.sealed,
    counts: job.counts ?? noCounts,
    stages: job.stages.map(stageOf),
    labels: job.labels,
    priority: job.priority,
    cause: nameOf(endCauses, job.cause),
    ...optional("failure", job.failure && failureOf(job.failure)),
    failedTaskId: job.failedTaskId,
    note: job.note,
    ...optional("createdAt", dateOf(job.createdAt)),
    ...optional("sealedAt", dateOf(job.sealedAt)),
    ...optional("startedAt", dateOf(job.startedAt)),
    ...optional("finishedAt", dateOf(job.finishedAt)),
    ...optional("deadlineRemainingMs", job.deadlineRemainingMs),
    idempotencyKey: job.idempotencyKey,
    deadLetterCount: job.deadLetterCount,
    warnings: warningsOf(job.warnings),
  };
}

/** A task as callers see it. */
export function taskOf(task: wireTask.Task): view.TaskRecord {
  return {
    taskId: task.taskId,
    jobId: task.jobId,
    stage: task.stage,
    index: task.index,
    taskType: task.taskType,
    state: nameOf(taskStates, task.state),
    waitReason: nameOf(waitReasons, task.waitReason),
    ...optional("readyInMs", task.readyInMs),
    generation: task.generation,
    attempt: task.attempt,
    maxAttempts: task.maxAttempts,
    deliveryCount: task.deliveryCount,
    workerId: task.workerId,
    ...optional("progress", task.progress),
    progressNote: task.progressNote,
    ...optional("lastFailure", task.lastFailure && failureOf(task.lastFailure)),
    cause: nameOf(endCauses, task.cause),
    dropped: task.dropped,
    ...optional("recordCount", task.recordCount),
    pendingRecordCount: task.pendingRecordCount,
    deadRecordCount: task.deadRecordCount,
    deadLetterId: task.deadLetterId,
    ...optional("firstLeasedAt", dateOf(task.firstLeasedAt)),
    ...optional("finishedAt", dateOf(task.finishedAt)),
  };
}

function deliveryOf(delivery: wireTask.Delivery): view.DeliveryRecord {
  return {
    delivery: delivery.delivery,
    generation: delivery.generation,
    attempt: delivery.attempt,
    isLastAttempt: delivery.isLastAttempt,
    workerId: delivery.workerId,
    host: delivery.host,
    rack: delivery.rack,
    state: nameOf(leaseStates, delivery.state),
    end: nameOf(deliveryEnds, delivery.end),
    charge: nameOf(charges, delivery.charge),
    ...optional("failure", delivery.failure && failureOf(delivery.failure)),
    speculative: delivery.speculative,
    locality: nameOf(localityLevels, delivery.placement?.level ?? 0),
    ...optional("grantedAt", dateOf(delivery.grantedAt)),
    ...optional("startedAt", dateOf(delivery.startedAt)),
    ...optional("endedAt", dateOf(delivery.endedAt)),
    ...optional("runMs", delivery.runMs),
  };
}

/** A task with its history as callers see it. */
export function taskDetailOf(response: wireMaster.GetTaskResponse): view.TaskDetail | undefined {
  const { task, content } = response;
  if (task === undefined) return undefined;
  return {
    task: taskOf(task),
    deliveries: response.deliveries.map(deliveryOf),
    deliveriesLeftOut: response.deliveriesLeftOut,
    ...optional(
      "content",
      content && {
        payload: content.payload,
        inputs: content.inputs.map(inputOf),
        demand: unitsOf(content.demand),
        checkpoint: content.checkpoint,
      },
    ),
  };
}

/** Progress as callers see it; undefined when the message has no job. */
export function progressOf(progress: wireMaster.JobProgress): view.JobProgress | undefined {
  if (progress.job === undefined) return undefined;
  return {
    job: jobOf(progress.job),
    running: progress.running.map((task) => ({
      taskId: task.taskId,
      workerId: task.workerId,
      ...optional("progress", task.progress),
      progressNote: task.progressNote,
      attempt: task.attempt,
      runningMs: task.runningMs,
    })),
    tasksPerSecond: progress.tasksPerSecond,
  };
}

/** A worker as callers see it. */
export function workerOf(worker: wireOperator.Worker): fleet.WorkerRecord {
  return {
    workerId: worker.workerId,
    incarnation: worker.incarnation,
    connection: nameOf(workerConnections, worker.connection),
    admission: nameOf(workerAdmissions, worker.admission),
    namespaces: worker.namespaces,
    host: worker.host,
    rack: worker.rack,
    capacity: unitsOf(worker.capacity),
    used: unitsOf(worker.used),
    labels: worker.labels,
    taskTypes: worker.taskTypes,
    leases: worker.leases ?? { fit: 0, ahead: 0, running: 0, stopping: 0 },
    creditTasks: worker.creditTasks,
    prefetchTasks: worker.prefetchTasks,
    sdkName: worker.sdkName,
    sdkVersion: worker.sdkVersion,
    session: worker.session,
    peer: worker.peer,
    ...optional("silentMs", worker.silentMs === undefined ? undefined : Number(worker.silentMs)),
    succeeded: Number(worker.succeeded),
    failed: Number(worker.failed),
    note: worker.note,
    ...optional("registeredAt", dateOf(worker.registeredAt)),
  };
}

/** A master as callers see it. */
export function masterOf(master: wireOperator.GetMasterResponse): fleet.MasterInfo {
  const limits = Object.entries(master.limits).map(([name, value]) => [name, Number(value)]);
  return {
    version: master.version,
    role: nameOf(masterRoles, master.role),
    leaderAddress: master.leaderAddress,
    protocolMin: master.protocolMin,
    protocolMax: master.protocolMax,
    features: master.features,
    workersConnected: master.workersConnected,
    jobsActive: master.jobsActive,
    tasks: master.tasks ?? noCounts,
    limits: Object.fromEntries(limits) as Record<string, number>,
    uptimeMs: Number(master.uptimeMs),
    ...optional("startedAt", dateOf(master.startedAt)),
    journal: master.journal && wireOperator.JournalStatus.toJSON(master.journal),
  };
}

class Output implements TaskOutput {
  readonly taskIndex: number;
  readonly attempt: number;
  readonly generation: number;
  readonly partition: number;
  readonly bytes: Uint8Array;
  readonly reference?: PartitionReference;
  readonly #codec: Codec;

  constructor(output: wireMaster.TaskOutput, partition: PartitionOutput, codec: Codec) {
    this.taskIndex = output.taskIndex;
    this.attempt = output.attempt;
    this.generation = output.generation;
    this.partition = partition.partition;
    this.bytes = partition.value?.$case === "inline" ? partition.value.value : emptyBytes;
    if (partition.value?.$case === "ref") {
      const { uri, sizeBytes, hosts } = partition.value.value;
      this.reference = { uri, sizeBytes: Number(sizeBytes), hosts };
    }
    this.#codec = codec;
  }

  value<T = unknown>(): T {
    return decodeValue(this.#codec, this.bytes) as T;
  }
}

/** An output as handlers and callers see it. */
export function outputOf(output: wireMaster.TaskOutput, codec: Codec): TaskOutput {
  return new Output(output, output.output ?? { partition: 0, value: undefined }, codec);
}
