import { SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import type { BadInput, PartialOf } from "./bad-input-words.js";
import { invalid, tooLarge, notYet, unheardOf, long } from "./bad-input-words.js";
import { call } from "./calls.js";

type Job = NonNullable<PartialOf<typeof SubmitJobRequest>["job"]>;
type Stage = NonNullable<Job["stages"]>[number];
type Task = NonNullable<Stage["tasks"]>[number];

function submit(request: PartialOf<typeof SubmitJobRequest>): BadInput["send"] {
  return ({ master }) => call(master, master.submitJob, SubmitJobRequest.fromPartial(request));
}

const plain: Stage = { taskType: "noop", tasks: [{}] };

/** A submit of which only the job is wrong. */
function ofJob(what: string, job: Job, outcome: Omit<BadInput, "what" | "send">): BadInput {
  const send = submit({ job: { name: "job", stages: [plain], ...job } });
  return { what: `SubmitJob ${what}`, send, ...outcome };
}

function ofStage(what: string, stage: Stage, fields: readonly string[]): BadInput {
  const paths = fields.map((field) => `job.stages[0].${field}`);
  return ofJob(what, { stages: [{ ...plain, ...stage }] }, { ...invalid, fields: paths });
}

function ofTask(what: string, task: Task, fields: readonly string[]): BadInput {
  const paths = fields.map((field) => `job.stages[1].tasks[1].${field}`);
  const stages = [plain, { name: "second", taskType: "noop", tasks: [{}, task] }];
  return ofJob(what, { stages }, { ...invalid, fields: paths });
}

function ofPolicy(what: string, policy: Job["policy"], fields: readonly string[]): BadInput {
  return ofJob(
    what,
    { policy },
    { ...invalid, fields: fields.map((field) => `job.policy.${field}`) },
  );
}

const resources = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `r${i}`, milli: 1n }));

export const submitCases: readonly BadInput[] = [
  {
    what: "SubmitJob without a job",
    send: submit({}),
    ...invalid,
    fields: ["job"],
    facts: { field: "job" },
  },
  {
    what: "SubmitJob with a namespace, a key and no job",
    send: submit({ namespace: "Not_One", idempotencyKey: long(129) }),
    ...invalid,
    fields: ["namespace", "idempotency_key", "job"],
  },
  ofJob("without a name", { name: "" }, { ...invalid, fields: ["job.name"] }),
  ofJob("with a long name", { name: long(64) }, { ...invalid, fields: ["job.name"] }),
  ofJob("with a name in another script", { name: "für" }, { ...invalid, fields: ["job.name"] }),
  ofJob("without stages", { stages: [] }, { ...invalid, fields: ["job.stages"] }),
  ofJob(
    "of 65 stages",
    { stages: Array.from({ length: 65 }, (_, i) => ({ ...plain, name: `s${i}` })) },
    { ...invalid, fields: ["job.stages"] },
  ),
  ofJob("with a wild priority", { priority: 101 }, { ...invalid, fields: ["job.priority"] }),
  ofJob("with a short deadline", { deadlineMs: 999 }, { ...invalid, fields: ["job.deadline_ms"] }),
  ofJob(
    "with a short upload ttl",
    { uploadTtlMs: 9_999 },
    { ...invalid, fields: ["job.upload_ttl_ms"] },
  ),
  ofJob(
    "with a long upload ttl",
    { uploadTtlMs: 604_800_001 },
    { ...invalid, fields: ["job.upload_ttl_ms"] },
  ),
  ofJob(
    "kept for too long",
    { retentionMs: 31_536_000_001n },
    { ...invalid, fields: ["job.retention_ms"] },
  ),
  ofJob(
    "with too many labels",
    { labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`l${i}`, ""])) },
    { ...invalid, fields: ["job.labels"] },
  ),
  ofJob(
    "with bad labels",
    { labels: { "a b": "", ok: long(257) } },
    { ...invalid, fields: ['job.labels["a b"]', 'job.labels["ok"]'] },
  ),
  ofJob(
    "with an empty on_task_failure",
    { onTaskFailure: {} },
    { ...invalid, fields: ["job.on_task_failure"] },
  ),
  ofJob(
    "that tolerates nothing in particular",
    { onTaskFailure: { policy: { $case: "tolerate", value: {} } } },
    { ...invalid, fields: ["job.on_task_failure.tolerate"] },
  ),
  ofJob(
    "that tolerates more than all",
    {
      onTaskFailure: {
        policy: { $case: "tolerate", value: { limit: { $case: "share", value: 1.5 } } },
      },
    },
    { ...invalid, fields: ["job.on_task_failure.tolerate.share"] },
  ),
  ofJob(
    "that tolerates NaN",
    {
      onTaskFailure: {
        policy: { $case: "tolerate", value: { limit: { $case: "share", value: NaN } } },
      },
    },
    { ...invalid, fields: ["job.on_task_failure.tolerate.share"] },
  ),
  ofJob(
    "that tolerates too many",
    {
      onTaskFailure: {
        policy: { $case: "tolerate", value: { limit: { $case: "count", value: 10_000_001 } } },
      },
    },
    { ...invalid, fields: ["job.on_task_failure.tolerate.count"] },
  ),
  ofJob(
    "with unknown placement",
    {
      placement: {
        locality: unheardOf,
        strategy: unheardOf,
        hostPatienceMs: 600_001,
        rackPatienceMs: 600_001,
      },
    },
    {
      ...invalid,
      fields: [
        "job.placement.host_patience_ms",
        "job.placement.rack_patience_ms",
        "job.placement.strategy",
        "job.placement.locality",
      ],
    },
  ),
  ofJob(
    "with a policy for a type that is no name",
    { typePolicies: { "a b": { retry: { maxAttempts: 0 } } } },
    {
      ...invalid,
      fields: ['job.type_policies["a b"]', 'job.type_policies["a b"].retry.max_attempts'],
    },
  ),
  ofJob(
    "with too many policies",
    { typePolicies: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`t${i}`, {}])) },
    { ...invalid, fields: ["job.type_policies"] },
  ),
];

