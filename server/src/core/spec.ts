import type { DurationMs } from "./ids.js";

/**
 * What a client asks for, after the codec has checked it: bounded, complete, every default filled
 * in. These objects are shared by commands, events and state and are never changed.
 */

/** A countable thing in milli-units, such as 2 slots (2,000) or half a gpu (500). */
export interface Resource {
  readonly name: string;
  /** Thousandths of one unit; a safe integer, at least 0. */
  readonly milli: number;
}

/** A label that a worker must carry to be given the task. */
export interface Constraint {
  readonly label: string;
  readonly value: string;
}

/** When and how a failed attempt is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first included; at least 1. */
  readonly attemptsMax: number;
  /** Ceiling of the first wait. */
  readonly backoffBaseMs: DurationMs;
  /** By what the ceiling grows with each attempt; at least 1. */
  readonly backoffFactor: number;
  /** No wait is longer. */
  readonly backoffCapMs: DurationMs;
  /** Failure types (the exception's class) that are final at once. */
  readonly nonRetryable: readonly string[];
}

/** What a dead task does to its job. A share is in millionths of the stage's tasks. */
export type OnTaskFailure =
  | { readonly kind: "fail_fast" }
  | { readonly kind: "continue" }
  | { readonly kind: "tolerate_count"; readonly count: number }
  | { readonly kind: "tolerate_share"; readonly shareMillionths: number };

/** How long an attempt may run, how it is retried, how often it may be lost. */
export interface TaskPolicy {
  readonly retry: RetryPolicy;
  /** 0: no time-out. */
  readonly attemptTimeoutMs: DurationMs;
  /** How many deliveries of one generation may be lost with their worker. */
  readonly lostMax: number;
  /** How many may run out of memory. */
  readonly oomMax: number;
  /** How many deliveries one generation may have in all: stops a task that kills every worker. */
  readonly deliveriesMax: number;
}

/** `all`: all of upstream; `partition`: task i reads partition i; `each`: task i after task i. */
export type DependencyKind = "all" | "partition" | "each";

export interface Dependency {
  readonly stage: string;
  readonly kind: DependencyKind;
}

/** What places and rules a task: everything that many tasks of a stage have in common. */
export interface TaskKind {
  readonly type: string;
  readonly demand: readonly Resource[];
  readonly constraints: readonly Constraint[];
  readonly policy: TaskPolicy;
}

export interface StageSpec {
  readonly name: string;
  readonly dependsOn: readonly Dependency[];
  /** Output partitions of each task, at least 1. */
  readonly partitions: number;
  readonly task: TaskKind;
}

/** W3C trace context of the submit: carried to every handler. Empty strings: none. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
}

export interface JobSpec {
  readonly namespace: string;
  readonly name: string;
  readonly labels: readonly { readonly name: string; readonly value: string }[];
  readonly onTaskFailure: OnTaskFailure;
  readonly trace: TraceContext;
  /** How long an upload may stay unsealed. */
  readonly uploadTtlMs: DurationMs;
  readonly stages: readonly StageSpec[];
  /**
   * What the client said of policies, placement and retention, in its own words (an encoded
   * capstan.v1.JobSpec without stages and labels): for those who read the job back, and for the
   * later parts of its upload. The core never reads it. Absent: it left all to the defaults.
   */
  readonly source?: Uint8Array;
}

/** One replica set of a task's inputs, as far as placement is concerned. */
export interface TaskInput {
  readonly hosts: readonly string[];
  readonly bytes: number;
}

/** One task as it is submitted. Its payload and inputs are bytes that the core never reads. */
export interface TaskDraft {
  /** Bytes of payload and inputs together, as they lie in the payload store. */
  readonly bodyBytes: number;
  /** Hosts that hold the most of the task's input, most first; empty when placement is free. */
  readonly hosts: readonly string[];
  /** Bytes of all inputs together. */
  readonly inputBytes: number;
  /** Undefined: as the stage says. */
  readonly kind?: TaskKind;
  /** How long after the submit the task may start. 0: at once. */
  readonly delayMs: DurationMs;
  /** How many records it holds; 0: not declared. */
  readonly recordCount: number;
}

/** What a worker says of itself when it registers. */
export interface WorkerSpec {
  readonly workerId: string;
  readonly incarnation: string;
  readonly namespaces: readonly string[];
  readonly host: string;
  readonly rack: string;
  readonly capacity: readonly Resource[];
  readonly labels: readonly { readonly name: string; readonly value: string }[];
  readonly types: readonly string[];
  /** Leases beyond what fits, so that a fast worker never waits for a round trip. */
  readonly prefetchTasks: number;
  readonly sdk: string;
}

/** What went wrong, as far as the core decides by it; all the rest is a blob. */
export type FailureKind =
  "error" | "timeout" | "worker_lost" | "out_of_memory" | "rejected" | "cancelled" | "invalid";

export interface FailureDraft {
  readonly kind: FailureKind;
  /** The exception's class. */
  readonly type: string;
  readonly message: string;
  /** False: final at once. */
  readonly retryable: boolean;
  /** The worker's own suggestion for the wait before the next attempt. */
  readonly retryAfterMs?: DurationMs;
  /** Bytes of the whole failure (stack, causes); 0: none. */
  readonly bodyBytes: number;
}

/** One output partition of a task. */
export interface OutputDraft {
  readonly partition: number;
  /** Bytes in the payload store. */
  readonly bodyBytes: number;
  /** Size of the data: that of the bytes, or of what the reference points at. */
  readonly dataBytes: number;
  /** Hosts that hold what is referred to; empty for bytes. */
  readonly hosts: readonly string[];
}
