import type { FailLease } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { State } from "../state/state.js";
import { isForeign } from "./complete-lease.js";
import { fail } from "./fail.js";
import { answerLate, standing } from "./shared.js";

/** A worker says that an attempt failed. Only the holder of the live lease is heard. */
export function decideFailLease(
  state: State,
  command: FailLease,
  context: Context,
): DecisionOn<FailLease> {
  const found = standing(state, command.token);
  if (found.kind !== "live" || isForeign(command.worker, found.lease.worker)) {
    return answerLate(state, command.token, context);
  }
  const body = command.failure.bodyBytes > 0 ? context.firstBlob : 0;
  const { event, outcome } = fail(
    state,
    found.lease,
    command.failure,
    { body, stopping: false },
    context,
  );
  return accept(outcome, [event], { keepsBlobs: body !== 0 });
}
