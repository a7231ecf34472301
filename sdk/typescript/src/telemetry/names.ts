/**
 * Names of spans and attributes, pinned in one place: every SDK and the master use the same.
 * Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ (in development)
 */
export const instrumentation = { name: "@capstan/sdk", version: "0.1.0" } as const;

/** The span of a submit: `send {job name}`, kind PRODUCER. */
export const sendSpan = (jobName: string): string => `send ${jobName}`;
/** The span of a delivery: `process {task type}`, kind CONSUMER. */
export const processSpan = (taskType: string): string => `process ${taskType}`;

export const attribute = {
  system: "messaging.system",
  destination: "messaging.destination.name",
  operationName: "messaging.operation.name",
  operationType: "messaging.operation.type",
  messageId: "messaging.message.id",
  batchMessageCount: "messaging.batch.message_count",
  errorType: "error.type",
  namespace: "capstan.namespace",
  jobId: "capstan.job.id",
  jobName: "capstan.job.name",
  stage: "capstan.stage",
  attempt: "capstan.attempt",
  delivery: "capstan.delivery",
  workerId: "capstan.worker.id",
} as const;

/** The value of `messaging.system`. */
export const system = "capstan";

/** Up to how many tasks a job's deliveries are children of its submit; beyond it they are linked only. */
export const parentTaskLimit = 100;

/**
 * The member of `tracestate` by which a submitter says that deliveries are to be children of its span: it
 * knows how many tasks there are. A handler never sees it.
 */
export const parentMember = { key: "capstan", value: "parent" } as const;
