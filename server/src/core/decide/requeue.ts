import type { Context } from "../context.js";
import type { CoreEvent, FailureFacts, RequeueReason } from "../events.js";
import { makeId } from "../ids.js";
import type { Charge, Outcome } from "../outcome.js";
import type { Lease } from "../state/leases.js";
import type { State } from "../state/state.js";
import { endOf } from "./shared.js";

/** What became of a delivery: the event, and what whoever asked is told. */
export interface Ended {
  readonly event: CoreEvent;
  readonly outcome: Outcome;
}

/**
 * Ends a delivery by nobody's failure: the task goes back in line in the same attempt. Not when
 * its job is ending (it is cancelled), and not for ever: losses and deliveries have budgets, so
 * that a task that kills every worker comes to an end.
 */
export function requeue(
  state: State,
  lease: Lease,
  how: {
    readonly reason: RequeueReason;
    readonly charge: Charge;
    readonly stopping: boolean;
    /** False: a budget that is used up is not looked at until the next time. Default true. */
    readonly mayDie?: boolean;
  },
  context: Context,
): Ended {
  const end = endOf(state, lease, how.charge, how.stopping);
  const job = state.job(lease.job);
  if (job.state === "failing" || job.state === "cancelling") {
    return {
      event: { type: "delivery_cancelled", version: 1, ...end },
      outcome: { kind: "cancelled" },
    };
  }
  const spent = how.mayDie === false ? undefined : spentBudget(state, lease, how.charge);
  if (spent !== undefined) return dieOf(spent, end, context);
  return {
    event: { type: "delivery_requeued", version: 1, ...end, reason: how.reason },
    outcome: { kind: "requeued", charge: how.charge },
  };
}

function spentBudget(state: State, lease: Lease, charge: Charge): string | undefined {
  const { tasks } = state;
  const { policy } = state.placement.bag(tasks.bag.get(lease.task)).kind;
  if (charge === "lost" && tasks.lost.get(lease.task) + 1 > policy.lostMax) {
    return `lost with its worker ${tasks.lost.get(lease.task) + 1} times`;
  }
  if (tasks.deliveries.get(lease.task) >= policy.deliveriesMax) {
    return `delivered ${tasks.deliveries.get(lease.task)} times`;
  }
  return undefined;
}

function dieOf(spent: string, end: ReturnType<typeof endOf>, context: Context): Ended {
  const failure: FailureFacts = {
    kind: "worker_lost",
    type: "WorkerLost",
    message: spent,
    body: 0,
  };
  const deadLetterId = makeId("dl_", context.wall, context.draw);
  return {
    event: { type: "task_failed", version: 1, ...end, failure, deadLetterId },
    outcome: { kind: "dead_lettered", id: deadLetterId },
  };
}
