import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import { moveTask } from "../state/moves.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** Run-at or backoff has come: the tasks are in line. */
export function applyTasksReleased(state: State, event: EventOf<"tasks_released">): void {
  for (const task of event.tasks) {
    const from = state.tasks.state.get(task);
    assert(from === TaskState.scheduled, () => `release of task ${task} in state ${from}`);
    moveTask(state, task, TaskState.waiting);
  }
  state.placement.thread(event.tasks);
}
