import type { EventOf } from "../events.js";
import type { WorkerNo } from "../ids.js";
import { toVector } from "../placement/resources.js";
import type { WorkerSpec } from "../spec.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";

/** A worker came, came back, or came back as another process. */
export function applyWorkerRegistered(state: State, event: EventOf<"worker_registered">): void {
  const { spec } = event;
  let worker = state.workers[event.worker];
  if (worker === undefined) {
    worker = newWorker(event.worker, spec);
    state.workers.push(worker);
    state.workerById.set(spec.workerId, worker.no);
  }
  worker.spec = spec;
  worker.capacity = spec.capacity;
  worker.lost = false;
  worker.draining = false;
  worker.succeeded = 0;
  worker.failed = 0;
  place(state, worker);
}

/** Sets all that is derived from what a worker said of itself. */
export function place(state: State, worker: Worker): void {
  const { placement } = state;
  worker.total = toVector(worker.capacity, placement.resources);
  const host = placement.hosts.number(worker.spec.host);
  const rack = placement.racks.number(worker.spec.rack);
  placement.standAt(worker.no, worker, { host, rack });
  worker.host = host;
  worker.rack = rack;
  worker.workerClass = placement.classOf(worker.spec, worker.total);
  placement.offer(worker.no);
}

/** A worker of which no more is known than what it said of itself. */
export function newWorker(no: WorkerNo, spec: WorkerSpec): Worker {
  return {
    no,
    spec,
    capacity: spec.capacity,
    lost: false,
    draining: false,
    succeeded: 0,
    failed: 0,
    leases: new Set(),
    total: [],
    used: [],
    ahead: [],
    host: 0,
    rack: 0,
    workerClass: 0,
    leasedBytes: 0,
    session: 0,
    creditTasks: 0,
    creditBytes: 0,
    seenAt: 0,
    heardAt: -1,
    checkAt: Infinity,
    assignedThrough: 0,
    receivedThrough: 0,
  };
}
