/**
 * A job as a program writes it. Unset fields are the master's defaults; the limits are those of
 * `capstan.v1.JobSpec`, and the master refuses what is beyond them with the field's name. "Not yet" marks what
 * is in the contract and not in the master as it is: such a job is refused with UNIMPLEMENTED and the field's name.
 */
export interface JobDefinition {
  /** What the job is called, for people; not unique. `[A-Za-z0-9][A-Za-z0-9._/-]{0,62}`. */
  readonly name: string;
  /** The stages, 1 to 64, in any order: what depends on what is said in `dependsOn` alone. */
  readonly stages: readonly StageDefinition[];
  /** How tasks are run and retried. */
  readonly policy?: TaskPolicy;
  /** Other policies for some task types, merged over `policy` field by field. At most 64. */
  readonly typePolicies?: Readonly<Record<string, TaskPolicy>>;
  /** What a task whose failure is final does to the job. Default `"fail_fast"`. */
  readonly onTaskFailure?: OnTaskFailure;
  /** Words to find the job by; handlers see them too. At most 32, values at most 256 bytes. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Higher goes first within a namespace. -100 to 100; default 0. Not yet: only 0 is taken. */
  readonly priority?: number;
  /**
   * How long the whole job may take, from its acceptance. Milliseconds, at least 1,000; 0 (default) means no limit.
   * Not yet: only 0 is taken.
   */
  readonly deadlineMs?: number;
  /** How long its upload may stand still before it lapses. Milliseconds; default an hour. */
  readonly uploadTtlMs?: number;
  /**
   * How long it can be read after its end. Milliseconds; default 7 days if it succeeded, else 30 days, unless
   * the master was started with other values.
   */
  readonly retentionMs?: number;
  /** Where tasks go when there is a choice. */
  readonly placement?: PlacementPolicy;
}

/** A set of tasks that may run side by side. */
export interface StageDefinition {
  /** `[a-z][a-z0-9-]{0,62}`, unique in the job. Default `"main"`. */
  readonly name?: string;
  /** The type of its tasks, which says what handler runs them. May be left out if every task has its own. */
  readonly taskType?: string;
  /**
   * The tasks, at least one in a stage that depends on no other; a task's index is its place here, from 0. At most 10,000,000 in a job. An iterable is read
   * as the upload goes, so that a million tasks need not be in memory; an upload that resumes an earlier
   * one of the same idempotency key reads it from the start and must get the same tasks.
   */
  readonly tasks: Iterable<TaskDefinition> | AsyncIterable<TaskDefinition>;
  /** The stages that it waits for. At most 16. */
  readonly dependsOn?: readonly StageDependency[];
  /** Into how many partitions each task's output is divided. 1 to 4,096; default 1. */
  readonly partitions?: number;
  /** What each task needs, in units (`{ slots: 1, memory: 512 }`). Default one slot. */
  readonly demand?: ResourceUnits;
  /** What must hold, and what is better, of a worker. */
  readonly constraints?: Constraints;
}

/** One stage's wait for another. */
export interface StageDependency {
  /** The stage that must come first. */
  readonly stage: string;
  /**
   * `"all"` (default): every task upstream has succeeded. `"partition"`: as all, and task i reads partition
   * i of every output upstream. `"each"`: task i starts after task i upstream.
   */
  readonly kind?: DependencyKind;
}

/** See {@link StageDependency.kind}. */
export type DependencyKind = "all" | "partition" | "each";

/** One unit of work. Payload and inputs together at most 256 KiB; larger data by reference, in `inputs`. */
export interface TaskDefinition {
  /**
   * What the handler gets. A `Uint8Array` goes as it is; `undefined` is empty; anything else goes through
   * the client's codec (by default JSON: a string becomes a JSON string, with its quotes).
   */
  readonly payload?: unknown;
  /** The data that it reads, at most 64: where it lies decides where the task runs best. */
  readonly inputs?: readonly TaskInput[];
  /** How many records its input has, if that is known. 0 to 1,000,000. */
  readonly recordCount?: number;
  /** The type, if it is not the stage's. */
  readonly taskType?: string;
  /** What it needs, if that is not the stage's demand. In units. */
  readonly demand?: ResourceUnits;
  /** What must hold of its worker, instead of the stage's constraints. */
  readonly constraints?: Constraints;
  /** How long one attempt may run, instead of the policy's. Milliseconds; 0 means no limit. */
  readonly attemptTimeoutMs?: number;
  /** How long it may take in all, instead of the policy's. Milliseconds; 0 means no limit. Not yet: only 0 is taken. */
  readonly deadlineMs?: number;
  /** How long it is held back at first. Milliseconds. */
  readonly delayMs?: number;
  /** Its priority, instead of the job's. -100 to 100. Not yet: only 0 is taken. */
  readonly priority?: number;
}

/** One piece of data that a task reads, and where it lies. */
export interface TaskInput {
  /** Where to read it, in a form that the handler understands (`file:///data/a.jsonl`). At most 2,048 bytes. */
  readonly uri: string;
  /** The first byte to read. Default 0. */
  readonly offsetBytes?: number;
  /** How many bytes from there; 0 (default) means unknown, to the end. It weighs the task's place. */
  readonly sizeBytes?: number;
  /** The hosts that hold a copy, as workers name theirs. At most 16; none: equally far from everywhere. */
  readonly hosts?: readonly string[];
}

