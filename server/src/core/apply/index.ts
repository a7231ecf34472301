import type { Stamp } from "../context.js";
import { assert } from "../errors.js";
import type { CoreEvent, EventOf, EventType } from "../events.js";
import type { State } from "../state/state.js";
import { applyAttemptFailed } from "./attempt-failed.js";
import { applyCheckpointSaved } from "./checkpoint-saved.js";
import { applyDeliveryCancelled } from "./delivery-cancelled.js";
import { applyDeliveryRequeued } from "./delivery-requeued.js";
import { applyJobCancelStarted } from "./job-cancel-started.js";
import { applyJobFailing } from "./job-failing.js";
import { applyJobFinished } from "./job-finished.js";
import { applyJobSealed } from "./job-sealed.js";
import { applyJobSubmitted } from "./job-submitted.js";
import { applyJobsRetired } from "./jobs-retired.js";
import { applyKeysForgotten } from "./keys-forgotten.js";
import { applyLeaseAdopted } from "./lease-adopted.js";
import { applyLeaseFreed } from "./lease-freed.js";
import { applyLeaseGranted } from "./lease-granted.js";
import { applyLeasesPromoted } from "./leases-promoted.js";
import { applyStageOpened } from "./stage-opened.js";
import { applyStagePruned } from "./stage-pruned.js";
import { applyTaskFailed } from "./task-failed.js";
import { applyTaskSucceeded } from "./task-succeeded.js";
import { applyTasksAdded } from "./tasks-added.js";
import { applyTasksCancelled } from "./tasks-cancelled.js";
import { applyTasksReleased } from "./tasks-released.js";
import { applyTasksRetired } from "./tasks-retired.js";
import { applyTasksUnblocked } from "./tasks-unblocked.js";
import { applyWorkerDraining } from "./worker-draining.js";
import { applyWorkerLost } from "./worker-lost.js";
import { applyWorkerRegistered } from "./worker-registered.js";
import { applyWorkerUpdated } from "./worker-updated.js";

type Applier<E> = (state: State, event: E, stamp: Stamp) => void;

// Journals outlive releases: a published version's applier is never edited, only superseded.
// A new event, or a new version of one, does not compile until it has a row here.
const appliers: {
  readonly [T in EventType]: {
    readonly [V in EventOf<T>["version"]]: Applier<Extract<EventOf<T>, { version: V }>>;
  };
} = {
  job_submitted: { 1: applyJobSubmitted },
  tasks_added: { 1: applyTasksAdded },
  job_sealed: { 1: applyJobSealed },
  stage_opened: { 1: applyStageOpened },
  tasks_released: { 1: applyTasksReleased },
  tasks_unblocked: { 1: applyTasksUnblocked },
  lease_granted: { 1: applyLeaseGranted },
  task_succeeded: { 1: applyTaskSucceeded },
  attempt_failed: { 1: applyAttemptFailed },
  task_failed: { 1: applyTaskFailed },
  delivery_requeued: { 1: applyDeliveryRequeued },
  delivery_cancelled: { 1: applyDeliveryCancelled },
  lease_freed: { 1: applyLeaseFreed },
  lease_adopted: { 1: applyLeaseAdopted },
  checkpoint_saved: { 1: applyCheckpointSaved },
  job_cancel_started: { 1: applyJobCancelStarted },
  job_failing: { 1: applyJobFailing },
  stage_pruned: { 1: applyStagePruned },
  tasks_cancelled: { 1: applyTasksCancelled },
  job_finished: { 1: applyJobFinished },
  jobs_retired: { 1: applyJobsRetired },
  tasks_retired: { 1: applyTasksRetired },
  keys_forgotten: { 1: applyKeysForgotten },
  worker_registered: { 1: applyWorkerRegistered },
  worker_updated: { 1: applyWorkerUpdated },
  leases_promoted: { 1: applyLeasesPromoted },
  worker_draining: { 1: applyWorkerDraining },
  worker_lost: { 1: applyWorkerLost },
};

/** The only writer of durable state, live and on replay alike. */
export function apply(state: State, event: CoreEvent, stamp: Stamp): void {
  const versions: Readonly<Record<number, Applier<never> | undefined>> = appliers[event.type];
  const applier = versions[event.version] as Applier<CoreEvent> | undefined;
  assert(applier !== undefined, () => `no applier for ${event.type} v${event.version}`);
  applier(state, event, stamp);
}
