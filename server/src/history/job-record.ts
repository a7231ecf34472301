import type { JobNo, JobSpec, JobState, StageNo, TaskNo, WallMs } from "../core/index.js";
import { decodeJobSpec } from "../journal/entry/index.js";

/** Tasks that lie side by side: indexes from `firstIndex` are numbers from `firstTask`. */
export interface Stretch {
  readonly firstIndex: number;
  readonly firstTask: TaskNo;
  count: number;
}

/** Something that is made when it is first asked for: most jobs end without anybody looking at their spec. */
export type Lazy<T> = () => T;

/** A stage, as far as it has come. */
export interface StageRecord {
  readonly job: JobRecord;
  readonly position: number;
  opened: boolean;
  pruned: boolean;
  taskCount: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  retries: number;
  readonly stretches: Stretch[];
}

/** A job, as far as it has come. */
export interface JobRecord {
  readonly no: JobNo;
  readonly id: string;
  readonly spec: Lazy<JobSpec>;
  readonly idempotencyKey: string;
  readonly submittedWall: WallMs;
  readonly firstStage: StageNo;
  state: JobState;
  run: number;
  cancelCause: string;
  note: string;
  finishedWall: WallMs | undefined;
  /** When it is to be removed, if it says so itself. */
  expiresWall: WallMs | undefined;
  /** How long it is kept from its end on, if it says so itself. */
  readonly keptMs: number | undefined;
  failedTask: TaskNo | undefined;
  readonly stages: StageRecord[];
  /** How often each kind of task has a number of its own. */
  kinds: Map<string, number> | undefined;
  isStored: boolean;
  isDirty: boolean;
}

/** A row of the table `job`. */
interface JobRow {
  readonly no: number;
  readonly id: string;
  readonly state: JobState;
  readonly run: number;
  readonly cancel_cause: string;
  readonly note: string;
  readonly idempotency_key: string;
  readonly submitted_wall: number;
  readonly finished_wall: number | null;
  readonly expires_wall: number | null;
  readonly kept_ms: number | null;
  readonly failed_task: number | null;
  readonly first_stage: number;
  readonly stages: string;
  readonly spec_bytes: Uint8Array;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
}

/** What a query for rows of jobs begins with. */
export const selectJob =
  "SELECT job.*, spec.bytes AS spec_bytes FROM job JOIN spec ON spec.no = job.spec";

/** What of a job changes, in the order of the columns. */
export function changing(job: JobRecord) {
  return [
    job.state,
    job.run,
    job.cancelCause,
    job.note,
    job.finishedWall ?? null,
    job.expiresWall ?? null,
    job.failedTask ?? null,
    stagesText(job.stages),
  ] as const;
}

/** Stages as one text: numbers of each, and of each of its stretches of tasks. */
function stagesText(stages: readonly StageRecord[]): string {
  const rows = stages.map((stage) => [
    Number(stage.opened),
    Number(stage.pruned),
    stage.taskCount,
    stage.succeeded,
    stage.failed,
    stage.cancelled,
    stage.retries,
    ...stage.stretches.flatMap(({ firstIndex, firstTask, count }) => [
      firstIndex,
      firstTask,
      count,
    ]),
  ]);
  return JSON.stringify(rows);
}

/** A row as it was written. @param found by a query that begins with {@link selectJob} */
export function recordOf(found: object): JobRecord {
  const row = found as JobRow;
  const stages: StageRecord[] = [];
  const job: JobRecord = {
    no: row.no,
    id: row.id,
    spec: lazy(() => {
      const { traceparent, tracestate, baggage } = row;
      return { ...decodeJobSpec(row.spec_bytes), trace: { traceparent, tracestate, baggage } };
    }),
    idempotencyKey: row.idempotency_key,
    submittedWall: row.submitted_wall,
    firstStage: row.first_stage,
    state: row.state,
    run: row.run,
    cancelCause: row.cancel_cause,
    note: row.note,
    finishedWall: row.finished_wall ?? undefined,
    expiresWall: row.expires_wall ?? undefined,
    keptMs: row.kept_ms ?? undefined,
    failedTask: row.failed_task ?? undefined,
    stages,
    kinds: undefined,
    isStored: true,
    isDirty: false,
  };
  for (const [position, numbers] of (JSON.parse(row.stages) as number[][]).entries()) {
    const [opened, pruned, taskCount, succeeded, failed, cancelled, retries, ...rest] = numbers;
    const stretches: Stretch[] = [];
    for (let i = 0; i < rest.length; i += 3) {
      const [firstIndex, firstTask, count] = rest.slice(i, i + 3) as [number, number, number];
      stretches.push({ firstIndex, firstTask, count });
    }
    stages.push({
      job,
      position,
      opened: opened === 1,
      pruned: pruned === 1,
      taskCount: taskCount ?? 0,
      succeeded: succeeded ?? 0,
      failed: failed ?? 0,
      cancelled: cancelled ?? 0,
      retries: retries ?? 0,
      stretches,
    });
  }
  return job;
}

function lazy<T>(make: () => T): Lazy<T> {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Has the stage more tasks: so many, numbered from `firstTask` on, behind those that it had. */
export function grow(stage: StageRecord, firstTask: TaskNo, count: number): void {
  if (count === 0) return;
  const last = stage.stretches[stage.stretches.length - 1];
  if (last !== undefined && last.firstTask + last.count === firstTask) last.count += count;
  else stage.stretches.push({ firstIndex: stage.taskCount, firstTask, count });
  stage.taskCount += count;
}

/** The number of the task at an index. @returns undefined when the stage has no such index */
export function taskAt({ stretches }: StageRecord, index: number): TaskNo | undefined {
  let low = 0;
  let high = stretches.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const stretch = stretches[middle] as Stretch;
    if (index < stretch.firstIndex) high = middle - 1;
    else if (index >= stretch.firstIndex + stretch.count) low = middle + 1;
    else return stretch.firstTask + (index - stretch.firstIndex);
  }
  return undefined;
}