export const policyCases: readonly BadInput[] = [
  ofPolicy(
    "with numbers out of range",
    {
      retry: {
        maxAttempts: 1_001,
        backoffBaseMs: 86_400_001,
        backoffFactor: 0.5,
        backoffCapMs: 86_400_001,
      },
      attemptTimeoutMs: 99,
      budgets: { lost: 1_001, oom: 1_001, deliveries: 0, breaker: 10_001 },
    },
    [
      "budgets.breaker",
      "retry.max_attempts",
      "retry.backoff_base_ms",
      "retry.backoff_factor",
      "retry.backoff_cap_ms",
      "attempt_timeout_ms",
      "budgets.lost",
      "budgets.oom",
      "budgets.deliveries",
    ],
  ),
  ofPolicy("with a factor that is no number", { retry: { backoffFactor: NaN } }, [
    "retry.backoff_factor",
  ]),
  ofPolicy(
    "with lengths beyond 30 days",
    {
      attemptTimeoutMs: 2_592_000_001,
      deadlineMs: 2_592_000_001,
      queueTtlMs: 2_592_000_001,
    },
    ["deadline_ms", "queue_ttl_ms", "attempt_timeout_ms"],
  ),
  ofPolicy(
    "with too many failure types",
    {
      retry: { nonRetryableTypes: Array.from({ length: 65 }, () => "E") },
    },
    ["retry.non_retryable_types"],
  ),
  ofPolicy("with a long failure type", { retry: { nonRetryableTypes: ["E", long(256)] } }, [
    "retry.non_retryable_types[1]",
  ]),
  ofPolicy(
    "with too many classes",
    {
      retry: { classes: Array.from({ length: 33 }, () => ({ type: "E" })) },
    },
    ["retry.classes"],
  ),
  ofPolicy("with an unknown record policy", { recordFailures: unheardOf }, ["record_failures"]),
];

