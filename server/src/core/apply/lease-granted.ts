import type { Stamp } from "../context.js";
import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import { charge } from "../placement/resources.js";
import type { Lease } from "../state/leases.js";
import { moveTask } from "../state/moves.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** A delivery begins: the task is leased, and its demand is on the worker's ledger. */
export function applyLeaseGranted(
  state: State,
  event: EventOf<"lease_granted">,
  stamp: Stamp,
): void {
  const { tasks } = state;
  const { task } = event;
  const from = tasks.state.get(task);
  assert(from === TaskState.waiting, () => `lease ${event.lease} of task ${task} in state ${from}`);
  const worker = state.worker(event.worker);
  const stage = state.stageOf(task);
  const lease: Lease = {
    no: event.lease,
    task,
    job: stage.job,
    worker: event.worker,
    run: event.run,
    generation: event.generation,
    delivery: event.delivery,
    attempt: event.attempt,
    epoch: event.epoch,
    drawHigh: event.drawHigh,
    drawLow: event.drawLow,
    demand: state.placement.bag(tasks.bag.get(task)).shape.demand,
    bytes: tasks.bodyBytes.get(task),
    grantedWall: stamp.wall,
    stopping: false,
    ahead: event.ahead,
    deadlineAt: 0,
    assignedAt: -1,
    sequence: 0,
    received: false,
    startedAt: -1,
    progress: 0,
    progressNote: "",
  };
  state.leases.set(lease.no, lease);
  state.nextLease = lease.no + 1;
  worker.leases.add(lease.no);
  worker.leasedBytes += lease.bytes;
  if (lease.ahead) worker.ahead.push(lease.no);
  else charge(worker.used, lease.demand, 1);
  moveTask(state, task, TaskState.leased);
  tasks.lease.set(task, lease.no);
  tasks.delivery.set(task, event.delivery);
  tasks.deliveries.add(task, 1);
  tasks.lastWorker.set(task, event.worker);
  tasks.lastLevel.set(task, event.level);
  tasks.grantedWall.set(task, stamp.wall);
  const job = state.job(lease.job);
  job.liveLeases += 1;
  job.heldLeases += 1;
}
