import type { EventOf } from "../../../src/core/index.js";
import type { AuditContext } from "./context.js";
import { promote } from "./lease-events.js";
import type { WorkerModel } from "./model.js";

/** What the auditor makes of the events of workers. */

export function workerRegistered(at: AuditContext, event: EventOf<"worker_registered">) {
  const known = at.model.workers[event.worker];
  if (known === undefined) {
    at.verdict.check(
      event.worker === at.model.workers.length,
      () => `worker ${event.worker} is out of turn`,
    );
    at.model.workers.push({
      no: event.worker,
      spec: event.spec,
      capacity: event.spec.capacity,
      used: new Map(),
      leases: new Set(),
      lost: false,
      draining: false,
    });
    return;
  }
  known.spec = event.spec;
  known.capacity = event.spec.capacity;
  known.lost = false;
  known.draining = false;
}

export function workerUpdated(at: AuditContext, event: EventOf<"worker_updated">) {
  const worker = workerOf(at, event.worker);
  worker.capacity = event.capacity;
  for (const [name, used] of worker.used) {
    const has = event.capacity.find((one) => one.name === name)?.milli ?? 0;
    if (used > has) at.gate("a worker shrank below what it runs");
  }
}

export function workerDraining(at: AuditContext, event: EventOf<"worker_draining">) {
  workerOf(at, event.worker).draining = true;
  at.gate("a worker drained");
}

export function workerLost(at: AuditContext, event: EventOf<"worker_lost">) {
  const worker = workerOf(at, event.worker);
  at.verdict.check(
    worker.leases.size === 0,
    () => `worker ${worker.spec.workerId} is lost and still holds ${worker.leases.size} leases`,
  );
  worker.lost = true;
  at.gate("a worker was lost");
}

export function leasesPromoted(at: AuditContext, event: EventOf<"leases_promoted">) {
  promote(at, event.promoted);
}

function workerOf({ model }: AuditContext, no: number): WorkerModel {
  return model.workers[no] as WorkerModel;
}
