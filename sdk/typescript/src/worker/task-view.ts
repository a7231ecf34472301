import { decodeValue, type Codec } from "../codec.js";
import { inputOf } from "../client/views.js";
import { dependencyKindOf } from "../client/names.js";
import type { TaskInput } from "../job-definition.js";
import type { Lease } from "./lease.js";
import type { HandlerTask } from "./registration.js";
import type { TaskBatch, Upstream } from "./task.js";

const notYet = Symbol("not decoded yet");

/** The task that a handler is given: a view of its lease, each part decoded when it is first read. */
export class TaskView implements HandlerTask {
  readonly #lease: Lease;
  readonly #codec: Codec;
  #payload: unknown = notYet;
  #inputs: readonly TaskInput[] | undefined;

  constructor(lease: Lease, codec: Codec) {
    this.#lease = lease;
    this.#codec = codec;
  }

  get taskId(): string {
    return this.#lease.taskId;
  }

  get namespace(): string {
    return this.#lease.stage.context.namespace;
  }

  get jobId(): string {
    return this.#lease.stage.jobId;
  }

  get jobName(): string {
    return this.#lease.stage.context.jobName;
  }

  get stage(): string {
    return this.#lease.stage.context.stage;
  }

  get index(): number {
    return this.#lease.task.index;
  }

  get type(): string {
    return this.#lease.stage.context.taskType;
  }

  get payload(): unknown {
    if (this.#payload === notYet)
      this.#payload = decodeValue(this.#codec, this.#lease.task.payload);
    return this.#payload;
  }

  get bytes(): () => Uint8Array {
    return () => this.#lease.task.payload;
  }

  get inputs(): readonly TaskInput[] {
    this.#inputs ??= this.#lease.task.inputs.map(inputOf);
    return this.#inputs;
  }

  get partitions(): number {
    return Math.max(1, this.#lease.stage.context.partitions);
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#lease.stage.context.labels;
  }

  get pendingRecords(): readonly number[] {
    return this.#lease.task.pendingRecords;
  }

  get recordCount(): number | undefined {
    return this.#lease.task.recordCount;
  }

  get upstream(): readonly Upstream[] {
    return this.#lease.stage.context.upstream.map(({ stage, kind, taskCount, partitions }) => ({
      stage,
      kind: dependencyKindOf(kind),
      taskCount,
      partitions,
    }));
  }

  get batch(): TaskBatch | undefined {
    return this.#lease.stage.context.batch;
  }

  parsed(payload: unknown): void {
    this.#payload = payload;
  }
}
