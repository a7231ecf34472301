import type { JobDefinition, TaskDefinition } from "@capstan/sdk";
import { z } from "zod";

/**
 * A job as a file writes it: the SDK's `JobDefinition`, with tasks as a list, and with `payloadBase64` beside
 * `payload` for bytes that are no JSON. It checks names and types of fields; what values are allowed is the
 * master's to say, so that one place knows the limits.
 */

/** An object with these fields and no other, that names its own when it meets a stranger. */
function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys") {
        return `there is no field ${issue.keys.join(", ")} here; the fields are ${names}`;
      }
      if (issue.code !== "invalid_type" || issue.input === undefined) return undefined;
      return `an object is wanted, with ${names}`;
    },
  });
}

const amount = z.number();
const amounts = z.record(z.string(), amount);
const words = z.record(z.string(), z.string());
const list = <Item extends z.ZodType>(item: Item) => z.array(item);

const backoff = {
  maxAttempts: amount.exactOptional(),
  backoffBaseMs: amount.exactOptional(),
  backoffFactor: amount.exactOptional(),
  backoffCapMs: amount.exactOptional(),
};

const taskPolicy = fields({
  retry: fields({
    ...backoff,
    nonRetryableTypes: list(z.string()).exactOptional(),
    classes: list(fields({ type: z.string(), ...backoff })).exactOptional(),
  }).exactOptional(),
  attemptTimeoutMs: amount.exactOptional(),
  deadlineMs: amount.exactOptional(),
  queueTtlMs: amount.exactOptional(),
  budgets: fields({
    lost: amount.exactOptional(),
    oom: amount.exactOptional(),
    deliveries: amount.exactOptional(),
    breaker: amount.exactOptional(),
  }).exactOptional(),
  recordFailures: z.enum(["retry", "dead_letter"]).exactOptional(),
  speculate: z.boolean().exactOptional(),
});

const requirement = {
  key: z.string(),
  operator: z.enum(["in", "not_in", "exists", "not_exists"]).exactOptional(),
  values: list(z.string()).exactOptional(),
};

const constraints = fields({
  required: list(fields(requirement)).exactOptional(),
  preferred: list(fields({ ...requirement, weight: amount })).exactOptional(),
});

const input = fields({
  uri: z.string(),
  offsetBytes: amount.exactOptional(),
  sizeBytes: amount.exactOptional(),
  hosts: list(z.string()).exactOptional(),
});

const task = fields({
  payload: z.unknown().optional(),
  payloadBase64: z.base64("base64 is wanted").exactOptional(),
  inputs: list(input).exactOptional(),
  recordCount: amount.exactOptional(),
  taskType: z.string().exactOptional(),
  demand: amounts.exactOptional(),
  constraints: constraints.exactOptional(),
  attemptTimeoutMs: amount.exactOptional(),
  deadlineMs: amount.exactOptional(),
  delayMs: amount.exactOptional(),
  priority: amount.exactOptional(),
})
  .refine((given) => given.payload === undefined || given.payloadBase64 === undefined, {
    message: "payload and payloadBase64 are two ways to say one thing",
  })
  .transform(({ payloadBase64, ...rest }): TaskDefinition => {
    return payloadBase64 === undefined
      ? rest
      : { ...rest, payload: Buffer.from(payloadBase64, "base64") };
  });

const stage = fields({
  name: z.string().exactOptional(),
  taskType: z.string().exactOptional(),
  tasks: list(task),
  dependsOn: list(
    fields({ stage: z.string(), kind: z.enum(["all", "partition", "each"]).exactOptional() }),
  ).exactOptional(),
  partitions: amount.exactOptional(),
  demand: amounts.exactOptional(),
  constraints: constraints.exactOptional(),
});

const onTaskFailure = z.union(
  [
    z.literal(["fail_fast", "continue"]),
    fields({ tolerateCount: amount }),
    fields({ tolerateShare: amount }),
  ],
  { error: '"fail_fast", "continue", {"tolerateCount": 3} or {"tolerateShare": 0.1} is wanted' },
);

/** See the head of this file. */
export const jobFile: z.ZodType<JobDefinition> = fields({
  name: z.string(),
  stages: list(stage),
  policy: taskPolicy.exactOptional(),
  typePolicies: z.record(z.string(), taskPolicy).exactOptional(),
  onTaskFailure: onTaskFailure.exactOptional(),
  labels: words.exactOptional(),
  priority: amount.exactOptional(),
  deadlineMs: amount.exactOptional(),
  uploadTtlMs: amount.exactOptional(),
  retentionMs: amount.exactOptional(),
  placement: fields({
    locality: z.enum(["prefer", "ignore"]).exactOptional(),
    hostPatienceMs: amount.exactOptional(),
    rackPatienceMs: amount.exactOptional(),
    strategy: z.enum(["balance", "spread", "pack"]).exactOptional(),
  }).exactOptional(),
});
