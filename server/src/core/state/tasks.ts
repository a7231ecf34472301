import type { TaskNo } from "../ids.js";
import { dropChunk, F64Column, RetiredRows, U16Column, U32Column, U8Column } from "./columns.js";

/**
 * States of a task as they are stored. Whether a waiting task is *blocked* or *pending* is its
 * stage's to say (`stage.opened`), whether a leased one is *running* its lease's: a change of a
 * million tasks is then one flag.
 */
export const TaskState = {
  /** An EACH dependency has not succeeded yet. */
  blocked: 0,
  /** In line, if its stage is open. */
  waiting: 1,
  /** Run-at or backoff has not come yet. */
  scheduled: 2,
  leased: 3,
  succeeded: 4,
  failed: 5,
  cancelled: 6,
} as const;

export type TaskStateCode = (typeof TaskState)[keyof typeof TaskState];

/** Is this the end of a task, in this generation? */
export function isTerminal(state: number): boolean {
  return state >= TaskState.succeeded;
}

/** All tasks, as columns. Durable, but for what is named derived. */
export class TaskTable {
  /** How many tasks there are; numbers are [0, count). */
  count = 0;

  readonly state = new U8Column();
  readonly stage = new U32Column();
  readonly index = new U32Column();
  /** Which bag of like tasks it belongs to; also says its kind (type, demand, policy). */
  readonly bag = new U32Column();
  readonly generation = new U16Column();
  /** The number of the last delivery; 0: never granted. */
  readonly delivery = new U32Column();
  /** Budgets used up in this generation. */
  readonly failures = new U32Column();
  readonly lost = new U16Column();
  readonly oom = new U16Column();
  readonly deliveries = new U32Column();

  readonly body = new F64Column();
  readonly bodyBytes = new U32Column();
  readonly inputBytes = new F64Column();
  readonly recordCount = new U32Column();
  /** Where its hosts lie in the pool of hosts, and how many. */
  readonly hostsAt = new U32Column();
  readonly hostsCount = new U8Column();

  /** When a scheduled task is due. */
  readonly runAt = new F64Column();
  /** The live lease; 0: none. */
  readonly lease = new F64Column();
  /** The last delivery that was settled, and how (`outcomeCodes`). */
  readonly settledDelivery = new U32Column();
  readonly settledOutcome = new U8Column();
  /** First of the blobs of its outputs; 0: there are none. */
  readonly outputs = new F64Column();
  readonly outputsCount = new U32Column();

  /** Facts of the last delivery, for those who ask. */
  readonly lastWorker = new U32Column();
  readonly lastLevel = new U8Column();
  readonly grantedWall = new F64Column();
  readonly endedWall = new F64Column();

  readonly gone = new RetiredRows();
  readonly #columns = [
    ...[this.state, this.stage, this.index, this.bag, this.generation, this.delivery],
    ...[this.failures, this.lost, this.oom, this.deliveries, this.body, this.bodyBytes],
    ...[this.inputBytes, this.recordCount, this.hostsAt, this.hostsCount, this.runAt, this.lease],
    ...[this.settledDelivery, this.settledOutcome, this.outputs, this.outputsCount],
    ...[this.lastWorker, this.lastLevel, this.grantedWall, this.endedWall],
  ];

  /** Is it a task that is here, and has not left with its job? */
  has(task: TaskNo): boolean {
    return task >= 0 && task < this.count && !this.gone.has(task);
  }

  /** Nothing of the task is left. */
  forget(task: TaskNo): void {
    const chunk = this.gone.add(task);
    if (chunk >= 0) dropChunk(this.#columns, chunk);
  }

  /** The attempt that runs, or that comes next. */
  attempt(task: TaskNo): number {
    return this.failures.get(task) + 1;
  }
}
