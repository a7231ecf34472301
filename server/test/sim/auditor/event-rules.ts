import type { CoreEvent, EventOf, EventType, Stamp } from "../../../src/core/index.js";
import type { AuditContext } from "./context.js";
import * as jobs from "./job-events.js";
import * as leases from "./lease-events.js";
import * as workers from "./worker-events.js";

type Rule<K extends EventType> = (at: AuditContext, event: EventOf<K>, stamp: Stamp) => void;

/** What follows from it is seen elsewhere: by what is granted, by what is read. */
const nothing = () => undefined;

// A new event does not compile until the auditor has a row for it.
const rules: { readonly [K in EventType]: Rule<K> } = {
  job_submitted: jobs.jobSubmitted,
  tasks_added: jobs.tasksAdded,
  job_sealed: jobs.jobSealed,
  stage_opened: nothing,
  stage_pruned: nothing,
  tasks_released: nothing,
  tasks_unblocked: nothing,
  lease_granted: leases.leaseGranted,
  task_succeeded: leases.taskSucceeded,
  attempt_failed: leases.attemptFailed,
  task_failed: leases.taskFailed,
  delivery_requeued: leases.deliveryRequeued,
  delivery_cancelled: leases.deliveryCancelled,
  lease_freed: leases.leaseFreed,
  lease_adopted: leases.leaseAdopted,
  checkpoint_saved: nothing,
  job_cancel_started: jobs.jobCancelStarted,
  job_failing: jobs.jobFailing,
  tasks_cancelled: jobs.tasksCancelled,
  job_finished: jobs.jobFinished,
  jobs_retired: jobs.jobsRetired,
  tasks_retired: nothing,
  keys_forgotten: jobs.keysForgotten,
  worker_registered: workers.workerRegistered,
  worker_updated: workers.workerUpdated,
  leases_promoted: workers.leasesPromoted,
  worker_draining: workers.workerDraining,
  worker_lost: workers.workerLost,
};

export function auditEvent(at: AuditContext, event: CoreEvent, stamp: Stamp): void {
  const rule = rules[event.type] as Rule<EventType>;
  rule(at, event, stamp);
}
