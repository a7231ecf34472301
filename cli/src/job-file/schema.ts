import { describeUnknownField, type JobDefinition, type TaskDefinition } from "@capstan/sdk";
import { z } from "zod";

/**
 * A job as a file writes it: the SDK's `JobDefinition`, with tasks as a list, and with `payloadBase64` beside
 * `payload` for bytes that are no JSON. It checks names and types of fields, and that numbers are such as
 * the contract can carry; what values are allowed is the master's to say, so that one place knows the limits.
 */

/** An object with these fields and no other, that names its own when it meets a stranger. */
function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys") {
        return issue.keys.map((name) => unknownField(name, known)).join("\n    ");
      }
      if (issue.code !== "invalid_type" || issue.input === undefined) return undefined;
      return `an object is wanted, with ${known.join(", ")}`;
    },
  });
}

/** What a definition in a program says of itself is a flag of the command. */
const flags: Readonly<Record<string, string | undefined>> = {
  idempotencyKey: "--key",
  namespace: "--namespace",
};

function unknownField(name: string, known: readonly string[]): string {
  const flag = flags[name];
  if (flag === undefined) return describeUnknownField(name, known);
  return `there is no field ${name} here, it is the flag ${flag}`;
}

/**
 * What fits the contract's field: anything else could not even be asked of the master. The bounds are not told:
 * each field has its own, which are narrower, and the master's to say.
 */
const wholeFrom = (least: number, most: number) =>
  z.number().refine((value) => Number.isInteger(value) && value >= least && value <= most, {
    error: ({ input }) => misfit(Number(input), least),
  });

function misfit(value: number, least: number): string {
  if (Number.isFinite(value) && !Number.isInteger(value)) {
    return `a whole number is wanted, not ${value}`;
  }
  if (value < 0 && least === 0) return `a number that is not negative is wanted, not ${value}`;
  return value < least ? `${value} is too small` : `${value} is too large`;
}

const number = z.number();
const count = wholeFrom(0, 2 ** 32 - 1);
const signed = wholeFrom(-(2 ** 31), 2 ** 31 - 1);
const large = wholeFrom(0, Number.MAX_SAFE_INTEGER);
/** Units of a resource: they travel as thousandths. */
const amount = z
  .number()
  .refine((units) => units >= 0 && Number.isSafeInteger(Math.round(units * 1_000)), {
    error: ({ input }) => `an amount from 0 is wanted, not ${String(input)}`,
  });
const amounts = z.record(z.string(), amount);
const words = z.record(z.string(), z.string());
const list = <Item extends z.ZodType>(item: Item) => z.array(item);

const backoff = {
  maxAttempts: count.exactOptional(),
  backoffBaseMs: count.exactOptional(),
  backoffFactor: number.exactOptional(),
  backoffCapMs: count.exactOptional(),
};

const taskPolicy = fields({
  retry: fields({
    ...backoff,
    nonRetryableTypes: list(z.string()).exactOptional(),
    classes: list(fields({ type: z.string(), ...backoff })).exactOptional(),
  }).exactOptional(),
  attemptTimeoutMs: count.exactOptional(),
  deadlineMs: count.exactOptional(),
  queueTtlMs: count.exactOptional(),
  budgets: fields({
    lost: count.exactOptional(),
    oom: count.exactOptional(),
    deliveries: count.exactOptional(),
    breaker: count.exactOptional(),
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
  preferred: list(fields({ ...requirement, weight: signed })).exactOptional(),
});

const input = fields({
  uri: z.string(),
  offsetBytes: large.exactOptional(),
  sizeBytes: large.exactOptional(),
  hosts: list(z.string()).exactOptional(),
});

const task = fields({
  payload: z.unknown().optional(),
  payloadBase64: z.base64("base64 is wanted").exactOptional(),
  inputs: list(input).exactOptional(),
  recordCount: count.exactOptional(),
  taskType: z.string().exactOptional(),
  demand: amounts.exactOptional(),
  constraints: constraints.exactOptional(),
  attemptTimeoutMs: count.exactOptional(),
  deadlineMs: count.exactOptional(),
  delayMs: count.exactOptional(),
  priority: signed.exactOptional(),
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
  partitions: count.exactOptional(),
  demand: amounts.exactOptional(),
  constraints: constraints.exactOptional(),
});

const onTaskFailure = z.union(
  [
    z.literal(["fail_fast", "continue"]),
    fields({ tolerateCount: count }),
    fields({ tolerateShare: number }),
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
  priority: signed.exactOptional(),
  deadlineMs: count.exactOptional(),
  uploadTtlMs: count.exactOptional(),
  retentionMs: large.exactOptional(),
  placement: fields({
    locality: z.enum(["prefer", "ignore"]).exactOptional(),
    hostPatienceMs: count.exactOptional(),
    rackPatienceMs: count.exactOptional(),
    strategy: z.enum(["balance", "spread", "pack"]).exactOptional(),
  }).exactOptional(),
});