export const stageCases: readonly BadInput[] = [
  ofStage("with a bad stage name", { name: "Main" }, ["name"]),
  ofStage("with a long stage name", { name: long(64) }, ["name"]),
  ofStage("with a bad task type", { taskType: "a b" }, ["task_type"]),
  ofStage("without a task type", { taskType: "" }, ["tasks[0].task_type"]),
  ofStage("with no partitions", { partitions: 0 }, ["partitions"]),
  ofStage("with too many partitions", { partitions: 4_097 }, ["partitions"]),
  ofStage("with 17 resources", { demand: resources(17) }, ["demand"]),
  ofStage("with a bad resource", { demand: [{ name: "", milli: 2n ** 53n }] }, [
    "demand[0].name",
    "demand[0].milli",
  ]),
  ofStage("with a resource twice", { demand: [...resources(1), ...resources(1)] }, [
    "demand[1].name",
  ]),
  ofStage(
    "with too many dependencies",
    {
      dependsOn: Array.from({ length: 17 }, () => ({ stage: "main" })),
    },
    ["depends_on"],
  ),
  ofStage("with a bad dependency", { dependsOn: [{ stage: "A", kind: unheardOf }] }, [
    "depends_on[0].stage",
    "depends_on[0].kind",
  ]),
  ofStage(
    "with bad constraints",
    {
      constraints: {
        required: [
          { key: "", values: ["v"] },
          { key: "k", values: [] },
          { key: "k", values: [long(257)] },
          { key: "k", operator: 3, values: ["v"] },
          { key: "k", operator: unheardOf, values: ["v"] },
        ],
      },
    },
    [
      "constraints.required[0].key",
      "constraints.required[1].values",
      "constraints.required[2].values[0]",
      "constraints.required[3].values",
      "constraints.required[4].operator",
    ],
  ),
  ofStage(
    "with too many constraints",
    {
      constraints: { required: Array.from({ length: 17 }, () => ({ key: "k", values: ["v"] })) },
    },
    ["constraints.required"],
  ),
  ofStage(
    "with a preference that weighs too much",
    {
      constraints: { preferred: [{ weight: 101 }] },
    },
    ["constraints.preferred[0].weight", "constraints.preferred[0].condition"],
  ),
];

export const taskCases: readonly BadInput[] = [
  ofTask("with an input without a uri", { inputs: [{ uri: "ok" }, { uri: "" }] }, [
    "inputs[1].uri",
  ]),
  ofTask("with a long uri", { inputs: [{ uri: long(2_049) }] }, ["inputs[0].uri"]),
  ofTask("with a uri that is long in bytes", { inputs: [{ uri: "ü".repeat(1_025) }] }, [
    "inputs[0].uri",
  ]),
  ofTask("with 65 inputs", { inputs: Array.from({ length: 65 }, () => ({ uri: "u" })) }, [
    "inputs",
  ]),
  ofTask(
    "with 17 hosts",
    {
      inputs: [{ uri: "u", hosts: Array.from({ length: 17 }, (_, i) => `h${i}`) }],
    },
    ["inputs[0].hosts"],
  ),
  ofTask("with bad hosts", { inputs: [{ uri: "u", hosts: ["h", "", long(256)] }] }, [
    "inputs[0].hosts[1]",
    "inputs[0].hosts[2]",
  ]),
  ofTask("with an input beyond 2^53", { inputs: [{ uri: "u", sizeBytes: 2n ** 53n }] }, [
    "inputs[0].size_bytes",
  ]),
  ofTask("with too many records", { recordCount: 1_000_001 }, ["record_count"]),
  ofTask("with a long delay", { delayMs: 2_592_000_001 }, ["delay_ms"]),
  ofTask("with a bad type", { taskType: "a b" }, ["task_type"]),
  ofTask("with a short time-out", { attemptTimeoutMs: 1 }, ["attempt_timeout_ms"]),
  ofTask("with a wild priority", { priority: -101 }, ["priority"]),
  ofTask("with a bad demand", { demand: [{ name: "a b", milli: 1n }] }, ["demand[0].name"]),
];

export const graphCases: readonly BadInput[] = [
  ofJob(
    "with a stage name twice",
    { stages: [plain, plain] },
    {
      code: "INVALID_ARGUMENT",
      reason: "STAGE_GRAPH_INVALID",
      fields: ["job.stages[1].name"],
      facts: { stage: "main" },
    },
  ),
  ofJob(
    "with an unknown dependency",
    { stages: [{ ...plain, dependsOn: [{ stage: "gone" }] }] },
    {
      code: "INVALID_ARGUMENT",
      reason: "STAGE_GRAPH_INVALID",
      fields: ["job.stages[0].depends_on[0].stage"],
    },
  ),
  ofJob(
    "with a cycle",
    {
      stages: [
        { ...plain, name: "a", dependsOn: [{ stage: "b" }] },
        { ...plain, name: "b", dependsOn: [{ stage: "a" }] },
      ],
    },
    {
      code: "INVALID_ARGUMENT",
      reason: "STAGE_GRAPH_INVALID",
      fields: ["job.stages[0].depends_on"],
    },
  ),
  ofJob(
    "with counts that differ",
    {
      stages: [
        { ...plain, name: "a", partitions: 2 },
        { ...plain, name: "b", dependsOn: [{ stage: "a", kind: 2 }] },
      ],
    },
    {
      code: "INVALID_ARGUMENT",
      reason: "STAGE_COUNTS_DIFFER",
      fields: ["job.stages[1].tasks"],
      facts: { stage: "b" },
    },
  ),
  ofJob(
    "with a stage that depends on nothing and has no tasks",
    { stages: [plain, { ...plain, name: "empty", tasks: [] }] },
    {
      code: "INVALID_ARGUMENT",
      reason: "STAGE_COUNTS_DIFFER",
      fields: ["job.stages[1].tasks"],
      facts: { stage: "empty" },
    },
  ),
  ofJob(
    "of a single stage without tasks",
    { stages: [{ ...plain, tasks: [] }] },
    { code: "INVALID_ARGUMENT", reason: "STAGE_COUNTS_DIFFER", fields: ["job.stages[0].tasks"] },
  ),
];

