import { DependencyKind } from "@capstan/proto/capstan/v1/common.js";
import type {
  Job,
  Stage,
  TaskCounts,
  JobSpec as JobSpecMessage,
} from "@capstan/proto/capstan/v1/job.js";
import { EndCause, JobSpec, JobState } from "@capstan/proto/capstan/v1/job.js";
import type {
  CountsView,
  Dependency,
  JobSpec as CoreJobSpec,
  JobState as CoreJobState,
  JobView,
  StageView,
} from "../../core/index.js";
import { encodeFailure } from "./encode-failure.js";
import { timestamp } from "./encode-time.js";

const states = {
  uploading: JobState.JOB_STATE_UPLOADING,
  running: JobState.JOB_STATE_RUNNING,
  failing: JobState.JOB_STATE_FAILING,
  cancelling: JobState.JOB_STATE_CANCELLING,
  succeeded: JobState.JOB_STATE_SUCCEEDED,
  failed: JobState.JOB_STATE_FAILED,
  cancelled: JobState.JOB_STATE_CANCELLED,
} as const satisfies Record<CoreJobState, JobState>;

const dependencyKinds = {
  all: DependencyKind.DEPENDENCY_KIND_ALL,
  partition: DependencyKind.DEPENDENCY_KIND_PARTITION,
  each: DependencyKind.DEPENDENCY_KIND_EACH,
} as const satisfies Record<Dependency["kind"], DependencyKind>;

/** A state as a reply of the core names it. */
export function encodeJobState(state: string): JobState {
  return states[state as CoreJobState];
}

/** @returns undefined for a value that is no state of a job */
export function decodeJobState(value: JobState): CoreJobState | undefined {
  return (Object.keys(states) as CoreJobState[]).find((state) => states[state] === value);
}

/** How much of a job is sent: a list leaves out stages and spec, progress the spec. */
export type JobExtent = "list" | "progress" | "whole";

/** @param failure the whole of the failure that decided it; undefined: its stack is left out */
export function encodeJob(view: JobView, extent: JobExtent, failure?: Uint8Array): Job {
  const { spec } = view;
  return {
    jobId: view.id,
    namespace: spec.namespace,
    name: spec.name,
    state: states[view.state],
    paused: false,
    run: view.run,
    open: false,
    sealed: view.state !== "uploading" && view.cancelCause !== "upload_lapsed",
    counts: sumCounts(view.stages),
    stages: extent === "list" ? [] : view.stages.map((stage, i) => encodeStage(spec, stage, i)),
    labels: Object.fromEntries(spec.labels.map(({ name, value }) => [name, value])),
    priority: 0,
    cause: causeOf(view),
    failure: view.failure === undefined ? undefined : encodeFailure(view.failure, failure),
    note: view.note,
    createdAt: timestamp(view.submittedWall),
    sealedAt: undefined,
    startedAt: undefined,
    finishedAt: timestamp(view.finishedWall),
    deadlineRemainingMs: undefined,
    idempotencyKey: view.idempotencyKey,
    traceContext:
      spec.trace.traceparent === "" && spec.trace.baggage === "" ? undefined : spec.trace,
    spec: extent === "whole" ? encodeSpec(spec) : undefined,
    deadLetterCount: sum(view.stages, "failed"),
    warnings: [],
    failedTaskId: failedTaskOf(view),
  };
}

function failedTaskOf({ id, failedTask }: JobView): string {
  return failedTask === undefined ? "" : `${id}/${failedTask.stage}/${failedTask.index}`;
}

function encodeSpec({ source }: CoreJobSpec): JobSpecMessage {
  return source === undefined ? JobSpec.fromPartial({}) : JobSpec.decode(source);
}

function encodeStage(spec: CoreJobSpec, view: StageView, position: number): Stage {
  const stage = spec.stages[position];
  return {
    name: view.name,
    taskType: stage?.task.type ?? "",
    dependsOn: (stage?.dependsOn ?? []).map(({ stage: name, kind }) => ({
      stage: name,
      kind: dependencyKinds[kind],
    })),
    partitions: stage?.partitions ?? 1,
    counts: encodeCounts(view.counts, view.retries),
    nextIndex: view.taskCount,
  };
}

function causeOf(view: JobView): EndCause {
  if (view.state === "failing" || view.state === "failed") return EndCause.END_CAUSE_FAILURE;
  if (view.cancelCause === "upload_lapsed") return EndCause.END_CAUSE_UPLOAD_LAPSED;
  if (view.cancelCause !== "") return EndCause.END_CAUSE_REQUESTED;
  return EndCause.END_CAUSE_UNSPECIFIED;
}

function sum(stages: readonly StageView[], state: keyof CountsView): number {
  return stages.reduce((total, { counts }) => total + counts[state], 0);
}

function sumCounts(stages: readonly StageView[]): TaskCounts {
  const [only] = stages;
  if (only !== undefined && stages.length === 1) return encodeCounts(only.counts, only.retries);
  const counts: CountsView = {
    blocked: sum(stages, "blocked"),
    scheduled: sum(stages, "scheduled"),
    pending: sum(stages, "pending"),
    leased: sum(stages, "leased"),
    running: sum(stages, "running"),
    succeeded: sum(stages, "succeeded"),
    failed: sum(stages, "failed"),
    cancelled: sum(stages, "cancelled"),
  };
  return encodeCounts(
    counts,
    stages.reduce((total, { retries }) => total + retries, 0),
  );
}

export function encodeCounts(counts: CountsView, retries: number): TaskCounts {
  const { blocked, scheduled, pending, leased, running, succeeded, failed, cancelled } = counts;
  return {
    total: blocked + scheduled + pending + leased + running + succeeded + failed + cancelled,
    blocked,
    scheduled,
    pending,
    leased,
    running,
    succeeded,
    failed,
    cancelled,
    dropped: 0,
    retries,
    deadRecords: 0,
  };
}