/** Amounts of resources in units, to thousandths: `{ slots: 4, cpu: 1.5, memory: 2048 }`. At most 16 kinds. */
export type ResourceUnits = Readonly<Record<string, number>>;

/** How tasks are run and retried. */
export interface TaskPolicy {
  /** How failures are retried. */
  readonly retry?: RetryPolicy;
  /** How long one attempt may run. Milliseconds, at least 100; 0 means no limit; default no limit. */
  readonly attemptTimeoutMs?: number;
  /** How long a task may take in all, waits included. Milliseconds; 0 (default) means no limit. Not yet: only 0 is taken. */
  readonly deadlineMs?: number;
  /** How long a task may wait for its first lease. Milliseconds; 0 (default) means no limit. Not yet: only 0 is taken. */
  readonly queueTtlMs?: number;
  /** How often other misfortunes than its own failures are forgiven, in one generation. */
  readonly budgets?: {
    /** Lost workers and expired leases. Default 10. */
    readonly lost?: number;
    /** Running out of memory. Default 3. */
    readonly oom?: number;
    /** Deliveries of any kind. Default 100. */
    readonly deliveries?: number;
    /** Failures that blame a dependency. Default 50. Not yet: no other number is taken. */
    readonly breaker?: number;
  };
  /** What becomes of records that failed when their task succeeded without them. Default `"retry"`. Not yet: `"dead_letter"`. */
  readonly recordFailures?: "retry" | "dead_letter";
  /** Whether a slow task may be run a second time elsewhere while the first still runs. Default false. Not yet: `true`. */
  readonly speculate?: boolean;
}

/** How a failure is followed by another attempt: waits grow exponentially, with full jitter. */
export interface RetryPolicy {
  /** How many attempts in all, the first included. 1 to 1,000; default 3. */
  readonly maxAttempts?: number;
  /** The longest wait before the second attempt. Milliseconds; default 1,000. */
  readonly backoffBaseMs?: number;
  /** By how much the longest wait grows from attempt to attempt. 1 to 10; default 2. */
  readonly backoffFactor?: number;
  /** What the longest wait never exceeds. Milliseconds; default 60,000. */
  readonly backoffCapMs?: number;
  /** Classes of failure (the name of the error's class) that are not tried again. */
  readonly nonRetryableTypes?: readonly string[];
  /** Other numbers for some classes of failure; the first that matches holds. At most 32. Not yet: none is taken. */
  readonly classes?: readonly ClassRetryPolicy[];
}

/** Retries of one class of failure. */
export interface ClassRetryPolicy {
  /** The class, compared whole. */
  readonly type: string;
  /** As in {@link RetryPolicy}. */
  readonly maxAttempts?: number;
  /** As in {@link RetryPolicy}. */
  readonly backoffBaseMs?: number;
  /** As in {@link RetryPolicy}. */
  readonly backoffFactor?: number;
  /** As in {@link RetryPolicy}. */
  readonly backoffCapMs?: number;
}

/**
 * What a task whose failure is final does to its job. `"fail_fast"`: the job fails at once. `"continue"`:
 * the others go on and the job fails at its end. A tolerance: so many tasks of each stage (or this share,
 * 0 to 1) may fail while the stage still succeeds.
 */
export type OnTaskFailure =
  | "fail_fast"
  | "continue"
  | { readonly tolerateCount: number }
  | { readonly tolerateShare: number };

/** Where tasks go when there is a choice. */
export interface PlacementPolicy {
  /** Whether the hosts of inputs matter. Default `"prefer"`. */
  readonly locality?: "prefer" | "ignore";
  /** How long a task is held back for a host that has its data. Milliseconds. Not yet: only 0 is taken, and unset is 0. */
  readonly hostPatienceMs?: number;
  /** The same for a rack, afterwards. Not yet: only 0 is taken, and unset is 0. */
  readonly rackPatienceMs?: number;
  /** Among workers that are equally near. Default `"balance"`. Not yet: the others. */
  readonly strategy?: "balance" | "spread" | "pack";
}

/** What must hold, and what is better, of the worker that runs a task. */
export interface Constraints {
  /** Conditions that must all hold. At most 16. */
  readonly required?: readonly LabelRequirement[];
  /** Conditions that make a worker better or worse. At most 16. Not yet: none is taken. */
  readonly preferred?: readonly LabelPreference[];
}

/** A condition on one label of a worker. */
export interface LabelRequirement {
  /** The label; `capstan.host`, `capstan.rack` and `capstan.worker` are always there. */
  readonly key: string;
  /** How it is compared. Default `"in"`. Not yet: the others. */
  readonly operator?: "in" | "not_in" | "exists" | "not_exists";
  /** What it is compared with. Not yet: more than one value. */
  readonly values?: readonly string[];
}

/** A wish about one label of a worker. */
export interface LabelPreference extends LabelRequirement {
  /** What it is worth when it holds. -100 to 100; negative to avoid. */
  readonly weight: number;
}
