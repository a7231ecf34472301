import type { DependencyKind, TaskInput } from "../job-definition.js";
import type { TaskOutput } from "../output-views.js";
import type { Failure } from "../views.js";

/** The task that a handler is given. */
export interface Task<Payload = unknown> {
  /** Its id: `job/stage/index`. */
  readonly taskId: string;
  /** The namespace of its job. */
  readonly namespace: string;
  /** Its job. */
  readonly jobId: string;
  /** What the job is called. */
  readonly jobName: string;
  /** Its stage. */
  readonly stage: string;
  /** Its index in the stage, from 0. */
  readonly index: number;
  /** Its type. */
  readonly type: string;
  /**
   * Its payload, through the worker's codec and, where one was given, the parser. Empty is `undefined`.
   * Decoded when it is first read.
   * @throws InvalidPayloadError when the codec cannot decode it
   */
  readonly payload: Payload;
  /** The payload as it came, whatever the codec. Not a copy: do not write to it. */
  bytes(): Uint8Array;
  /** The data that it reads. */
  readonly inputs: readonly TaskInput[];
  /** Into how many partitions its output is divided. */
  readonly partitions: number;
  /** The job's labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** The records to do, by their index in the input, when only some are left; empty means all. */
  readonly pendingRecords: readonly number[];
  /** How many records its input has, if that was declared. */
  readonly recordCount: number | undefined;
  /** The outputs of other stages that it reads, by `context.readPartition`. */
  readonly upstream: readonly Upstream[];
  /** The batch that it came in, in an open job. */
  readonly batch: TaskBatch | undefined;
}

/** What a task reads of another stage. */
export interface Upstream {
  /** The stage to read from. */
  readonly stage: string;
  /** How the reading stage depends on it. */
  readonly kind: DependencyKind;
  /** How many tasks it has. */
  readonly taskCount: number;
  /** How many partitions each of its outputs has. */
  readonly partitions: number;
}

/** The batch that a task came in. */
export interface TaskBatch {
  /** The name that the source gave it. */
  readonly batchId: string;
  /** Its ordering key; empty when it is unordered. */
  readonly orderingKey: string;
  /** Where in the source it starts. */
  readonly startPosition: bigint;
  /** Where in the source it ends. */
  readonly endPosition: bigint;
}

/** What a handler knows about its run, at any depth of its own calls (`currentTask()`). */
export interface TaskContext {
  /** The task. */
  readonly task: Task;
  /**
   * Aborted when the work is not wanted any more, with a reason of class CancelRequested, LeaseLost,
   * DeadlineExceeded, TimedOut or Draining. A handler that goes on keeps its slot until it ends.
   */
  readonly signal: AbortSignal;
  /** The attempt, from 1: 1 + the failures charged to the task in this generation. */
  readonly attempt: number;
  /** How many attempts it has in a generation. */
  readonly maxAttempts: number;
  /** Whether a failure of this attempt is final. */
  readonly isLastAttempt: boolean;
  /** The number of this lease in the task's life, from 1. */
  readonly delivery: number;
  /** The generation, from 1; a redrive starts the next. */
  readonly generation: number;
  /** Whether it is a second copy of an attempt that runs elsewhere. */
  readonly speculative: boolean;
  /** The newest failure of the task in this generation. */
  readonly previousFailure: Failure | undefined;
  /** The newest checkpoint: what an earlier delivery or `saveCheckpoint` left. */
  readonly checkpoint: Uint8Array | undefined;
  /** Who runs it. */
  readonly workerId: string;
  /** The `traceparent` of the submit; empty when there was none. */
  readonly traceparent: string;
  /** The `tracestate` of the submit; empty when there was none. */
  readonly tracestate: string;
  /** The `baggage` of the submit; empty when there was none. */
  readonly baggage: string;
  /**
   * What is left until the time-out of the attempt, or the deadline of the task or its job, whichever is
   * nearer. Milliseconds, 0 when it has passed; undefined when there is none.
   */
  remainingMs(): number | undefined;
  /**
   * Says how far the task is. Sent a few times a second at most, the newest last; renews the lease.
   * @param fraction from 0 to 1; one that is lower than before is ignored
   * @param note a word for people, at most 1,024 bytes (longer is cut)
   */
  progress(fraction: number, note?: string): void;
  /**
   * Leaves where the next delivery can go on; replaces the one before. At most 65,536 bytes.
   * @throws RangeError when it is larger
   */
  saveCheckpoint(bytes: Uint8Array): void;
  /**
   * Says that one record of the input failed while the task goes on: only such records are tried again.
   * At most 1,000; when more fail, the whole attempt does.
   * @param index the record's index in the whole input, from 0
   * @param error what went wrong, as it would be thrown
   */
  failRecord(index: number, error: unknown, record?: RecordContent): void;
  /** Says how many records the input has, when that was not declared at submit. */
  setRecordCount(count: number): void;
  /**
   * Reads what the tasks of another stage left for this one: with PARTITION partition i of each task, i
   * being this task's index; with EACH all partitions of task i; with ALL everything. Ordered by task;
   * goes on by its cursor after a break of the link.
   * @param stage the stage; may be left out when the task reads one alone
   * @throws RangeError when the task does not read that stage
   */
  readPartition(stage?: string): AsyncIterable<TaskOutput>;
}

/** What is kept of a failed record. */
export interface RecordContent {
  /** Its key. At most 1,024 bytes. */
  readonly key?: Uint8Array | string;
  /** The record itself. All of a report are together at most 128 KiB. */
  readonly content?: Uint8Array | string;
}

/**
 * Runs one task. What it returns is the output: `undefined` is none; a `Uint8Array` or any value of the
 * codec (JSON) is partition 0; `partitioned(…)` divides it; `reference(…)` says where it lies. What it
 * throws is the failure: a PermanentError is not tried again, anything else is.
 */
export type Handler<Payload, Output> = (
  task: Task<Payload>,
  context: TaskContext,
) => Output | Promise<Output>;

/** Checks a payload, and gives it its type: a function that throws, or a Standard Schema (zod, valibot, …). */
export type Parser<Payload> = ((value: unknown) => Payload) | StandardSchema<Payload>;

/** The part of a Standard Schema that is used here. Source: https://standardschema.dev */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a Standard Schema says of a value. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };
