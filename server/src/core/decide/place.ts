import type { CommandOf } from "../commands.js";
import type { Context } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import { findTask } from "../placement/find.js";
import type { State } from "../state/state.js";
import { isEligible } from "../state/workers.js";

/** Gives a worker with room its next task, if there is one for it. One task, one decision. */
export function decidePlace(
  state: State,
  command: CommandOf<"place">,
  context: Context,
): DecisionOn<CommandOf<"place">> {
  const worker = state.worker(command.worker);
  if (!isEligible(worker)) return accept(0);
  const match = findTask(state.placement, worker, command.reach, command.ahead);
  if (match === undefined) return accept(0);
  const { tasks } = state;
  const { task } = match;
  const bytes = tasks.bodyBytes.get(task);
  // A single task larger than the whole window would never run: an idle worker gets it.
  if (worker.leasedBytes + bytes > worker.creditBytes && worker.leases.size > 0) {
    return accept(0);
  }
  const lease = state.nextLease;
  return accept(lease, [
    {
      type: "lease_granted",
      version: 1,
      lease,
      task,
      worker: worker.no,
      run: state.jobOf(task).run,
      generation: tasks.generation.get(task),
      delivery: tasks.delivery.get(task) + 1,
      attempt: tasks.attempt(task),
      epoch: context.epoch,
      drawHigh: context.draw() | 0,
      drawLow: context.draw() | 0,
      ahead: match.ahead,
      level: match.level,
    },
  ]);
}
