import type { CommandOf } from "../commands.js";
import type { Context } from "../context.js";
import { eventTasksMax } from "../context.js";
import type { DecisionOn } from "../decision.js";
import { accept } from "../decision.js";
import type { TaskNo } from "../ids.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** Tasks whose run-at or backoff has come, at most as many as one event covers. */
export function decideReleaseTasks(
  state: State,
  _command: CommandOf<"release_tasks">,
  context: Context,
): DecisionOn<CommandOf<"release_tasks">> {
  const due = new Set<TaskNo>();
  const { scheduled, tasks } = state;
  while (scheduled.firstKey <= context.now && due.size < eventTasksMax) {
    const at = scheduled.firstKey;
    const task = scheduled.pop() as TaskNo;
    // The heap is derived, and entries of tasks that moved on are left in it: skip them here.
    if (tasks.state.get(task) !== TaskState.scheduled || tasks.runAt.get(task) !== at) continue;
    due.add(task);
  }
  if (due.size === 0) return accept(undefined);
  return accept(undefined, [{ type: "tasks_released", version: 1, tasks: [...due] }]);
}
