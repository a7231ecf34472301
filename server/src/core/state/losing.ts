import type { TaskNo } from "../ids.js";
import type { State } from "./state.js";
import { isTerminal } from "./tasks.js";

/** Tasks that lose one worker after the other: which they are is kept, so that nobody looks for them. */

/** So many losses in a generation are no chance any more. */
const lossesMany = 2;

/** Has the task lost its worker more than once, and does it go on all the same? */
export function isLosing({ tasks }: State, task: TaskNo): boolean {
  return tasks.lost.get(task) >= lossesMany && !isTerminal(tasks.state.get(task));
}

/** The task has lost its worker once more, or is found to have. */
export function noteLoss(state: State, task: TaskNo): void {
  if (!isLosing(state, task)) return;
  const stage = state.tasks.stage.get(task);
  const losing = state.losing.get(stage);
  if (losing === undefined) state.losing.set(stage, new Set([task]));
  else losing.add(task);
}

/** The task has ended. */
export function forgetLosses(state: State, task: TaskNo): void {
  // Asked at the end of each task, of which next to none is there.
  if (state.losing.size === 0) return;
  const stage = state.tasks.stage.get(task);
  const losing = state.losing.get(stage);
  if (losing?.delete(task) === true && losing.size === 0) state.losing.delete(stage);
}
