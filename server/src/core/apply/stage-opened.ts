import type { EventOf } from "../events.js";
import type { TaskNo } from "../ids.js";
import type { Stage } from "../state/jobs.js";
import { taskAt } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** Hosts of a partition that are worth going to: those that hold the most of it. */
const partitionHostsMax = 3;

/**
 * The stage's tasks may be placed. Tasks that read partitions given by reference learn here
 * which hosts hold the most of theirs.
 */
export function applyStageOpened(state: State, event: EventOf<"stage_opened">): void {
  const stage = state.stage(event.stage);
  stage.opened = true;
  for (const dependency of stage.spec.dependsOn) {
    if (dependency.kind === "partition") locate(state, stage, dependency.stage);
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

function locate(state: State, stage: Stage, upstreamName: string): void {
  const job = state.job(stage.job);
  const position = job.spec.stages.findIndex(({ name }) => name === upstreamName);
  const upstream = state.stage(job.firstStage + position);
  const located: TaskNo[] = [];
  for (const [partition, bytesByHost] of upstream.partitionHosts ?? []) {
    const task = taskAt(stage, partition);
    if (task === undefined || state.tasks.hostsCount.get(task) > 0) continue;
    const best = [...bytesByHost].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    const hosts = best.slice(0, partitionHostsMax);
    if (hosts.length === 0) continue;
    state.tasks.hostsAt.set(task, state.hostPoolSize);
    state.tasks.hostsCount.set(task, hosts.length);
    let total = 0;
    for (const [host, bytes] of hosts) {
      state.hostPool.set(state.hostPoolSize++, host);
      total += bytes;
    }
    state.tasks.inputBytes.set(task, total);
    if (state.tasks.state.get(task) === TaskState.waiting) located.push(task);
  }
  // They stand under "no preference" since they were added; a bag's lists are made anew.
  if (located.length > 0)
    state.placement.rethread(stage.bags, (bag) => waitingOf(state, stage, bag));
}

function waitingOf(state: State, stage: Stage, bag: number): TaskNo[] {
  const waiting: TaskNo[] = [];
  for (const segment of stage.segments) {
    for (let i = 0; i < segment.count; i++) {
      const task = segment.firstTask + i;
      if (state.tasks.bag.get(task) !== bag) continue;
      if (state.tasks.state.get(task) === TaskState.waiting) waiting.push(task);
    }
  }
  return waiting;
}
