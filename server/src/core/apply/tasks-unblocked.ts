import type { Stamp } from "../context.js";
import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import type { TaskNo } from "../ids.js";
import { moveTask } from "../state/moves.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** What the tasks waited for upstream has succeeded; a run-at in the future still holds. */
export function applyTasksUnblocked(
  state: State,
  event: EventOf<"tasks_unblocked">,
  stamp: Stamp,
): void {
  const inLine: TaskNo[] = [];
  for (const task of event.tasks) {
    const from = state.tasks.state.get(task);
    assert(from === TaskState.blocked, () => `unblocking of task ${task} in state ${from}`);
    const runAt = state.tasks.runAt.get(task);
    if (runAt > stamp.now) {
      moveTask(state, task, TaskState.scheduled);
      state.scheduled.push(runAt, task);
    } else {
      moveTask(state, task, TaskState.waiting);
      inLine.push(task);
    }
  }
  state.placement.thread(inLine);
}
