import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import { charge, toDemand } from "../placement/resources.js";
import type { State } from "../state/state.js";

/** Room is kept for a lease that a worker still holds and the master has given up. */
export function applyLeaseAdopted(
  state: State,
  event: EventOf<"lease_adopted">,
  stamp: Stamp,
): void {
  const { lease: no, worker, job, task, delivery, epoch, drawHigh, drawLow } = event;
  const demand = toDemand(event.demand, state.placement.resources);
  state.leases.set(no, {
    no,
    task,
    job,
    worker,
    run: 0,
    generation: 0,
    delivery,
    attempt: 0,
    epoch,
    drawHigh,
    drawLow,
    demand,
    bytes: 0,
    grantedWall: stamp.wall,
    stopping: true,
    ahead: false,
    deadlineAt: 0,
    assignedAt: -1,
    sequence: 0,
    received: true,
    startedAt: -1,
    progress: 0,
    progressNote: "",
  });
  state.job(job).heldLeases += 1;
  state.worker(worker).leases.add(no);
  charge(state.worker(worker).used, demand, 1);
}
