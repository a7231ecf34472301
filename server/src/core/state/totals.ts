import type { TaskStateCode } from "./tasks.js";
import { TaskState } from "./tasks.js";

/**
 * How many tasks of jobs that have not ended are in each state: kept with every change, because whoever
 * watches a master asks often, and there may be a hundred thousand such jobs.
 */
export class Totals {
  readonly #counts = new Float64Array(Object.keys(TaskState).length);
  #shut = 0;
  /** Volatile: how many leased tasks a worker said it has started. */
  running = 0;
  /** Attempts that failed and were followed by another. */
  retries = 0;

  countIn(state: TaskStateCode): number {
    return this.#counts[state] as number;
  }

  count(state: TaskStateCode, by: number): void {
    this.#counts[state] = this.countIn(state) + by;
  }

  /** Waiting tasks whose stage is not open: nobody may have them yet. */
  get shut(): number {
    return this.#shut;
  }

  countShut(by: number): void {
    this.#shut += by;
  }
}
