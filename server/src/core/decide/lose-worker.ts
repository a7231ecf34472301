import type { CommandOf } from "../commands.js";
import type { Context, Settings } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { State } from "../state/state.js";
import { endMany, leasesOf } from "./end-many.js";

/** Nothing was heard of a worker for a whole term: its tasks go to others. */
export function decideLoseWorker(
  state: State,
  command: CommandOf<"lose_worker">,
  context: Context,
  settings: Settings,
): DecisionOn<CommandOf<"lose_worker">> {
  const worker = state.worker(command.worker);
  if (worker.lost || worker.session !== 0) return accept(undefined);
  // Heard since it was due: the command may have waited for a turn, and who is heard is in time.
  if (worker.seenAt + settings.leaseTermMs > context.termNow) return accept(undefined);
  // It drained and went, as it should: nothing is lost with it.
  if (worker.draining && worker.leases.size === 0) return accept(undefined);
  const how = { reason: "worker_lost", charge: "lost" } as const;
  const ended = endMany(state, worker, leasesOf(state, worker), how, context);
  return accept(undefined, [...ended, { type: "worker_lost", version: 1, worker: worker.no }]);
}
