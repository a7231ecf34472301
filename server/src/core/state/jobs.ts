import type { JobNo, JournalMs, StageNo, TaskNo, WallMs } from "../ids.js";
import type { CancelCause, SweepScope } from "../events.js";
import { unreachable } from "../errors.js";
import type { JobSpec, StageSpec } from "../spec.js";
import type { TaskStateCode } from "./tasks.js";
import { TaskState } from "./tasks.js";

export type JobState =
  "uploading" | "running" | "failing" | "cancelling" | "succeeded" | "failed" | "cancelled";

/** How many tasks of a stage are in each state. They add up to the stage's tasks, always. */
export interface TaskCounts {
  blocked: number;
  waiting: number;
  scheduled: number;
  leased: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

/** Tasks that lie side by side: indexes from `firstIndex` are numbers from `firstTask`. */
export interface Segment {
  readonly firstIndex: number;
  readonly firstTask: TaskNo;
  count: number;
}

export interface Stage {
  readonly no: StageNo;
  readonly job: JobNo;
  /** Its place in the job's spec. */
  readonly position: number;
  readonly spec: StageSpec;
  /** Dependencies on whole stages are met; tasks may be placed. */
  opened: boolean;
  /** Blocked tasks that remain will never be reached. */
  pruned: boolean;
  taskCount: number;
  readonly counts: TaskCounts;
  /** Attempts that failed and were followed by another. */
  retries: number;
  /** The number of its first task. The others follow it side by side, unless there are segments. */
  firstTask: TaskNo;
  segments: Segment[] | undefined;
  /** Bytes that lie on each host (by number), for each output partition given by reference. */
  partitionHosts: Map<number, Map<number, number>> | undefined;
  /** Derived: numbers of its bags. */
  bags: number[];
}

export interface Sweep {
  readonly scope: SweepScope;
  readonly stage: StageNo;
  readonly index: number;
}

export interface Job {
  readonly no: JobNo;
  readonly id: string;
  readonly spec: JobSpec;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly submittedAt: JournalMs;
  readonly submittedWall: WallMs;
  readonly firstStage: StageNo;
  readonly stageCount: number;
  state: JobState;
  /** 1, and one more each time that a failed job is reopened. */
  run: number;
  /** When an unsealed upload lapses: so long after its last part. */
  uploadLapsesAt: JournalMs;
  sweep: Sweep | undefined;
  cancelCause: CancelCause | undefined;
  note: string;
  /** The task whose failure decided the job, or was the newest final one of it; undefined: none. */
  failedTask: TaskNo | undefined;
  finishedWall: WallMs | undefined;
  /** Derived: live leases (not the stopping ones: those hold no job back). */
  liveLeases: number;
  /** Derived: grows with every change, so that a watcher knows when to look. */
  revision: number;
}

export function emptyCounts(): TaskCounts {
  return { blocked: 0, waiting: 0, scheduled: 0, leased: 0, succeeded: 0, failed: 0, cancelled: 0 };
}

/** Counts tasks in or out of a state. Named one by one: looked up by name it would cost more. */
export function count(counts: TaskCounts, state: TaskStateCode, by: 1 | -1): void {
  switch (state) {
    case TaskState.blocked:
      counts.blocked += by;
      return;
    case TaskState.waiting:
      counts.waiting += by;
      return;
    case TaskState.scheduled:
      counts.scheduled += by;
      return;
    case TaskState.leased:
      counts.leased += by;
      return;
    case TaskState.succeeded:
      counts.succeeded += by;
      return;
    case TaskState.failed:
      counts.failed += by;
      return;
    case TaskState.cancelled:
      counts.cancelled += by;
      return;
    default:
      unreachable(state);
  }
}

/** Has the job come to its end? */
export function isFinished(state: JobState): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

/**
 * The number of the task at an index of a stage.
 *
 * @returns undefined when the stage has no such index
 */
export function taskAt(stage: Stage, index: number): TaskNo | undefined {
  const { segments } = stage;
  if (segments !== undefined) return taskIn(segments, index);
  return index >= 0 && index < stage.taskCount ? stage.firstTask + index : undefined;
}

function taskIn(segments: readonly Segment[], index: number): TaskNo | undefined {
  let low = 0;
  let high = segments.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle];
    if (segment === undefined) return undefined;
    if (index < segment.firstIndex) high = middle - 1;
    else if (index >= segment.firstIndex + segment.count) low = middle + 1;
    else return segment.firstTask + (index - segment.firstIndex);
  }
  return undefined;
}
