import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import type { TaskNo } from "../ids.js";
import type { TaskDraft, TaskKind } from "../spec.js";
import type { Stage } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** Stages a job may have; a bag's place in line is by job, then by stage. */
const stagesMax = 64;

/** Tasks in one stretch. Bodies lie in the payload store under the blobs that the event names. */
export function applyTasksAdded(state: State, event: EventOf<"tasks_added">, stamp: Stamp): void {
  const { tasks } = state;
  const stage = state.stage(event.stage);
  const initial = stage.spec.dependsOn.some(({ kind }) => kind === "each")
    ? TaskState.blocked
    : TaskState.waiting;
  // Most tasks are as their stage says; the map is for those that are not.
  let lastKind = stage.spec.task;
  let bag = -1;
  let bags: Map<TaskKind, number> | undefined;
  const inLine: TaskNo[] = [];
  let { firstTask: task, firstBlob: blob } = event;
  let { firstIndex: index } = event;
  for (const draft of event.tasks) {
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
    tasks.inputBytes.set(task, draft.inputBytes);
    tasks.recordCount.set(task, draft.recordCount);
    setHosts(state, task, draft);
    const taskState =
      draft.delayMs > 0 && initial === TaskState.waiting ? TaskState.scheduled : initial;
    tasks.state.set(task, taskState);
    tasks.runAt.set(task, stamp.now + draft.delayMs);
    count(state, stage, bag, taskState);
    if (taskState === TaskState.waiting) inLine.push(task);
    else if (taskState === TaskState.scheduled)
      state.scheduled.push(stamp.now + draft.delayMs, task);
    task += 1;
    index += 1;
    blob += 1;
  }
  tasks.count = task;
  stage.taskCount += event.tasks.length;
  grow(stage, event);
  state.placement.thread(inLine);
  const touched = bags?.values() ?? (event.tasks.length === 0 ? [] : [bag]);
  for (const no of touched) state.placement.refresh(state.placement.bag(no));
  const job = state.job(event.job);
  job.uploadLapsesAt = stamp.now + job.spec.uploadTtlMs;
  job.revision += 1;
}

function bagOf(state: State, stage: Stage, kind: TaskKind): number {
  const key = kind === stage.spec.task ? undefined : JSON.stringify(kind);
  for (const no of stage.bags) {
    const bag = state.placement.bag(no);
    if (bag.kind === kind) return no;
    if (key !== undefined && JSON.stringify(bag.kind) === key) return no;
  }
  const job = state.job(stage.job);
  const order = job.no * stagesMax + stage.position;
  const bag = state.placement.addBag(stage.no, job.spec.namespace, kind, order);
  bag.open = stage.opened;
  if (stage.bags.length === 0) stage.bags = [bag.no];
  else stage.bags.push(bag.no);
  return bag.no;
}

function setHosts(state: State, task: TaskNo, draft: TaskDraft): void {
  if (draft.hosts.length === 0) return;
  state.tasks.hostsAt.set(task, state.hostPoolSize);
  state.tasks.hostsCount.set(task, draft.hosts.length);
  for (const host of draft.hosts) {
    state.hostPool.set(state.hostPoolSize++, state.placement.hosts.number(host));
  }
}

function count(state: State, stage: Stage, bag: number, taskState: number): void {
  if (taskState === TaskState.waiting) {
    stage.counts.waiting += 1;
    state.placement.bag(bag).pending += 1;
  } else if (taskState === TaskState.scheduled) {
    stage.counts.scheduled += 1;
  } else {
    stage.counts.blocked += 1;
  }
}

function grow(stage: Stage, event: EventOf<"tasks_added">): void {
  const last = stage.segments[stage.segments.length - 1];
  if (last !== undefined && last.firstTask + last.count === event.firstTask) {
    last.count += event.tasks.length;
  } else {
    const { firstIndex, firstTask } = event;
    const segment = { firstIndex, firstTask, count: event.tasks.length };
    // The first one by itself: pushed into an empty array it would get room for 17.
    if (last === undefined) stage.segments = [segment];
    else stage.segments.push(segment);
  }
}
