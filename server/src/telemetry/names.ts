/**
 * Names of spans and attributes, in one place: the semantic conventions for messaging are still in
 * development, and dashboards are built on these.
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
export const names = {
  tracer: "@capstan/server",
  submit: (job: string) => `create ${job}`,
  delivery: (type: string) => `deliver ${type}`,
  system: "messaging.system",
  operation: "messaging.operation.name",
  operationType: "messaging.operation.type",
  destination: "messaging.destination.name",
  messageId: "messaging.message.id",
  batchCount: "messaging.batch.message_count",
  jobId: "capstan.job.id",
  attempt: "capstan.attempt",
  delivery_: "capstan.delivery",
  worker: "capstan.worker.id",
  level: "capstan.locality",
  queueWaitMs: "capstan.queue_wait_ms",
  outcome: "capstan.outcome",
  errorType: "error.type",
} as const;

/** Locality levels, as attributes say them. */
export const levelNames = ["host", "rack", "any", "none"] as const;
