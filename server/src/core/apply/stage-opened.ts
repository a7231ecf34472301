import type { EventOf } from "../events.js";
import type { TaskNo } from "../ids.js";
import type { Stage } from "../state/stages.js";
import { taskAt } from "../state/stages.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** The stage's tasks may be placed; of some it is known only now where their data lies. */
export function applyStageOpened(state: State, event: EventOf<"stage_opened">): void {
  const stage = state.stage(event.stage);
  stage.opened = true;
  for (const { task, hosts, bytes } of event.located) {
    state.tasks.hostsAt.set(task, state.hostPool.add(hosts));
    state.tasks.hostsCount.set(task, hosts.length);
    state.tasks.inputBytes.set(task, bytes);
  }
  // They stand under "no preference" since they were added; a bag's lists are made anew.
  if (event.located.length > 0) {
    state.placement.rethread(stage.bags, (bag) => waitingOf(state, stage, bag));
  }
  for (const no of stage.bags) {
    const bag = state.placement.bag(no);
    bag.open = true;
    state.placement.refresh(bag);
  }
  const job = state.job(stage.job);
  job.revision += 1;
  // An empty stage is done as soon as it is open, and others may open with it.
  if (stage.taskCount === 0 || job.stageCount > 1) state.toAdvance.add(job.no);
}

function waitingOf(state: State, stage: Stage, bag: number): TaskNo[] {
  const waiting: TaskNo[] = [];
  for (let index = 0; index < stage.taskCount; index++) {
    const task = taskAt(stage, index) as TaskNo;
    if (state.tasks.bag.get(task) !== bag) continue;
    if (state.tasks.state.get(task) === TaskState.waiting) waiting.push(task);
  }
  return waiting;
}
