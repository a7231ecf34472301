import type {
  ClassRetryPolicy,
  Constraints,
  DependencyKind,
  JobDefinition,
  LabelPreference,
  LabelRequirement,
  OnTaskFailure,
  PlacementPolicy,
  RetryPolicy,
  StageDefinition,
  StageDependency,
  TaskDefinition,
  TaskInput,
  TaskPolicy,
} from "../job-definition.js";
import {
  describeUnknown,
  fieldsOf,
  listOf,
  refuse,
  refuseUnknown,
  tableOf,
  wordsOf,
  type Shape,
} from "../known-fields.js";

const backoff = {
  maxAttempts: null,
  backoffBaseMs: null,
  backoffFactor: null,
  backoffCapMs: null,
};

const policy = fieldsOf<TaskPolicy>({
  retry: fieldsOf<RetryPolicy>({
    ...backoff,
    nonRetryableTypes: null,
    classes: listOf(fieldsOf<ClassRetryPolicy>({ type: null, ...backoff })),
  }),
  attemptTimeoutMs: null,
  deadlineMs: null,
  queueTtlMs: null,
  budgets: fieldsOf<NonNullable<TaskPolicy["budgets"]>>({
    lost: null,
    oom: null,
    deliveries: null,
    breaker: null,
  }),
  recordFailures: wordsOf<NonNullable<TaskPolicy["recordFailures"]>>(["retry", "dead_letter"]),
  speculate: null,
});

const requirement = {
  key: null,
  operator: wordsOf<NonNullable<LabelRequirement["operator"]>>([
    "in",
    "not_in",
    "exists",
    "not_exists",
  ]),
  values: null,
};

const constraints = fieldsOf<Constraints>({
  required: listOf(fieldsOf<LabelRequirement>(requirement)),
  preferred: listOf(fieldsOf<LabelPreference>({ ...requirement, weight: null })),
});

type Tolerances = Exclude<OnTaskFailure, string>;
type Tolerance = Record<Tolerances extends infer One ? keyof One : never, number>;

/** A job but for its tasks, which are looked at as they are read. */
const job = fieldsOf<JobDefinition>({
  name: null,
  stages: listOf(
    fieldsOf<StageDefinition>({
      name: null,
      taskType: null,
      tasks: null,
      dependsOn: listOf(
        fieldsOf<StageDependency>({
          stage: null,
          kind: wordsOf<DependencyKind>(["all", "partition", "each"]),
        }),
      ),
      partitions: null,
      demand: null,
      constraints,
    }),
  ),
  policy,
  typePolicies: tableOf(policy),
  onTaskFailure: wordsOf<Extract<OnTaskFailure, string>>(
    ["fail_fast", "continue"],
    fieldsOf<Tolerance>({ tolerateCount: null, tolerateShare: null }),
  ),
  labels: null,
  priority: null,
  deadlineMs: null,
  uploadTtlMs: null,
  retentionMs: null,
  placement: fieldsOf<PlacementPolicy>({
    locality: wordsOf<NonNullable<PlacementPolicy["locality"]>>(["prefer", "ignore"]),
    hostPatienceMs: null,
    rackPatienceMs: null,
    strategy: wordsOf<NonNullable<PlacementPolicy["strategy"]>>(["balance", "spread", "pack"]),
  }),
});

const task = fieldsOf<TaskDefinition>({
  payload: null,
  inputs: listOf(
    fieldsOf<TaskInput>({ uri: null, offsetBytes: null, sizeBytes: null, hosts: null }),
  ),
  recordCount: null,
  taskType: null,
  demand: null,
  constraints,
  attemptTimeoutMs: null,
  deadlineMs: null,
  delayMs: null,
  priority: null,
});

/**
 * Looks at a job as a program in JavaScript may give it; its tasks are not looked at.
 *
 * @throws InvalidArgumentError for a field or a word that a job does not have, and for one without stages or tasks
 */
export function checkJob(given: JobDefinition): void {
  if (!isObject(given)) refuse("", "a job is wanted, like { name, stages: [{ taskType, tasks }] }");
  refuseUnknown(given, job, "", elsewhereInJob);
  if (typeof given.name !== "string") refuse("name", "a text is wanted");
  if (!Array.isArray(given.stages)) refuse("stages", "a list of stages is wanted");
  for (const [i, stage] of (given.stages as readonly StageDefinition[]).entries()) {
    if (!isObject(stage)) refuse(`stages[${i}]`, "a stage is wanted, like { taskType, tasks }");
    if (!isIterable(stage.tasks)) {
      refuse(`stages[${i}].tasks`, "a list of tasks is wanted, or another iterable of them");
    }
  }
}

const isObject = <T>(given: T): given is T & object => typeof given === "object" && given !== null;

const isIterable = (given: unknown): boolean =>
  isObject(given) && (Symbol.iterator in given || Symbol.asyncIterator in given);

/**
 * @param place where it stands: `stages[0].tasks[5]`
 * @throws InvalidArgumentError for a field that a task does not have, or for what is no task
 */
export function checkTask(given: TaskDefinition, place: () => string): void {
  if (!isObject(given)) refuse(place(), "a task is wanted, like { payload }");
  for (const name in given) {
    if (Object.hasOwn(task.fields, name) && task.fields[name] === null) continue;
    refuseUnknown(given, task, place(), elsewhereInJob);
    return;
  }
}

/**
 * What is wrong with a field of a job definition that is not known: where else in a job one of that name is, or
 * which of those that there are is nearest to it. For programs that read job definitions from elsewhere, so that
 * they say it as the SDK does.
 *
 * @param name the field
 * @param known the fields that there are where it stands
 */
export function describeUnknownField(name: string, known: readonly string[]): string {
  return describeUnknown(name, known, elsewhereInJob(name));
}

/** Where a job has a field of that name: the two highest places. */
function elsewhereInJob(name: string): string {
  if (name === "idempotencyKey") return "an option of submit";
  const places = [...placesIn(job, "job", name), ...placesIn(task, "job.stages[].tasks[]", name)];
  const depth = (place: string): number => place.split(".").length;
  return places
    .sort((a, b) => depth(a) - depth(b))
    .slice(0, 2)
    .join(" or ");
}

function* placesIn({ fields }: Shape, place: string, name: string): Generator<string> {
  if (Object.hasOwn(fields, name)) yield `${place}.${name}`;
  for (const [field, shape] of Object.entries(fields)) {
    if (shape === null || shape.kind === "table") continue;
    yield* placesIn(shape, `${place}.${field}${shape.kind === "list" ? "[]" : ""}`, name);
  }
}
