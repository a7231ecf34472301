import { assert } from "../errors.js";
import type { EventOf, SweepScope } from "../events.js";
import type { TaskNo } from "../ids.js";
import { taskAt } from "../state/stages.js";
import { moveTask, stopLease } from "../state/moves.js";
import type { State } from "../state/state.js";
import { isTerminal, TaskState } from "../state/tasks.js";
import type { Stamp } from "../context.js";

/** One step of a sweep. */
export function applyTasksCancelled(
  state: State,
  event: EventOf<"tasks_cancelled">,
  stamp: Stamp,
): void {
  const stage = state.stage(event.stage);
  for (let index = event.fromIndex; index < event.toIndex; index++) {
    const task = taskAt(stage, index);
    assert(task !== undefined, () => `sweep over index ${index} of stage ${stage.no}`);
    if (!isSwept(state, task, event.scope)) continue;
    if (state.tasks.state.get(task) === TaskState.leased) stopDelivery(state, task);
    state.tasks.endedWall.set(task, stamp.wall);
    moveTask(state, task, TaskState.cancelled);
  }
  const job = state.job(event.job);
  if (event.next === undefined) {
    job.sweep = undefined;
    state.toSweep.delete(job.no);
  } else {
    job.sweep = { scope: event.scope, ...event.next };
  }
  job.revision += 1;
  state.toAdvance.add(job.no);
}

/** Does a sweep of this scope end the task? */
export function isSwept(state: State, task: TaskNo, scope: SweepScope): boolean {
  const taskState = state.tasks.state.get(task);
  if (isTerminal(taskState)) return false;
  switch (scope) {
    case "all":
      return true;
    case "unleased":
      return taskState !== TaskState.leased;
    case "blocked":
      return taskState === TaskState.blocked;
  }
}

function stopDelivery(state: State, task: TaskNo): void {
  const { tasks } = state;
  const lease = state.leases.get(tasks.lease.get(task));
  assert(lease !== undefined, () => `leased task ${task} without its lease`);
  tasks.lease.set(task, 0);
  state.job(lease.job).liveLeases -= 1;
  stopLease(state, lease);
}
