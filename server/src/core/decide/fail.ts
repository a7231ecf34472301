import { backoffMs } from "../backoff.js";
import type { Context } from "../context.js";
import type { DeliveryEnd, FailureFacts } from "../events.js";
import { makeId } from "../ids.js";
import type { Charge } from "../outcome.js";
import type { FailureDraft, TaskPolicy } from "../spec.js";
import type { Lease } from "../state/leases.js";
import type { State } from "../state/state.js";
import type { Ended } from "./requeue.js";
import { requeue } from "./requeue.js";
import { endOf } from "./shared.js";

/** The longest wait that a worker may suggest. */
const retryAfterMaxMs = 86_400_000;

/**
 * Ends a delivery by a failure: another attempt while the policy has one, else a dead letter.
 * While the job is failing or cancelled nothing is tried again.
 *
 * @param body blob of the whole failure; 0: there is none
 */
export function fail(
  state: State,
  lease: Lease,
  failure: FailureDraft,
  how: { readonly body: number; readonly stopping: boolean },
  context: Context,
): Ended {
  const { stopping } = how;
  switch (failure.kind) {
    case "worker_lost":
      return requeue(state, lease, { reason: "worker_lost", charge: "lost", stopping }, context);
    case "out_of_memory":
      return conclude(state, lease, failure, { ...how, charge: "oom" }, context);
    case "error":
    case "timeout":
    case "rejected":
    case "invalid":
      return conclude(state, lease, failure, { ...how, charge: "attempt" }, context);
    case "cancelled":
      // Nobody cancelled this lease, so a handler that says so has simply failed.
      return conclude(
        state,
        lease,
        { ...failure, kind: "error" },
        { ...how, charge: "attempt" },
        context,
      );
  }
}

function conclude(
  state: State,
  lease: Lease,
  draft: FailureDraft,
  how: { readonly body: number; readonly stopping: boolean; readonly charge: Charge },
  context: Context,
): Ended {
  const { kind, type, message } = draft;
  const failure: FailureFacts = { kind, type, message, body: how.body };
  const end = endOf(state, lease, how.charge, how.stopping);
  const job = state.job(lease.job);
  if (job.state === "cancelling") return cancelled(end, failure);
  const { policy } = state.placement.bag(state.tasks.bag.get(lease.task)).kind;
  const dies = isFinal(state, lease, draft, policy, how.charge);
  if (!dies && job.state === "failing") return cancelled(end, failure);
  if (dies) {
    const deadLetterId = makeId("dl_", context.wall, context.draw);
    return {
      event: { type: "task_failed", version: 1, ...end, failure, deadLetterId },
      outcome: { kind: "dead_lettered", id: deadLetterId },
    };
  }
  const inMs = waitMs(state, lease, draft, policy, how.charge, context);
  const attempt = lease.attempt + (how.charge === "attempt" ? 1 : 0);
  return {
    event: { type: "attempt_failed", version: 1, ...end, failure, retryAt: context.now + inMs },
    outcome: { kind: "retry", inMs, attempt },
  };
}

function cancelled(end: DeliveryEnd, failure: FailureFacts): Ended {
  return {
    event: { type: "delivery_cancelled", version: 1, ...end, failure },
    outcome: { kind: "cancelled" },
  };
}

function isFinal(
  state: State,
  lease: Lease,
  failure: FailureDraft,
  policy: TaskPolicy,
  charge: Charge,
): boolean {
  const { tasks } = state;
  if (!failure.retryable || failure.kind === "invalid") return true;
  if (policy.retry.nonRetryable.includes(failure.type)) return true;
  if (tasks.deliveries.get(lease.task) >= policy.deliveriesMax) return true;
  if (charge === "oom") return tasks.oom.get(lease.task) + 1 > policy.oomMax;
  return lease.attempt >= policy.retry.attemptsMax;
}

function waitMs(
  state: State,
  lease: Lease,
  failure: FailureDraft,
  policy: TaskPolicy,
  charge: Charge,
  context: Context,
): number {
  if (failure.retryAfterMs !== undefined) {
    // The policy's cap bounds what the policy computes, not what the worker knows.
    return Math.min(failure.retryAfterMs, retryAfterMaxMs);
  }
  const failures = charge === "oom" ? state.tasks.oom.get(lease.task) + 1 : lease.attempt;
  return backoffMs(policy.retry, failures, context.draw());
}