export const unsupportedCases: readonly BadInput[] = [
  ["open", { open: {} }, "job.open"],
  ["with a priority", { priority: 1 }, "job.priority"],
  ["with a deadline", { deadlineMs: 60_000 }, "job.deadline_ms"],
  ["with a task deadline", { policy: { deadlineMs: 1 } }, "job.policy.deadline_ms"],
  ["with a queue ttl", { policy: { queueTtlMs: 1 } }, "job.policy.queue_ttl_ms"],
  ["with classes", { policy: { retry: { classes: [{ type: "E" }] } } }, "job.policy.retry.classes"],
  ["with a breaker budget", { policy: { budgets: { breaker: 1 } } }, "job.policy.budgets.breaker"],
  ["that speculates", { policy: { speculate: true } }, "job.policy.speculate"],
  ["with dead records", { policy: { recordFailures: 2 } }, "job.policy.record_failures"],
  ["with patience", { placement: { hostPatienceMs: 1 } }, "job.placement.host_patience_ms"],
  ["that spreads", { placement: { strategy: 2 } }, "job.placement.strategy"],
].map(([what, job, field]) =>
  ofJob(what as string, job as Job, {
    ...notYet,
    fields: [field as string],
    facts: { field: field as string, method: "SubmitJob" },
  }),
);

export const unsupportedStageCases: readonly BadInput[] = [
  [
    "with a preference",
    { preferred: [{ weight: 1, condition: { key: "k", values: ["v"] } }] },
    "preferred",
  ],
  ["with two values", { required: [{ key: "k", values: ["a", "b"] }] }, "required[0].values"],
  ["with NOT_IN", { required: [{ key: "k", operator: 2, values: ["a"] }] }, "required[0].operator"],
  ["with EXISTS", { required: [{ key: "k", operator: 3 }] }, "required[0].operator"],
].map(([what, constraints, field]) =>
  ofJob(
    what as string,
    { stages: [{ ...plain, constraints: constraints as Stage["constraints"] }] },
    {
      ...notYet,
      fields: [`job.stages[0].constraints.${field as string}`],
    },
  ),
);

export const sizeCases: readonly BadInput[] = [
  ofJob(
    "of 4,097 tasks",
    { stages: [{ taskType: "noop", tasks: Array.from({ length: 4_097 }, () => ({})) }] },
    {
      ...tooLarge,
      facts: { field: "job.stages", limit: "4096", actual: "4097" },
    },
  ),
  ofJob(
    "with a payload of more than 256 KiB",
    {
      stages: [{ taskType: "noop", tasks: [{}, { payload: Buffer.alloc(262_145) }] }],
    },
    {
      ...tooLarge,
      facts: { field: "job.stages[0].tasks[1].payload", limit: "262144", actual: "262145" },
    },
  ),
  ofJob(
    "of more than 448 KiB",
    {
      stages: [{ taskType: "noop", tasks: [1, 2].map(() => ({ payload: Buffer.alloc(229_376) })) }],
    },
    { ...tooLarge, facts: { field: "job", limit: "458752" } },
  ),
  ofJob(
    "whose policies weigh too much in the journal",
    {
      policy: { retry: { nonRetryableTypes: Array.from({ length: 64 }, (_, i) => long(200) + i) } },
      stages: Array.from({ length: 64 }, (_, i) => ({ ...plain, name: `s${i}` })),
    },
    { ...tooLarge, facts: { field: "job" } },
  ),
];
