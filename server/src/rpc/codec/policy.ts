import type { OnTaskFailure, RetryPolicy, TaskPolicy } from "@capstan/proto/capstan/v1/policy.js";
import { RecordFailurePolicy } from "@capstan/proto/capstan/v1/policy.js";
import type {
  OnTaskFailure as CoreOnTaskFailure,
  RetryPolicy as CoreRetryPolicy,
  TaskPolicy as CoreTaskPolicy,
} from "../../core/index.js";
import { unreachable } from "../../core/index.js";
import { defaults, limits } from "../limits.js";
import type { Checker } from "./checker.js";

/** How tasks are run where nobody says otherwise. One object, so that equal policies are the same. */
export const defaultPolicy: CoreTaskPolicy = {
  retry: {
    attemptsMax: defaults.maxAttempts,
    backoffBaseMs: defaults.backoffBaseMs,
    backoffFactor: defaults.backoffFactor,
    backoffCapMs: defaults.backoffCapMs,
    nonRetryable: [],
  },
  attemptTimeoutMs: 0,
  lostMax: defaults.lostMax,
  oomMax: defaults.oomMax,
  deliveriesMax: defaults.deliveriesMax,
};

const failFast: CoreOnTaskFailure = { kind: "fail_fast" };

/** Lays a policy over the one above it, field by field. */
export function decodePolicy(
  checker: Checker,
  field: string,
  policy: TaskPolicy | undefined,
  above: CoreTaskPolicy,
): CoreTaskPolicy {
  if (policy === undefined) return above;
  checkUnsupported(checker, field, policy);
  const budgets = policy.budgets;
  return {
    retry: decodeRetry(checker, `${field}.retry`, policy.retry, above.retry),
    attemptTimeoutMs: checker.optionalLimit(
      `${field}.attempt_timeout_ms`,
      policy.attemptTimeoutMs,
      limits.attemptTimeoutMsMin,
      above.attemptTimeoutMs,
    ),
    lostMax: checker.optional(
      `${field}.budgets.lost`,
      budgets?.lost,
      0,
      limits.budget,
      above.lostMax,
    ),
    oomMax: checker.optional(`${field}.budgets.oom`, budgets?.oom, 0, limits.budget, above.oomMax),
    deliveriesMax: checker.optional(
      `${field}.budgets.deliveries`,
      budgets?.deliveries,
      1,
      limits.deliveriesBudget,
      above.deliveriesMax,
    ),
  };
}

function decodeRetry(
  checker: Checker,
  field: string,
  retry: RetryPolicy | undefined,
  above: CoreRetryPolicy,
): CoreRetryPolicy {
  if (retry === undefined) return above;
  return {
    attemptsMax: checker.optional(
      `${field}.max_attempts`,
      retry.maxAttempts,
      1,
      limits.maxAttempts,
      above.attemptsMax,
    ),
    backoffBaseMs: checker.optional(
      `${field}.backoff_base_ms`,
      retry.backoffBaseMs,
      0,
      limits.backoffMs,
      above.backoffBaseMs,
    ),
    backoffFactor: checker.optional(
      `${field}.backoff_factor`,
      retry.backoffFactor,
      1,
      limits.backoffFactor,
      above.backoffFactor,
    ),
    backoffCapMs: checker.optional(
      `${field}.backoff_cap_ms`,
      retry.backoffCapMs,
      0,
      limits.backoffMs,
      above.backoffCapMs,
    ),
    nonRetryable: decodeTypes(checker, field, retry, above.nonRetryable),
  };
}

function decodeTypes(
  checker: Checker,
  field: string,
  { nonRetryableTypes: types, classes }: RetryPolicy,
  above: readonly string[],
): readonly string[] {
  if (
    classes.length > 0 &&
    checker.count(`${field}.classes`, classes.length, limits.retryClasses)
  ) {
    checker.unsupported(`${field}.classes`, "classPolicies");
  }
  const place = `${field}.non_retryable_types`;
  if (types.length === 0 || !checker.count(place, types.length, limits.nonRetryableTypes)) {
    return above;
  }
  for (const [i, type] of types.entries()) {
    checker.text(`${place}[${i}]`, type, limits.failureTypeBytes);
  }
  return types;
}

function checkUnsupported(checker: Checker, field: string, policy: TaskPolicy): void {
  if (checker.optionalLimit(`${field}.deadline_ms`, policy.deadlineMs, 1, 0) > 0) {
    checker.unsupported(`${field}.deadline_ms`, "taskDeadline");
  }
  if (checker.optionalLimit(`${field}.queue_ttl_ms`, policy.queueTtlMs, 1, 0) > 0) {
    checker.unsupported(`${field}.queue_ttl_ms`, "queueTtl");
  }
  if (policy.budgets?.breaker !== undefined) {
    checker.range(`${field}.budgets.breaker`, policy.budgets.breaker, 0, limits.breakerBudget);
    if (policy.budgets.breaker !== defaults.breakerMax) {
      checker.unsupported(`${field}.budgets.breaker`, "breakerBudget");
    }
  }
  if (policy.speculate === true) checker.unsupported(`${field}.speculate`, "speculate");
  switch (policy.recordFailures) {
    case RecordFailurePolicy.RECORD_FAILURE_POLICY_UNSPECIFIED:
    case RecordFailurePolicy.RECORD_FAILURE_POLICY_RETRY:
      return;
    case RecordFailurePolicy.RECORD_FAILURE_POLICY_DEAD_LETTER:
      checker.unsupported(`${field}.record_failures`, "recordDeadLetters");
      return;
    default:
      checker.unknownValue(`${field}.record_failures`, policy.recordFailures);
  }
}

/** What a dead task does to its job. Absent: it fails at once. */
export function decodeOnTaskFailure(
  checker: Checker,
  field: string,
  message: OnTaskFailure | undefined,
): CoreOnTaskFailure {
  if (message === undefined) return failFast;
  const { policy } = message;
  switch (policy?.$case) {
    case undefined:
      // Perhaps an arm of a newer client: to guess here would be to do something else than asked.
      checker.fail(field, "one of fail_fast, continue_job and tolerate must be given");
      return failFast;
    case "failFast":
      return failFast;
    case "continueJob":
      return { kind: "continue" };
    case "tolerate":
      return decodeTolerate(checker, `${field}.tolerate`, policy.value.limit);
    default:
      return unreachable(policy);
  }
}

type TolerateLimit = Extract<
  NonNullable<OnTaskFailure["policy"]>,
  { $case: "tolerate" }
>["value"]["limit"];

function decodeTolerate(checker: Checker, field: string, limit: TolerateLimit): CoreOnTaskFailure {
  switch (limit?.$case) {
    case undefined:
      checker.fail(field, "one of count and share must be given");
      return failFast;
    case "count":
      checker.range(`${field}.count`, limit.value, 0, limits.jobTasks);
      return { kind: "tolerate_count", count: limit.value };
    case "share":
      checker.range(`${field}.share`, limit.value, 0, 1);
      return { kind: "tolerate_share", shareMillionths: Math.round(limit.value * 1_000_000) };
    default:
      return unreachable(limit);
  }
}
