/**
 * Every limit of the edge, in one table. The comments of `proto/capstan/v1` say the same to those
 * who write clients, and `GetMaster.limits` says it at run time, by the names under `named`.
 *
 * Lengths of time are milliseconds, sizes bytes of UTF-8 or of the encoded message.
 */
export const limits = {
  /** One message on the wire, in either direction. */
  messageBytes: 1_048_576,
  /** One job in SubmitJob, one AppendTasks: as encoded on the wire. */
  submitBytes: 458_752,
  submitTasks: 4_096,
  /**
   * What a command may weigh in the journal. Seldom met before `submitBytes`: by policies that hold for
   * very many kinds of tasks, or by very many long names of hosts.
   */
  entryBytes: 520_192,
  /** Jobs of one SubmitJobs. */
  bulkItems: 4_096,
  /** Tasks of one stage, whose indexes are below it; and of a whole job. */
  jobTasks: 10_000_000,
  /** Payload and inputs of one task together, as encoded. */
  taskContentBytes: 262_144,
  /** A page of a list, or the deliveries of one task, ends before it grows beyond this. */
  pageBytes: 524_288,
  /** One message of ReadOutputs or WatchJob, but for a single output that is larger by itself. */
  streamMessageBytes: 524_288,

  nameBytes: 63,
  namespaceBytes: 63,
  hostBytes: 255,
  uriBytes: 2_048,
  idempotencyKeyBytes: 128,
  noteBytes: 1_024,
  pageTokenBytes: 512,
  cursorBytes: 64,
  labelValueBytes: 256,
  failureTypeBytes: 255,
  traceparentBytes: 55,
  tracestateBytes: 512,
  baggageBytes: 4_096,

  stages: 64,
  dependencies: 16,
  partitions: 4_096,
  resources: 16,
  constraints: 16,
  constraintValues: 32,
  inputs: 64,
  inputHosts: 16,
  /** Hosts of a task that placement looks at: those that hold the most of its input. */
  placementHosts: 8,
  labels: 32,
  typePolicies: 64,
  nonRetryableTypes: 64,
  retryClasses: 32,
  recordCount: 1_000_000,
  priority: 100,
  warnings: 64,
  listStates: 8,
  workerStates: 4,
  pageSize: 1_000,
  runningTasks: 100,
  deliveries: 100,

  maxAttempts: 1_000,
  backoffMs: 86_400_000,
  backoffFactor: 10,
  budget: 1_000,
  deliveriesBudget: 10_000,
  breakerBudget: 10_000,
  /** The longest length of time where nothing else is said: 30 days. */
  durationMs: 2_592_000_000,
  attemptTimeoutMsMin: 100,
  jobDeadlineMsMin: 1_000,
  uploadTtlMsMin: 10_000,
  uploadTtlMs: 604_800_000,
  retentionMs: 31_536_000_000,
  patienceMs: 600_000,
  watchIntervalMsMin: 50,
  watchIntervalMs: 60_000,

  /** What one status carries in `grpc-status-details-bin`: clients take 8 KiB of metadata in all. */
  statusDetailsBytes: 4_096,
  statusMessageBytes: 1_024,
} as const;

/** The largest 64-bit number that is exact as a double. */
export const safeIntegerMax = BigInt(Number.MAX_SAFE_INTEGER);

/** What is filled in where a request leaves a field unset. The same numbers stand in the proto comments. */
export const defaults = {
  namespace: "default",
  stage: "main",
  demand: { name: "slots", milli: 1_000 },
  partitions: 1,
  maxAttempts: 3,
  backoffBaseMs: 1_000,
  backoffFactor: 2,
  backoffCapMs: 60_000,
  lostMax: 10,
  oomMax: 3,
  deliveriesMax: 100,
  breakerMax: 50,
  uploadTtlMs: 3_600_000,
  retentionMs: 604_800_000,
  patienceMs: 3_000,
  pageSize: 100,
  watchIntervalMs: 250,
  /** A unary call that brings no deadline of its own gets this one. */
  deadlineMs: 30_000,
  /** What RetryInfo says where nothing better is known. */
  retryMs: 1_000,
} as const;

/** The limits that a client may want to know before it hits them, by the name that GetMaster gives them. */
export const namedLimits: Readonly<Record<string, number>> = {
  "message.bytes": limits.messageBytes,
  "submit.bytes": limits.submitBytes,
  "submit.tasks": limits.submitTasks,
  "submit.jobs": limits.bulkItems,
  "job.stages": limits.stages,
  "job.tasks": limits.jobTasks,
  "task.content.bytes": limits.taskContentBytes,
  "task.inputs": limits.inputs,
  "task.attempts": limits.maxAttempts,
  "stage.partitions": limits.partitions,
  "list.page_size": limits.pageSize,
};
