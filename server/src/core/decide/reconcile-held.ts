import type { ReconcileHeld } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { State } from "../state/state.js";
import { endMany, leasesOf } from "./end-many.js";

/** A worker lists what it holds; what it should hold and does not goes back in line, uncharged. */
export function decideReconcileHeld(
  state: State,
  command: ReconcileHeld,
  context: Context,
): DecisionOn<ReconcileHeld> {
  const worker = state.worker(command.worker);
  if (worker.session !== command.session) return accept(undefined);
  const held = new Set(command.held.map(({ lease }) => lease));
  const absent = leasesOf(state, worker).filter(({ no, sequence, received }) => {
    if (held.has(no)) return false;
    // What it came with into this session has no number here, and every list speaks of it. What was not sent,
    // or was sent after the list was made, none does.
    return sequence === 0 ? received : sequence <= command.throughSequence;
  });
  const how = { reason: "forgotten", charge: "none" } as const;
  return accept(undefined, endMany(state, worker, absent, how, context));
}
