import { findJob } from "../decide/shared.js";
import type { BlobId, TaskNo } from "../ids.js";
import type { Stage } from "../state/stages.js";
import { taskAt } from "../state/stages.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** One output partition of one task. */
export interface OutputView {
  readonly index: number;
  readonly generation: number;
  readonly attempt: number;
  readonly partition: number;
  readonly blob: BlobId;
}

/** The partition of a task; Infinity: behind its last. */
export interface OutputPlace {
  readonly index: number;
  readonly partition: number;
}

/** Which outputs are asked for, and from where on. */
export interface OutputsFilter {
  readonly stage: string;
  /** Undefined: all partitions. */
  readonly partition: number | undefined;
  /** Undefined: all tasks of the stage. */
  readonly index: number | undefined;
  /** After which output to go on; undefined: from the first. */
  readonly after: OutputPlace | undefined;
}

export type OutputsPage =
  | {
      readonly kind: "job_not_found" | "stage_not_found" | "task_not_found" | "partition_not_found";
    }
  /** Tasks of the stage, or the one asked for, have not come to their end. */
  | { readonly kind: "not_ready" }
  | {
      readonly kind: "page";
      readonly outputs: readonly OutputView[];
      /** Task index at which to go on, when nothing of it was given; undefined: that was all. */
      readonly next: number | undefined;
    };

/**
 * Outputs of a stage by task, then partition: of all tasks that succeeded, once every task of the
 * stage has ended; or of one task, once it has succeeded.
 *
 * @param tasksMax how many tasks are looked at, and `outputsMax` after how many outputs the page
 *   ends (with the task that reaches it), so that no reader stops the world
 */
export function readOutputs(
  state: State,
  namespace: string,
  id: string,
  filter: OutputsFilter,
  tasksMax: number,
  outputsMax: number,
): OutputsPage {
  const job = findJob(state, namespace, id);
  if (job === undefined) return { kind: "job_not_found" };
  const position = job.spec.stages.findIndex(({ name }) => name === filter.stage);
  if (position === -1) return { kind: "stage_not_found" };
  const stage = state.stage(job.firstStage + position);
  if (filter.partition !== undefined && filter.partition >= stage.spec.partitions) {
    return { kind: "partition_not_found" };
  }
  if (filter.index !== undefined) return ofOneTask(state, stage, filter.index, filter);
  if (job.state === "uploading" || !hasEnded(stage)) return { kind: "not_ready" };
  const outputs: OutputView[] = [];
  const from = filter.after?.index ?? 0;
  let index = from;
  for (; index < stage.taskCount && index - from < tasksMax; index++) {
    if (outputs.length >= outputsMax) break;
    const task = taskAt(stage, index);
    if (task !== undefined) collect(state, task, index, filter, outputs);
  }
  return { kind: "page", outputs, next: index < stage.taskCount ? index : undefined };
}

function hasEnded({ counts, taskCount }: Stage): boolean {
  return counts.succeeded + counts.failed + counts.cancelled === taskCount;
}

function ofOneTask(state: State, stage: Stage, index: number, filter: OutputsFilter): OutputsPage {
  const task = taskAt(stage, index);
  if (task === undefined) return { kind: "task_not_found" };
  if (state.tasks.state.get(task) !== TaskState.succeeded) return { kind: "not_ready" };
  const outputs: OutputView[] = [];
  collect(state, task, index, filter, outputs);
  return { kind: "page", outputs, next: undefined };
}

/** Blobs of a task's outputs lie side by side, in the ascending order of their partitions. */
function collect(
  state: State,
  task: TaskNo,
  index: number,
  { partition, after }: OutputsFilter,
  outputs: OutputView[],
): void {
  const first = state.tasks.outputs.get(task);
  if (first === 0 || state.tasks.state.get(task) !== TaskState.succeeded) return;
  const attempt = state.tasks.attempt(task);
  const generation = state.tasks.generation.get(task);
  const partitions = state.outputPartitions.get(task) ?? [];
  const least = after?.index === index ? after.partition + 1 : 0;
  for (let i = search(partitions, Math.max(least, partition ?? 0)); i < partitions.length; i++) {
    const own = partitions[i] as number;
    if (partition !== undefined && own !== partition) return;
    outputs.push({ index, generation, attempt, partition: own, blob: first + i });
  }
}

/** The place of the first partition that is at least `partition`. */
function search(partitions: readonly number[], partition: number): number {
  let low = 0;
  let high = partitions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((partitions[middle] as number) < partition) low = middle + 1;
    else high = middle;
  }
  return low;
}
