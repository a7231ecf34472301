import type { TraceContext } from "@capstan/proto/capstan/v1/common.js";
import type { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import { readText } from "../wire/text.js";
import { EncodedTasks, larger, plainView, TaskBounds } from "./encoded-tasks.js";

/** Everything that a job says but for its tasks; the same object for those that say the same. */
export interface JobHead {
  /** Its stages are without tasks. */
  readonly job: JobSpec;
  readonly traceContext: TraceContext | undefined;
  readonly moreToUpload: boolean;
}

/** One job of a request. */
export interface JobRequest {
  readonly idempotencyKey: string;
  /** Undefined: the request has no job. */
  readonly head: JobHead | undefined;
  /** By stage. */
  readonly tasks: readonly EncodedTasks[];
  /** What the job took on the wire. */
  readonly jobBytes: number;
}

// A row of the table of items: where the key lies, the head's number (-1: the request has no job), what the job
// took on the wire, its first stage and how many it has.
const rowWidth = 6;

/**
 * The items of a request, found good as messages and not yet made into anything: a request that waits for its
 * turn is a few arrays, however many jobs it brings.
 */
export class EncodedItems implements Iterable<JobRequest> {
  readonly #bytes: Buffer;
  readonly #plainBytes: Uint8Array;
  readonly #tasks = new TaskBounds();
  readonly #heads: JobHead[] = [];
  #rows = new Int32Array(rowWidth);
  /** For each stage of each job the number of its first task; those of the next stage begin where they end. */
  #stages = new Int32Array(2);
  #stageCount = 0;
  #length = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#plainBytes = plainView(bytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Makes an item. @throws RangeError when its key is no text */
  at(i: number): JobRequest {
    const rows = this.#rows;
    const row = i * rowWidth;
    const keyAt = rows[row] as number;
    const keyEnd = rows[row + 1] as number;
    const idempotencyKey = keyAt === keyEnd ? "" : readText(this.#bytes, keyAt, keyEnd);
    const head = this.#heads[rows[row + 2] as number];
    if (head === undefined) return { idempotencyKey, head, tasks: noTasks, jobBytes: 0 };
    const firstStage = rows[row + 4] as number;
    const stageCount = rows[row + 5] as number;
    const tasks = new Array<EncodedTasks>(stageCount);
    for (let stage = 0; stage < stageCount; stage++) {
      const from = this.#stages[firstStage + stage] as number;
      const to = this.#stages[firstStage + stage + 1] as number;
      tasks[stage] = new EncodedTasks(this.#plainBytes, this.#tasks, from, to);
    }
    return { idempotencyKey, head, tasks, jobBytes: rows[row + 3] as number };
  }

  *[Symbol.iterator](): Generator<JobRequest> {
    for (let i = 0; i < this.#length; i++) yield this.at(i);
  }

  /** How many stages there are by now. */
  get stageCount(): number {
    return this.#stageCount;
  }

  addTask(start: number, stop: number): void {
    this.#tasks.push(start, stop);
  }

  /** A stage begins: the tasks that follow are its own. */
  beginStage(): void {
    this.#noteStage(this.#stageCount);
    this.#stageCount += 1;
  }

  add(
    keyAt: number,
    keyEnd: number,
    head: JobHead | undefined,
    jobBytes: number,
    firstStage: number,
  ): void {
    const at = this.#length * rowWidth;
    if (at === this.#rows.length) this.#rows = larger(this.#rows, 16 * rowWidth);
    if (head !== undefined && this.#heads.at(-1) !== head) this.#heads.push(head);
    const rows = this.#rows;
    rows[at] = keyAt;
    rows[at + 1] = keyEnd;
    rows[at + 2] = head === undefined ? -1 : this.#heads.length - 1;
    rows[at + 3] = jobBytes;
    rows[at + 4] = firstStage;
    rows[at + 5] = this.#stageCount - firstStage;
    this.#length += 1;
    // Where the last stage ends, until another begins there.
    this.#noteStage(this.#stageCount);
  }

  #noteStage(at: number): void {
    if (at === this.#stages.length) this.#stages = larger(this.#stages, 16);
    this.#stages[at] = this.#tasks.count;
  }
}

const noTasks: readonly EncodedTasks[] = [];
