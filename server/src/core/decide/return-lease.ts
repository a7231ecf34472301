import type { ReturnLease } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { State } from "../state/state.js";
import { isForeign } from "./complete-lease.js";
import { requeue } from "./requeue.js";
import { answerLate, standing } from "./shared.js";

/** A worker gives a task back that it did not finish: recalled, drained or over-delivered. */
export function decideReturnLease(
  state: State,
  command: ReturnLease,
  context: Context,
): DecisionOn<ReturnLease> {
  const found = standing(state, command.token);
  if (found.kind !== "live" || isForeign(command.worker, found.lease.worker)) {
    return answerLate(state, command.token, context);
  }
  const { reason } = command;
  // Giving back what never began costs nothing.
  const charge = reason === "drained" && found.lease.startedAt >= 0 ? "drain" : "none";
  const { event, outcome } = requeue(
    state,
    found.lease,
    { reason, charge, stopping: false },
    context,
  );
  return accept(outcome, [event]);
}
