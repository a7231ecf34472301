import type { JobNo, StageNo, TaskNo } from "../ids.js";
import type { StageSpec } from "../spec.js";
import { dropChunk, RefColumn, RetiredRows, U32Column, U8Column } from "./columns.js";
import type { TaskStateCode } from "./tasks.js";
import { TaskState } from "./tasks.js";
import { Totals } from "./totals.js";

/** How many tasks of a stage are in each state. They add up to the stage's tasks, always. */
export type TaskCounts = Readonly<Record<keyof typeof TaskState, number>>;

const taskStateCount = Object.keys(TaskState).length;

/** Tasks that lie side by side: indexes from `firstIndex` are numbers from `firstTask`. */
export interface Segment {
  readonly firstIndex: number;
  readonly firstTask: TaskNo;
  count: number;
}

/** Bytes that lie on each host (by number), for each output partition given by reference. */
export type PartitionHosts = Map<number, Map<number, number>>;

/** All stages, as columns, for the reason that jobs are. What few stages have lies in maps. */
export class StageTable {
  /** How many stages there are; numbers are [0, count). */
  count = 0;

  readonly job = new U32Column();
  readonly position = new U8Column();
  readonly spec = new RefColumn<StageSpec>();
  readonly opened = new U8Column();
  readonly pruned = new U8Column();
  readonly taskCount = new U32Column();
  /** By the state of tasks, then by stage. */
  readonly counts = Array.from({ length: taskStateCount }, () => new U32Column());
  readonly retries = new U32Column();
  readonly running = new U32Column();
  readonly firstTask = new U32Column();
  readonly segments = new Map<StageNo, Segment[]>();
  readonly partitionHosts = new Map<StageNo, PartitionHosts>();
  /** One more than the number of its first bag; 0: it has none yet. */
  readonly firstBag = new U32Column();
  /** All bags of stages that have more than one. */
  readonly bags = new Map<StageNo, number[]>();
  /** Derived: sums over the stages of jobs that have not ended. */
  readonly totals = new Totals();

