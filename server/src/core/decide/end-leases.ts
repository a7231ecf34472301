import type { CommandOf } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import { isReceived, tokenOf } from "../state/leases.js";
import type { State } from "../state/state.js";
import { fail } from "./fail.js";
import { requeue } from "./requeue.js";

/** Ends of deliveries that the master's own timers decide. The task moves on, the lease stops. */

/** Nobody renewed the lease for a whole term. */
export function decideExpireLease(
  state: State,
  command: CommandOf<"expire_lease">,
  context: Context,
): DecisionOn<CommandOf<"expire_lease">> {
  const lease = state.leases.get(command.lease);
  if (lease === undefined || lease.stopping) return accept(undefined);
  // Renewed since it was due: the command may have waited for a turn, and who is heard is in time.
  if (lease.deadlineAt > context.termNow) return accept(undefined);
  const { event } = requeue(
    state,
    lease,
    { reason: "expired", charge: "lost", stopping: true },
    context,
  );
  const notice = { kind: "cancel", worker: lease.worker, token: tokenOf(lease) } as const;
  return accept(undefined, [event], { notices: [{ ...notice, reason: "lease_lost" }] });
}

/** The assignment was not received in time: it goes to another, and no one is charged. */
export function decideRecallLease(
  state: State,
  command: CommandOf<"recall_lease">,
  context: Context,
): DecisionOn<CommandOf<"recall_lease">> {
  const lease = state.leases.get(command.lease);
  if (lease === undefined || lease.stopping) return accept(undefined);
  if (isReceived(lease, state.worker(lease.worker))) return accept(undefined);
  const { event } = requeue(
    state,
    lease,
    { reason: "unreceived", charge: "none", stopping: true },
    context,
  );
  const { worker } = lease;
  const notice = {
    kind: "recall",
    worker,
    token: tokenOf(lease),
    reason: "not_received",
  } as const;
  return accept(undefined, [event], { notices: [notice] });
}

/** The attempt ran longer than its policy allows, and its worker did not end it. */
export function decideTimeOutAttempt(
  state: State,
  command: CommandOf<"time_out_attempt">,
  context: Context,
): DecisionOn<CommandOf<"time_out_attempt">> {
  const lease = state.leases.get(command.lease);
  if (lease === undefined || lease.stopping) return accept(undefined);
  const { policy } = state.placement.bag(state.tasks.bag.get(lease.task)).kind;
  const failure = {
    kind: "timeout",
    type: "AttemptTimeout",
    message: `still running ${policy.attemptTimeoutMs} ms after it started`,
    retryable: true,
    bodyBytes: 0,
  } as const;
  const { event } = fail(state, lease, failure, { body: 0, stopping: true }, context);
  const notice = { kind: "cancel", worker: lease.worker, token: tokenOf(lease) } as const;
  return accept(undefined, [event], { notices: [{ ...notice, reason: "timeout" }] });
}
