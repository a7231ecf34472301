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

/** How many contexts of a message are remembered: tasks of a few jobs take turns, of many they do not. */
const recentMax = 8;

// AssignContext.job_id = 2.
const jobIdTag = (2 << 3) | 2;
/** What the id of a job takes in its context. */
const jobIdBytesMax = 2 + 64;

/**
 * Contexts without their jobs, encoded: the newest of them, made once for all their tasks, or nearly. Jobs
 * that are alike differ in their id alone.
 */
export class ContextCache {
  readonly #encoded = new Map<AssignmentContext, Uint8Array>();
  #like: AssignmentContext | undefined;
  #bytes: Uint8Array = new Uint8Array(0);

  get(context: AssignmentContext): Uint8Array {
    if (isLike(this.#like, context)) return this.#bytes;
    let encoded = this.#encoded.get(context);
    if (encoded === undefined) {
      encoded = encodeContext(context);
      for (const oldest of this.#encoded.keys()) {
        if (this.#encoded.size < contextsMax) break;
        this.#encoded.delete(oldest);
      }
      this.#encoded.set(context, encoded);
    }
    this.#like = context;
    this.#bytes = encoded;
    return encoded;
  }
}

/** Are they the same but for their jobs? What a stage reads of others is of its own job. */
function isLike(like: AssignmentContext | undefined, context: AssignmentContext): boolean {
  if (like === context) return true;
  return (
    like?.spec === context.spec &&
    like.kind === context.kind &&
    like.stageName === context.stageName &&
    like.reads.length === 0 &&
    context.reads.length === 0
  );
}

/** Writes one Assign message, task by task. Its contexts are written where they are first needed. */
export class AssignWriter {
  /** Contexts written last, and the index of each. */
  readonly #recent: AssignmentContext[] = [];
  readonly #recentIndexes: number[] = [];
  #count = 0;

  constructor(
    private readonly writer: WireWriter,
    private readonly contexts: ContextCache,
  ) {}

  begin(sequence: number): void {
    this.#recent.length = 0;
    this.#count = 0;
    this.writer.uint32(assign.sequence, sequence);
  }

  /** How many bytes the task's context adds to this message, at the most. */
  contextBytes(context: AssignmentContext): number {
    if (this.#recent.includes(context)) return 0;
    return this.contexts.get(context).length + jobIdBytesMax + 8;
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
    const known = this.#recent.indexOf(context);
    if (known >= 0) return this.#recentIndexes[known] as number;
    const index = this.#count++;
    const place = index % recentMax;
    this.#recent[place] = context;
    this.#recentIndexes[place] = index;
    this.#write(context);
    return index;
  }

  #write(context: AssignmentContext): void {
    const { writer } = this;
    const { jobId } = context;
    const rest = this.contexts.get(context);
    writer.key(assign.contexts, 2 + jobId.length + rest.length);
    writer.ascii(jobIdTag, jobId);
    writer.span(rest, 0, rest.length);
  }
}

const dependencyKinds = {
  all: DependencyKind.DEPENDENCY_KIND_ALL,
  partition: DependencyKind.DEPENDENCY_KIND_PARTITION,
  each: DependencyKind.DEPENDENCY_KIND_EACH,
} as const;

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