  readonly gone = new RetiredRows();
  readonly #columns = [
    ...[this.job, this.position, this.spec, this.opened, this.pruned, this.taskCount],
    ...[...this.counts, this.retries, this.running, this.firstTask, this.firstBag],
  ];
  #last = new Stage(this, 0);

  /** A view of a stage: what is read and written through it is the stage's, however many views there are. */
  at(no: StageNo): Stage {
    // Tasks that come one after another are often of one stage.
    if (this.#last.no !== no) this.#last = new Stage(this, no);
    return this.#last;
  }

  /** Adds a stage, closed and without tasks. @param position in the job's spec */
  add(job: JobNo, position: number, spec: StageSpec): Stage {
    const no = this.count++;
    this.job.set(no, job);
    this.position.set(no, position);
    this.spec.set(no, spec);
    return this.at(no);
  }

  /** Stages of a job lie side by side. */
  slice(from: StageNo, count: number): Stage[] {
    return Array.from({ length: count }, (_, i) => new Stage(this, from + i));
  }

  /** Nothing of the stage is left. */
  forget(no: StageNo): void {
    this.spec.set(no, undefined);
    for (const map of [this.segments, this.partitionHosts, this.bags]) map.delete(no);
    const chunk = this.gone.add(no);
    if (chunk >= 0) dropChunk(this.#columns, chunk);
  }

  *[Symbol.iterator](): Generator<Stage> {
    for (let no = 0; no < this.count; no++) if (!this.gone.has(no)) yield new Stage(this, no);
  }
}

/** A row of the table. Durable, but for what is named derived. */
export class Stage {
  readonly no: StageNo;
  readonly #table: StageTable;

  constructor(table: StageTable, no: StageNo) {
    this.#table = table;
    this.no = no;
  }

  get job(): JobNo {
    return this.#table.job.get(this.no);
  }

  /** Its place in the job's spec. */
  get position(): number {
    return this.#table.position.get(this.no);
  }

  get spec(): StageSpec {
    return this.#table.spec.get(this.no) as StageSpec;
  }

  /** Dependencies on whole stages are met; tasks may be placed. */
  get opened(): boolean {
    return this.#table.opened.get(this.no) === 1;
  }

  set opened(opened: boolean) {
    if (opened && !this.opened) this.#table.totals.countShut(-this.countIn(TaskState.waiting));
    this.#table.opened.set(this.no, opened ? 1 : 0);
  }

  /** Blocked tasks that remain will never be reached. */
  get pruned(): boolean {
    return this.#table.pruned.get(this.no) === 1;
  }

  set pruned(pruned: boolean) {
    this.#table.pruned.set(this.no, pruned ? 1 : 0);
  }

  get taskCount(): number {
    return this.#table.taskCount.get(this.no);
  }

  get counts(): TaskCounts {
    return {
      blocked: this.countIn(TaskState.blocked),
      waiting: this.countIn(TaskState.waiting),
      scheduled: this.countIn(TaskState.scheduled),
      leased: this.countIn(TaskState.leased),
      succeeded: this.countIn(TaskState.succeeded),
      failed: this.countIn(TaskState.failed),
      cancelled: this.countIn(TaskState.cancelled),
    };
  }

  /** How many of its tasks are in a state. */
  countIn(state: TaskStateCode): number {
    return (this.#table.counts[state] as U32Column).get(this.no);
  }

  /** Counts a task in or out of a state. */
  count(state: TaskStateCode, by: 1 | -1): void {
    const { counts, totals } = this.#table;
    (counts[state] as U32Column).add(this.no, by);
    totals.count(state, by);
    if (state === TaskState.waiting && !this.opened) totals.countShut(by);
  }

  /** Attempts that failed and were followed by another. */
  get retries(): number {
    return this.#table.retries.get(this.no);
  }

  set retries(retries: number) {
    this.#table.totals.retries += retries - this.retries;
    this.#table.retries.set(this.no, retries);
  }

  /** Volatile: how many of its leased tasks a worker said it has started. */
  get running(): number {
    return this.#table.running.get(this.no);
  }

  /** Counts a live lease that has started, or that had and ends. */
  countRunning(by: 1 | -1): void {
    this.#table.running.add(this.no, by);
    this.#table.totals.running += by;
  }

  /** Its job has ended: nothing of it changes from now on, and the totals are of jobs that have not. */
  leaveTotals(): void {
    this.#sum(-1);
  }

  /** Its job, which has not ended, is there again. */
  joinTotals(): void {
    this.#sum(1);
  }

  #sum(sign: 1 | -1): void {
    const { totals, counts } = this.#table;
    for (const [state, column] of counts.entries()) {
      totals.count(state as TaskStateCode, sign * column.get(this.no));
    }
    if (!this.opened) totals.countShut(sign * this.countIn(TaskState.waiting));
    totals.running += sign * this.running;
    totals.retries += sign * this.retries;
  }

  /** The number of its first task. The others follow it side by side, unless there are segments. */
  get firstTask(): TaskNo {
    return this.#table.firstTask.get(this.no);
  }

  get segments(): readonly Segment[] | undefined {
    const { segments } = this.#table;
    return segments.size === 0 ? undefined : segments.get(this.no);
  }

  get partitionHosts(): PartitionHosts | undefined {
    const { partitionHosts } = this.#table;
    return partitionHosts.size === 0 ? undefined : partitionHosts.get(this.no);
  }

  set partitionHosts(hosts: PartitionHosts) {
    this.#table.partitionHosts.set(this.no, hosts);
  }

  /** Derived: numbers of its bags. */
  get bags(): readonly number[] {
    const first = this.#table.firstBag.get(this.no);
    return first === 0 ? noBags : (this.#table.bags.get(this.no) ?? [first - 1]);
  }

  addBag(bag: number): void {
    const { firstBag, bags } = this.#table;
    const first = firstBag.get(this.no);
    const known = bags.get(this.no);
    if (first === 0) firstBag.set(this.no, bag + 1);
    else if (known === undefined) bags.set(this.no, [first - 1, bag]);
    else known.push(bag);
  }

  /** Has it more tasks: so many, numbered from `firstTask` on, behind those that it had. */
  grow(firstTask: TaskNo, more: number): void {
    const table = this.#table;
    const before = table.taskCount.get(this.no);
    table.taskCount.set(this.no, before + more);
    if (before === 0) {
      table.firstTask.set(this.no, firstTask);
      return;
    }
    const segments = table.segments.get(this.no);
    const last = segments?.[segments.length - 1];
    if (segments === undefined || last === undefined) {
      if (firstTask === this.firstTask + before) return;
      table.segments.set(this.no, [
        { firstIndex: 0, firstTask: this.firstTask, count: before },
        { firstIndex: before, firstTask, count: more },
      ]);
    } else if (last.firstTask + last.count === firstTask) {
      last.count += more;
    } else {
      segments.push({ firstIndex: before, firstTask, count: more });
    }
  }
}

const noBags: readonly number[] = [];

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
