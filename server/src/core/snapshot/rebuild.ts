import { orderOf } from "../apply/add-tasks.js";
import { place } from "../apply/worker-registered.js";
import type { TaskNo } from "../ids.js";
import { charge } from "../placement/resources.js";
import type { Job } from "../state/jobs.js";
import { isFinished } from "../state/jobs.js";
import { noteLoss } from "../state/losing.js";
import { firstCursor } from "../state/retirement.js";
import type { Stage } from "../state/stages.js";
import { taskAt } from "../state/stages.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** Makes all that is derived, in a state of which only the durable tier is there. */
export function rebuild(state: State): void {
  rebuildWorkers(state);
  rebuildLeases(state);
  rebuildBags(state);
  for (const job of state.jobs) {
    rebuildJob(state, job);
    // Nothing of what has ended waits for anything.
    if (isFinished(job.state)) continue;
    for (let i = 0; i < job.stageCount; i++) rebuildStage(state, state.stage(job.firstStage + i));
  }
  rebuildKeyed(state);
  // Whoever has lost a worker has a record of that.
  for (const task of state.extras.keys()) noteLoss(state, task);
}

function rebuildWorkers(state: State): void {
  const { placement } = state;
  const racks = [...placement.rackOfHost];
  for (const worker of state.workers) {
    state.workerById.set(worker.spec.workerId, worker.no);
    place(state, worker);
  }
  // Who registered last at a host said its rack; in the order of numbers that may be another.
  for (const [host, rack] of racks.entries()) placement.rackOfHost[host] = rack;
}

function rebuildLeases(state: State): void {
  for (const lease of state.leases.values()) {
    const worker = state.worker(lease.worker);
    worker.leasedBytes += lease.bytes;
    if (lease.ahead) worker.ahead.push(lease.no);
    else charge(worker.used, lease.demand, 1);
    const job = state.job(lease.job);
    job.heldLeases += 1;
    if (!lease.stopping) job.liveLeases += 1;
  }
}

function rebuildBags(state: State): void {
  for (const { no } of state.placement.bags) {
    const stage = state.stage(state.placement.bag(no).stage);
    const job = state.job(stage.job);
    const bag = state.placement.reviveBag(no, job.spec.namespace, orderOf(stage));
    stage.addBag(no);
    bag.open = stage.opened && (job.state === "running" || job.state === "uploading");
  }
}

function rebuildJob(state: State, job: Job): void {
  const { jobs } = state;
  if (jobs.size === 0) jobs.first = job.no;
  jobs.size += 1;
  state.jobById.add(job.id, job.no);
  if (job.idempotencyKey !== "") state.addKey(job);
  if (isFinished(job.state)) {
    state.finished.push(job.finishedAt, job.no);
    return;
  }
  jobs.active += 1;
  if (job.state === "uploading") state.uploads.push(job.uploadLapsesAt, job.no);
  if (job.sweep !== undefined) state.toSweep.add(job.no);
  else if (mayFollow(state, job)) state.toAdvance.add(job.no);
}

/** May anything follow for the job? Whether it does is decided when it is asked. */
function mayFollow(state: State, job: Job): boolean {
  if (job.state !== "running") return job.state !== "uploading";
  if (job.stageCount > 1) return true;
  const { opened, taskCount, counts } = state.stage(job.firstStage);
  const ended = counts.succeeded + counts.failed + counts.cancelled;
  return !opened || counts.failed > 0 || ended === taskCount;
}

function rebuildStage(state: State, stage: Stage): void {
  stage.joinTotals();
  const inLine: TaskNo[] = [];
  for (let index = 0; index < stage.taskCount; index++) {
    const task = taskAt(stage, index) as TaskNo;
    switch (state.tasks.state.get(task)) {
      case TaskState.waiting:
        state.placement.bag(state.tasks.bag.get(task)).pending += 1;
        inLine.push(task);
        break;
      case TaskState.scheduled:
        state.scheduled.push(state.tasks.runAt.get(task), task);
    }
  }
  state.placement.thread(inLine);
  for (const no of stage.bags) state.placement.refresh(state.placement.bag(no));
}

/** Jobs that have left: those whose tasks are still going, and those of which only the key is kept. */
function rebuildKeyed(state: State): void {
  const { jobs } = state;
  if (jobs.size === 0) jobs.first = jobs.count;
  for (let no = 0; no < jobs.count; no++) {
    if (jobs.has(no) || !jobs.isKept(no)) continue;
    const job = state.job(no);
    if (job.idempotencyKey !== "") state.addKey(job);
    if (jobs.leaving.has(no) || hasTasks(state, job)) {
      state.toLeave.add(no);
    } else {
      state.keySpecs.set(job.spec.namespace, job.spec);
      state.keyed.push(job.submittedAt, no);
    }
  }
}

function hasTasks(state: State, job: Job): boolean {
  const first = firstCursor(state, job);
  if (first === undefined) return false;
  return state.tasks.has(taskAt(state.stage(first.stage), first.index) as TaskNo);
}
