import { AssignContext } from "@capstan/proto/capstan/v1/session.js";
import { DependencyKind } from "@capstan/proto/capstan/v1/common.js";
import type { AssignmentContext, AssignmentView } from "../../core/index.js";
import type { WireWriter } from "../wire/wire-writer.js";
import type { TaskBytes } from "./task-bytes.js";

// Fields of Assign and AssignedTask; session.proto has them in words.
const assign = { sequence: 1 << 3, contexts: (2 << 3) | 2, tasks: (3 << 3) | 2 } as const;
const task = {
  token: (1 << 3) | 2,
  context: 3 << 3,
  index: 4 << 3,
  delivery: 5 << 3,
  attempt: 6 << 3,
  isLastAttempt: 7 << 3,
  generation: 8 << 3,
  leaseRemainingMs: 10 << 3,
  previousFailure: (12 << 3) | 2,
  checkpoint: (13 << 3) | 2,
  recordCount: 15 << 3,
  ahead: 16 << 3,
} as const;

/** What the small fields of a task take, more or less; for the guess of its length. */
const smallFieldsBytes = 56;

/** How many bytes the task takes at the most, its context not counted. */
export function taskBytesMax({ start, stop, previousFailure, checkpoint }: TaskBytes): number {
  return stop - start + (previousFailure?.length ?? 0) + (checkpoint?.length ?? 0) + 160;
}

/** How many encoded contexts are kept: what several jobs that run at once need, and no more. */
const contextsMax = 256;

/**
 * Encoded contexts, the newest of them: made once for all their tasks, or nearly. Jobs that are alike
 * differ in their id alone, so that the rest is made once for all of them.
 */
export class ContextCache {
  readonly #encoded = new Map<AssignmentContext, Uint8Array>();
  #like: AssignmentContext | undefined;
  #rest: Uint8Array = new Uint8Array(0);

  get(context: AssignmentContext): Uint8Array {
    let encoded = this.#encoded.get(context);
    if (encoded === undefined) {
      encoded = Buffer.concat([encodeJobId(context.jobId), this.#restOf(context)]);
      for (const oldest of this.#encoded.keys()) {
        if (this.#encoded.size < contextsMax) break;
        this.#encoded.delete(oldest);
      }
      this.#encoded.set(context, encoded);
    }
    return encoded;
  }

  /** Everything but the id of the job. */
  #restOf(context: AssignmentContext): Uint8Array {
    const like = this.#like;
    const isLike =
      like?.spec === context.spec &&
      like.kind === context.kind &&
      like.stageName === context.stageName &&
      like.reads.length === 0 &&
      context.reads.length === 0;
    if (!isLike) {
      this.#like = context;
      this.#rest = encodeContext(context);
    }
    return this.#rest;
  }
}

/** Writes one Assign message, task by task. Its contexts are written where they are first needed. */
export class AssignWriter {
  readonly #indexes = new Map<AssignmentContext, number>();
  #last: AssignmentContext | undefined;
  #lastIndex = 0;

  constructor(
    private readonly writer: WireWriter,
    private readonly contexts: ContextCache,
  ) {}

  begin(sequence: number): void {
    this.#indexes.clear();
    this.#last = undefined;
    this.writer.uint32(assign.sequence, sequence);
  }

  /** How many bytes the task's context adds to this message. */
  contextBytes(context: AssignmentContext): number {
    const known = this.#last === context || this.#indexes.has(context);
    return known ? 0 : this.contexts.get(context).length + 8;
  }

  /** @param remainingMs what is left of the lease; undefined: a whole term */
  add(view: AssignmentView, bytes: TaskBytes, remainingMs: number | undefined): void {
    const { writer } = this;
    const context = this.#indexOf(view.context);
    const { section, start, stop, previousFailure, checkpoint } = bytes;
    const extra = (previousFailure?.length ?? 0) + (checkpoint?.length ?? 0);
    const mark = writer.open(assign.tasks, smallFieldsBytes + stop - start + extra);
    writer.token(task.token, view);
    if (context > 0) writer.uint32(task.context, context);
    if (view.index > 0) writer.uint32(task.index, view.index);
    writer.uint32(task.delivery, view.delivery);
    writer.uint32(task.attempt, view.attempt);
    if (view.attempt >= view.context.kind.policy.retry.attemptsMax) {
      writer.uint32(task.isLastAttempt, 1);
    }
    writer.uint32(task.generation, view.generation);
    if (remainingMs !== undefined) writer.uint32(task.leaseRemainingMs, remainingMs);
    if (previousFailure !== undefined) writer.bytes(task.previousFailure, previousFailure);
    if (checkpoint !== undefined && checkpoint.length > 0) {
      writer.bytes(task.checkpoint, checkpoint);
    }
    if (view.recordCount > 0) writer.uint32(task.recordCount, view.recordCount);
    if (view.ahead) writer.uint32(task.ahead, 1);
    writer.span(section, start, stop);
    writer.close(mark);
  }

  #indexOf(context: AssignmentContext): number {
    if (context === this.#last) return this.#lastIndex;
    let index = this.#indexes.get(context);
    if (index === undefined) {
      index = this.#indexes.size;
      this.#indexes.set(context, index);
      this.writer.bytes(assign.contexts, this.contexts.get(context));
    }
    this.#last = context;
    this.#lastIndex = index;
    return index;
  }
}

const dependencyKinds = {
  all: DependencyKind.DEPENDENCY_KIND_ALL,
  partition: DependencyKind.DEPENDENCY_KIND_PARTITION,
  each: DependencyKind.DEPENDENCY_KIND_EACH,
} as const;

// AssignContext.job_id = 2.
const jobIdTag = (2 << 3) | 2;

function encodeJobId(jobId: string): Uint8Array {
  const { length } = jobId;
  const bytes = Buffer.allocUnsafe(2 + length);
  bytes[0] = jobIdTag;
  bytes[1] = length;
  bytes.write(jobId, 2, "latin1");
  return bytes;
}

/** An encoded AssignContext without the id of the job. */
function encodeContext(context: AssignmentContext): Uint8Array {
  const { kind, spec } = context;
  const { attemptTimeoutMs, retry } = kind.policy;
  const { traceparent } = spec.trace;
  return AssignContext.encode({
    namespace: context.namespace,
    jobId: "",
    jobName: context.jobName,
    stage: context.stageName,
    taskType: kind.type,
    demand: kind.demand.map(({ name, milli }) => ({ name, milli: BigInt(milli) })),
    maxAttempts: retry.attemptsMax,
    attemptTimeoutMs: attemptTimeoutMs > 0 ? attemptTimeoutMs : undefined,
    traceContext: traceparent === "" && spec.trace.baggage === "" ? undefined : { ...spec.trace },
    partitions: context.partitions,
    upstream: context.reads.map(({ stage, kind: reads, taskCount, partitions }) => ({
      stage,
      kind: dependencyKinds[reads],
      taskCount,
      partitions,
    })),
    labels: Object.fromEntries(spec.labels.map(({ name, value }) => [name, value])),
    batch: undefined,
  }).finish();
}
