import type { Stamp } from "../context.js";
import type { BlobId, TaskNo } from "../ids.js";
import type { TaskDraft, TaskKind } from "../spec.js";
import type { Stage } from "../state/stages.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** Stages a job may have; a bag's place in line is by job, then by stage. */
const stagesMax = 64;

/**
 * Appends tasks to a stage, numbered on from the last task there is. Bodies lie in the payload store
 * under the blobs from `firstBlob` on.
 */
export function addTasks(
  state: State,
  stage: Stage,
  drafts: readonly TaskDraft[],
  firstBlob: BlobId,
  stamp: Stamp,
): void {
  const { tasks } = state;
  const initial = stage.spec.dependsOn.some(({ kind }) => kind === "each")
    ? TaskState.blocked
    : TaskState.waiting;
  // Most tasks are as their stage says; the map is for those that are not.
  let lastKind = stage.spec.task;
  let bag = -1;
  let bags: Map<TaskKind, number> | undefined;
  const inLine: TaskNo[] = [];
  const firstTask = tasks.count;
  let task = firstTask;
  let index = stage.taskCount;
  let blob = firstBlob;
  for (const draft of drafts) {
    const kind = draft.kind ?? stage.spec.task;
    if (bag === -1) {
      bag = bagOf(state, stage, kind);
      lastKind = kind;
    } else if (kind !== lastKind) {
      bags ??= new Map([[lastKind, bag]]);
      bag = bags.get(kind) ?? bagOf(state, stage, kind);
      bags.set(kind, bag);
      lastKind = kind;
    }
    tasks.stage.set(task, stage.no);
    tasks.index.set(task, index);
    tasks.bag.set(task, bag);
    tasks.generation.set(task, 1);
    tasks.body.set(task, blob);
    tasks.bodyBytes.set(task, draft.bodyBytes);
    if (draft.inputBytes > 0) tasks.inputBytes.set(task, draft.inputBytes);
    if (draft.recordCount > 0) tasks.recordCount.set(task, draft.recordCount);
    if (draft.hosts.length > 0) setHosts(state, task, draft);
    const taskState =
      draft.delayMs > 0 && initial === TaskState.waiting ? TaskState.scheduled : initial;
    tasks.state.set(task, taskState);
    if (draft.delayMs > 0) tasks.runAt.set(task, stamp.now + draft.delayMs);
    stage.count(taskState, 1);
    if (taskState === TaskState.waiting) {
      state.placement.bag(bag).pending += 1;
      inLine.push(task);
    } else if (taskState === TaskState.scheduled) {
      state.scheduled.push(stamp.now + draft.delayMs, task);
    }
    task += 1;
    index += 1;
    blob += 1;
  }
  tasks.count = task;
  stage.grow(firstTask, drafts.length);
  state.placement.thread(inLine);
  const touched = bags?.values() ?? (drafts.length === 0 ? [] : [bag]);
  for (const no of touched) state.placement.refresh(state.placement.bag(no));
}

/** Where bags of a stage stand in line. */
export function orderOf({ job, position }: Stage): number {
  return job * stagesMax + position;
}

function bagOf(state: State, stage: Stage, kind: TaskKind): number {
  const key = kind === stage.spec.task ? undefined : JSON.stringify(kind);
  for (const no of stage.bags) {
    const bag = state.placement.bag(no);
    if (bag.kind === kind) return no;
    if (key !== undefined && JSON.stringify(bag.kind) === key) return no;
  }
  const job = state.job(stage.job);
  const bag = state.placement.addBag(stage.no, job.spec.namespace, kind, orderOf(stage));
  bag.open = stage.opened;
  stage.addBag(bag.no);
  return bag.no;
}

function setHosts(state: State, task: TaskNo, draft: TaskDraft): void {
  const hosts = draft.hosts.map((host) => state.placement.hosts.number(host));
  state.tasks.hostsAt.set(task, state.hostPool.add(hosts));
  state.tasks.hostsCount.set(task, hosts.length);
}
