import type { CommandOf } from "../commands.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** Tasks whose run-at or backoff has come. Those that moved on since they were due are left out. */
export function decideReleaseTasks(
  state: State,
  { tasks: due }: CommandOf<"release_tasks">,
): DecisionOn<CommandOf<"release_tasks">> {
  const tasks = due.filter((task) => state.tasks.state.get(task) === TaskState.scheduled);
  if (tasks.length === 0) return accept(undefined);
  return accept(undefined, [{ type: "tasks_released", version: 1, tasks }]);
}
