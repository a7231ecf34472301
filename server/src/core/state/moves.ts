import type { Stamp } from "../context.js";
import type { DeliveryEnd, FailureFacts } from "../events.js";
import type { LeaseNo, TaskNo } from "../ids.js";
import { assert } from "../errors.js";
import { charge } from "../placement/resources.js";
import type { OutcomeKind } from "../outcome.js";
import { outcomeCodes } from "../outcome.js";
import type { Lease } from "./leases.js";
import { forgetLosses } from "./losing.js";
import { free } from "./retirement.js";
import type { DeliveryRecord, State, TaskExtra } from "./state.js";
import { deliveryRecordsMax, extraOf } from "./state.js";
import { isTerminal, TaskState } from "./tasks.js";
import type { TaskStateCode } from "./tasks.js";
import type { Worker } from "./workers.js";

/** The moves that several appliers share. Each keeps counts, ledger and lines in step. */

/** Moves a task from one state to another, with all that counts it. */
export function moveTask(state: State, task: TaskNo, to: TaskStateCode): void {
  const { tasks } = state;
  const from = tasks.state.get(task);
  const stage = state.stageOf(task);
  const bag = state.placement.bag(tasks.bag.get(task));
  stage.count(from as TaskStateCode, -1);
  stage.count(to, 1);
  tasks.state.set(task, to);
  if (from === TaskState.waiting) {
    bag.pending -= 1;
    if (bag.pending === 0) state.placement.ranEmpty(bag);
  }
  if (to === TaskState.waiting) {
    bag.pending += 1;
    state.placement.refresh(bag);
  }
  if (isTerminal(to)) forgetLosses(state, task);
  state.job(stage.job).revision += 1;
}

/** Puts a task back in line: it waits, and can be found. */
export function putInLine(state: State, task: TaskNo): void {
  moveTask(state, task, TaskState.waiting);
  state.placement.thread([task]);
}

/** The lease that an event speaks of; an event without its lease is a bug. */
export function leaseOf(state: State, no: LeaseNo, what: string): Lease {
  const lease = state.leases.get(no);
  assert(lease !== undefined, () => `${what} for unknown lease ${no}`);
  return lease;
}

/**
 * Ends a delivery: the task keeps its outcome, the lease goes or stops, those behind it move up.
 *
 * @param outcome what the worker is told; undefined when nobody asked. Whoever comes with the token of a
 *   delivery that ended without its worker is stale
 */
export function endDelivery(
  state: State,
  end: DeliveryEnd,
  outcome: Exclude<OutcomeKind, "stale" | "gone"> | undefined,
  stamp: Stamp,
): Lease {
  const lease = leaseOf(state, end.lease, outcome ?? "requeue");
  assert(!lease.stopping, () => `lease ${end.lease} of task ${end.task} ended twice`);
  const { tasks } = state;
  assert(tasks.lease.get(end.task) === end.lease, () => `lease ${end.lease} is not the task's`);
  tasks.lease.set(end.task, 0);
  // Nobody was told of one that stops: whatever comes of it is stale now, and stays so once it is freed.
  if (outcome !== undefined && !end.stopping) {
    tasks.settledDelivery.set(end.task, end.delivery);
    tasks.settledOutcome.set(end.task, outcomeCodes[outcome]);
  }
  tasks.endedWall.set(end.task, stamp.wall);
  const job = state.job(lease.job);
  job.liveLeases -= 1;
  state.toAdvance.add(lease.job);
  if (end.stopping) stopLease(state, lease);
  else freeLease(state, lease);
  promote(state, end.promoted);
  return lease;
}

/** The task has moved on; the lease keeps its room until it is answered for. */
export function stopLease(state: State, lease: Lease): void {
  if (lease.startedAt >= 0) state.stageOf(lease.task).countRunning(-1);
  lease.stopping = true;
  if (!lease.ahead) return;
  // An ahead lease holds no room. Stopping ones do, or the ledger would forget what may run.
  const worker = state.worker(lease.worker);
  removeAhead(worker, lease.no);
  lease.ahead = false;
  charge(worker.used, lease.demand, 1);
  state.placement.offer(worker.no);
}

/** The lease is gone, and its room with it. */
export function freeLease(state: State, lease: Lease): void {
  if (!lease.stopping && lease.startedAt >= 0) state.stageOf(lease.task).countRunning(-1);
  const worker = state.worker(lease.worker);
  worker.leases.delete(lease.no);
  worker.leasedBytes -= lease.bytes;
  if (lease.ahead) removeAhead(worker, lease.no);
  else charge(worker.used, lease.demand, -1);
  state.leases.delete(lease.no);
  state.job(lease.job).heldLeases -= 1;
  state.placement.offer(worker.no);
}

/** Leases that were ahead fit now. */
export function promote(state: State, leases: readonly LeaseNo[]): void {
  for (const no of leases) {
    const lease = leaseOf(state, no, "promotion");
    const worker = state.worker(lease.worker);
    removeAhead(worker, no);
    lease.ahead = false;
    charge(worker.used, lease.demand, 1);
  }
}

/** Keeps a record of a delivery that ended without success: the first always, then the latest. */
export function recordDelivery(
  state: State,
  lease: Lease,
  end: DeliveryRecord["end"],
  facts: Pick<DeliveryRecord, "charge" | "failure">,
  stamp: Stamp,
): void {
  const extra = extraOf(state, lease.task);
  const { lastFailure } = extra;
  if (facts.failure !== undefined) {
    // Its own record may be gone already.
    if (lastFailure !== undefined && !isRecorded(extra, lastFailure)) free(state, lastFailure.body);
    extra.lastFailure = facts.failure;
  }
  if (extra.deliveries.length >= deliveryRecordsMax) {
    const [dropped] = extra.deliveries.splice(1, 1);
    if (dropped?.failure !== extra.lastFailure) free(state, dropped?.failure?.body ?? 0);
    extra.dropped += 1;
  }
  extra.deliveries.push({
    generation: lease.generation,
    delivery: lease.delivery,
    attempt: lease.attempt,
    worker: lease.worker,
    level: state.tasks.lastLevel.get(lease.task) as DeliveryRecord["level"],
    grantedWall: lease.grantedWall,
    endedWall: stamp.wall,
    end,
    // By name: the facts are mostly a whole event, which is not to be kept.
    charge: facts.charge,
    failure: facts.failure,
  });
}

function isRecorded({ deliveries }: TaskExtra, failure: FailureFacts): boolean {
  return deliveries.some((record) => record.failure === failure);
}

function removeAhead(worker: Worker, lease: LeaseNo): void {
  const at = worker.ahead.indexOf(lease);
  assert(at >= 0, () => `lease ${lease} is not ahead at worker ${worker.no}`);
  worker.ahead.splice(at, 1);
}
