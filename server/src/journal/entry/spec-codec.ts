import type * as wire from "@capstan/proto/capstan/journal/v1/spec.js";
import type {
  JobSpec,
  OnTaskFailure,
  Resource,
  StageSpec,
  TaskKind,
  TaskPolicy,
  WorkerSpec,
} from "../../core/index.js";
import { dependencyKinds } from "./codes.js";
import { malformed, newerFormat } from "./format.js";

/** Specs, as they lie in events. Copies: what comes out shares nothing with what went in. */

/** A message that every writer sets. */
export function present<T>(message: T | undefined, what: string): T {
  if (message === undefined) throw malformed(`${what} is missing`);
  return message;
}

/** @throws JournalError `data_loss` beyond 2^53, which no release writes */
export function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw malformed("a number beyond 2^53");
  return number;
}

export function packResources(resources: readonly Resource[]): wire.Resource[] {
  return resources.map(({ name, milli }) => ({ name, milli: BigInt(milli) }));
}

export function readResources(resources: readonly wire.Resource[]): Resource[] {
  return resources.map(({ name, milli }) => ({ name, milli: safe(milli) }));
}

function packPolicy(policy: TaskPolicy): wire.TaskPolicy {
  const { retry, attemptTimeoutMs, lostMax, oomMax, deliveriesMax } = policy;
  return {
    retry: {
      attemptsMax: retry.attemptsMax,
      backoffBaseMs: BigInt(retry.backoffBaseMs),
      backoffFactor: retry.backoffFactor,
      backoffCapMs: BigInt(retry.backoffCapMs),
      nonRetryable: [...retry.nonRetryable],
    },
    attemptTimeoutMs: BigInt(attemptTimeoutMs),
    lostMax,
    oomMax,
    deliveriesMax,
  };
}

function readPolicy(policy: wire.TaskPolicy): TaskPolicy {
  const retry = present(policy.retry, "a retry policy");
  return {
    retry: {
      attemptsMax: retry.attemptsMax,
      backoffBaseMs: safe(retry.backoffBaseMs),
      backoffFactor: retry.backoffFactor,
      backoffCapMs: safe(retry.backoffCapMs),
      nonRetryable: retry.nonRetryable,
    },
    attemptTimeoutMs: safe(policy.attemptTimeoutMs),
    lostMax: policy.lostMax,
    oomMax: policy.oomMax,
    deliveriesMax: policy.deliveriesMax,
  };
}

export function packTaskKind(kind: TaskKind): wire.TaskKind {
  return {
    type: kind.type,
    demand: packResources(kind.demand),
    constraints: kind.constraints.map(({ label, value }) => ({ label, value })),
    policy: packPolicy(kind.policy),
  };
}

export function readTaskKind(kind: wire.TaskKind): TaskKind {
  return {
    type: kind.type,
    demand: readResources(kind.demand),
    constraints: kind.constraints.map(({ label, value }) => ({ label, value })),
    policy: readPolicy(present(kind.policy, "a policy")),
  };
}

function packStage(stage: StageSpec): wire.StageSpec {
  return {
    name: stage.name,
    dependsOn: stage.dependsOn.map(({ stage: name, kind }) => ({
      stage: name,
      kind: dependencyKinds.codeOf[kind],
    })),
    partitions: stage.partitions,
    task: packTaskKind(stage.task),
  };
}

function readStage(stage: wire.StageSpec): StageSpec {
  return {
    name: stage.name,
    dependsOn: stage.dependsOn.map(({ stage: name, kind }) => ({
      stage: name,
      kind: dependencyKinds.wordOf(kind),
    })),
    partitions: stage.partitions,
    task: readTaskKind(present(stage.task, "a task kind")),
  };
}

type Rule = NonNullable<wire.OnTaskFailure["rule"]>;

function packRule(rule: OnTaskFailure): Rule {
  switch (rule.kind) {
    case "fail_fast":
      return { $case: "failFast", value: true };
    case "continue":
      return { $case: "continue", value: true };
    case "tolerate_count":
      return { $case: "tolerateCount", value: rule.count };
    case "tolerate_share":
      return { $case: "tolerateShareMillionths", value: rule.shareMillionths };
  }
}

function readRule(rule: Rule | undefined): OnTaskFailure {
  switch (rule?.$case) {
    case "failFast":
      return { kind: "fail_fast" };
    case "continue":
      return { kind: "continue" };
    case "tolerateCount":
      return { kind: "tolerate_count", count: rule.value };
    case "tolerateShareMillionths":
      return { kind: "tolerate_share", shareMillionths: rule.value };
    case undefined:
      throw newerFormat("a rule for dead tasks is not known here");
  }
}

const noBytes = new Uint8Array(0);

export function packJobSpec(spec: JobSpec): wire.JobSpec {
  return {
    namespace: spec.namespace,
    name: spec.name,
    labels: spec.labels.map(({ name, value }) => ({ name, value })),
    onTaskFailure: { rule: packRule(spec.onTaskFailure) },
    trace: { ...spec.trace },
    uploadTtlMs: BigInt(spec.uploadTtlMs),
    stages: spec.stages.map(packStage),
    source: Buffer.from(spec.source ?? noBytes),
  };
}

export function readJobSpec(spec: wire.JobSpec): JobSpec {
  const { traceparent, tracestate, baggage } = present(spec.trace, "a trace context");
  const read: JobSpec = {
    namespace: spec.namespace,
    name: spec.name,
    labels: spec.labels.map(({ name, value }) => ({ name, value })),
    onTaskFailure: readRule(present(spec.onTaskFailure, "a rule for dead tasks").rule),
    trace: { traceparent, tracestate, baggage },
    uploadTtlMs: safe(spec.uploadTtlMs),
    stages: spec.stages.map(readStage),
  };
  return spec.source.length === 0 ? read : { ...read, source: new Uint8Array(spec.source) };
}

export function packWorkerSpec(spec: WorkerSpec): wire.WorkerSpec {
  return {
    workerId: spec.workerId,
    incarnation: spec.incarnation,
    namespaces: [...spec.namespaces],
    host: spec.host,
    rack: spec.rack,
    capacity: packResources(spec.capacity),
    labels: spec.labels.map(({ name, value }) => ({ name, value })),
    types: [...spec.types],
    prefetchTasks: spec.prefetchTasks,
    sdk: spec.sdk,
  };
}

export function readWorkerSpec(spec: wire.WorkerSpec): WorkerSpec {
  return {
    workerId: spec.workerId,
    incarnation: spec.incarnation,
    namespaces: spec.namespaces,
    host: spec.host,
    rack: spec.rack,
    capacity: readResources(spec.capacity),
    labels: spec.labels.map(({ name, value }) => ({ name, value })),
    types: spec.types,
    prefetchTasks: spec.prefetchTasks,
    sdk: spec.sdk,
  };
}
