import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type * as wire from "@capstan/proto/capstan/journal/v1/delivery_events.js";
import { EventRecord } from "@capstan/proto/capstan/journal/v1/entry.js";
import type { CoreEvent, DeliveryEnd, DeliveryFacts, FailureFacts } from "../../core/index.js";
import { cancelCauses, charges, failureKinds, requeueReasons, sweepScopes } from "./codes.js";
import { malformed } from "./format.js";
import {
  packResources,
  packWorkerSpec,
  present,
  readResources,
  readWorkerSpec,
  safe,
} from "./spec-codec.js";

type Arm = NonNullable<EventRecord["event"]>;
type HotType =
  "lease_granted" | "task_succeeded" | "tasks_added" | "job_submitted" | "job_finished";

/** Events that are rare enough for the generated code. */
export type ColdEvent = Exclude<CoreEvent, { type: HotType }>;

/**
 * One record, encoded.
 *
 * @param writer an empty one, which is empty again afterwards: with one writer for many events its
 *   buffer is made once
 */
export function encodeColdEvent(event: ColdEvent, writer = new BinaryWriter()): Uint8Array {
  return EventRecord.encode({ event: pack(event) }, writer).finish();
}

/** @throws JournalError if the record is of a newer format, or no record */
export function decodeColdEvent(record: Uint8Array): ColdEvent {
  const { event } = EventRecord.decode(record);
  if (event === undefined) throw malformed("an event without type");
  return read(event);
}

function packDelivery(facts: DeliveryFacts): wire.Delivery {
  const { lease, task, worker, run, generation, delivery, attempt } = facts;
  return { lease: BigInt(lease), task, worker, run, generation, delivery, attempt };
}

function readDelivery(message: wire.Delivery | undefined): DeliveryFacts {
  const facts = present(message, "a delivery");
  const { task, worker, run, generation, delivery, attempt } = facts;
  return { lease: safe(facts.lease), task, worker, run, generation, delivery, attempt };
}

function packEnd(end: DeliveryEnd): wire.DeliveryEnd {
  return {
    delivery: packDelivery(end),
    charge: charges.codeOf[end.charge],
    stopping: end.stopping,
    promoted: end.promoted.map(BigInt),
  };
}

function readEnd(message: wire.DeliveryEnd | undefined): DeliveryEnd {
  const end = present(message, "the end of a delivery");
  return {
    ...readDelivery(end.delivery),
    charge: charges.wordOf(end.charge),
    stopping: end.stopping,
    promoted: end.promoted.map(safe),
  };
}

function packFailure({ kind, type, message, body }: FailureFacts): wire.Failure {
  return { kind: failureKinds.codeOf[kind], type, message, body: BigInt(body) };
}

function readFailure({ kind, type, message, body }: wire.Failure): FailureFacts {
  return { kind: failureKinds.wordOf(kind), type, message, body: safe(body) };
}

function pack(event: ColdEvent): Arm {
  switch (event.type) {
    case "job_sealed":
      return { $case: "jobSealedV1", value: { job: event.job } };
    case "stage_opened": {
      const located = event.located.map(({ task, hosts, bytes }) => ({
        task,
        hosts: [...hosts],
        bytes: BigInt(bytes),
      }));
      return { $case: "stageOpenedV1", value: { stage: event.stage, located } };
    }
    case "stage_pruned":
      return { $case: "stagePrunedV1", value: { stage: event.stage } };
    case "tasks_released":
      return { $case: "tasksReleasedV1", value: { tasks: [...event.tasks] } };
    case "tasks_unblocked":
      return { $case: "tasksUnblockedV1", value: { tasks: [...event.tasks] } };
    case "tasks_cancelled": {
      const { job, stage, fromIndex, toIndex, next } = event;
      const scope = sweepScopes.codeOf[event.scope];
      const value = { job, stage, fromIndex, toIndex, scope, next: next && { ...next } };
      return { $case: "tasksCancelledV1", value };
    }
    case "job_cancel_started": {
      const { job, run, note } = event;
      const value = { job, run, cause: cancelCauses.codeOf[event.cause], note };
      return { $case: "jobCancelStartedV1", value };
    }
    case "job_failing":
      return { $case: "jobFailingV1", value: { job: event.job, run: event.run } };
    case "jobs_retired":
      return {
        $case: "jobsRetiredV1",
        value: { jobs: [...event.jobs], leaving: [...event.leaving] },
      };
    case "tasks_retired": {
      const { job, stage, fromIndex, toIndex, next } = event;
      const value = { job, stage, fromIndex, toIndex, next: next && { ...next } };
      return { $case: "tasksRetiredV1", value };
    }
    case "keys_forgotten":
      return { $case: "keysForgottenV1", value: { jobs: [...event.jobs] } };
    case "worker_registered": {
      const value = { worker: event.worker, spec: packWorkerSpec(event.spec) };
      return { $case: "workerRegisteredV1", value };
    }
    case "worker_updated": {
      const value = { worker: event.worker, capacity: packResources(event.capacity) };
      return { $case: "workerUpdatedV1", value };
    }
    case "leases_promoted": {
      const value = { worker: event.worker, promoted: event.promoted.map(BigInt) };
      return { $case: "leasesPromotedV1", value };
    }
    case "worker_draining":
      return { $case: "workerDrainingV1", value: { worker: event.worker } };
    case "worker_lost":
      return { $case: "workerLostV1", value: { worker: event.worker } };
    default:
      return packOfDelivery(event);
  }
}

type OfDelivery = Extract<
  ColdEvent,
  {
    type:
      | "attempt_failed"
      | "task_failed"
      | "delivery_requeued"
      | "delivery_cancelled"
      | "lease_freed"
      | "lease_adopted"
      | "checkpoint_saved";
  }
>;

function packOfDelivery(event: OfDelivery): Arm {
  switch (event.type) {
    case "attempt_failed": {
      const failure = packFailure(event.failure);
      const value = { end: packEnd(event), failure, retryAtMs: BigInt(event.retryAt) };
      return { $case: "attemptFailedV1", value };
    }
    case "task_failed": {
      const failure = packFailure(event.failure);
      const value = { end: packEnd(event), failure, deadLetterId: event.deadLetterId };
      return { $case: "taskFailedV1", value };
    }
    case "delivery_requeued": {
      const value = { end: packEnd(event), reason: requeueReasons.codeOf[event.reason] };
      return { $case: "deliveryRequeuedV1", value };
    }
    case "delivery_cancelled": {
      const failure = event.failure && packFailure(event.failure);
      return { $case: "deliveryCancelledV1", value: { end: packEnd(event), failure } };
    }
    case "lease_freed": {
      const { worker } = event;
      const value = { lease: BigInt(event.lease), worker, promoted: event.promoted.map(BigInt) };
      return { $case: "leaseFreedV1", value };
    }
    case "lease_adopted": {
      const { worker, job, task, delivery, epoch } = event;
      const drawHigh = event.drawHigh >>> 0;
      const drawLow = event.drawLow >>> 0;
      const demand = packResources(event.demand);
      const lease = BigInt(event.lease);
      const value = { lease, worker, job, task, delivery, epoch, drawHigh, drawLow, demand };
      return { $case: "leaseAdoptedV1", value };
    }
    case "checkpoint_saved": {
      const value = { delivery: packDelivery(event), body: BigInt(event.body) };
      return { $case: "checkpointSavedV1", value };
    }
  }
}

function read(arm: Arm): ColdEvent {
  const version = 1;
  switch (arm.$case) {
    case "jobSealedV1":
      return { type: "job_sealed", version, job: arm.value.job };
    case "stageOpenedV1": {
      const located = arm.value.located.map(({ task, hosts, bytes }) => ({
        task,
        hosts,
        bytes: safe(bytes),
      }));
      return { type: "stage_opened", version, stage: arm.value.stage, located };
    }
    case "stagePrunedV1":
      return { type: "stage_pruned", version, stage: arm.value.stage };
    case "tasksReleasedV1":
      return { type: "tasks_released", version, tasks: arm.value.tasks };
    case "tasksUnblockedV1":
      return { type: "tasks_unblocked", version, tasks: arm.value.tasks };
    case "tasksCancelledV1": {
      const { job, stage, fromIndex, toIndex } = arm.value;
      const scope = sweepScopes.wordOf(arm.value.scope);
      const next = arm.value.next && { stage: arm.value.next.stage, index: arm.value.next.index };
      return { type: "tasks_cancelled", version, job, stage, fromIndex, toIndex, scope, next };
    }
    case "jobCancelStartedV1": {
      const { job, run, note } = arm.value;
      const cause = cancelCauses.wordOf(arm.value.cause);
      return { type: "job_cancel_started", version, job, run, cause, note };
    }
    case "jobFailingV1":
      return { type: "job_failing", version, job: arm.value.job, run: arm.value.run };
    case "jobsRetiredV1":
      return { type: "jobs_retired", version, jobs: arm.value.jobs, leaving: arm.value.leaving };
    case "tasksRetiredV1": {
      const { job, stage, fromIndex, toIndex } = arm.value;
      const next = arm.value.next && { stage: arm.value.next.stage, index: arm.value.next.index };
      return { type: "tasks_retired", version, job, stage, fromIndex, toIndex, next };
    }
    case "keysForgottenV1":
      return { type: "keys_forgotten", version, jobs: arm.value.jobs };
    case "workerRegisteredV1": {
      const spec = readWorkerSpec(present(arm.value.spec, "a worker's spec"));
      return { type: "worker_registered", version, worker: arm.value.worker, spec };
    }
    case "workerUpdatedV1": {
      const capacity = readResources(arm.value.capacity);
      return { type: "worker_updated", version, worker: arm.value.worker, capacity };
    }
    case "leasesPromotedV1": {
      const promoted = arm.value.promoted.map(safe);
      return { type: "leases_promoted", version, worker: arm.value.worker, promoted };
    }
    case "workerDrainingV1":
      return { type: "worker_draining", version, worker: arm.value.worker };
    case "workerLostV1":
      return { type: "worker_lost", version, worker: arm.value.worker };
    default:
      return readOfDelivery(arm);
  }
}

type ArmOfDelivery = Extract<
  Arm,
  {
    $case:
      | "attemptFailedV1"
      | "taskFailedV1"
      | "deliveryRequeuedV1"
      | "deliveryCancelledV1"
      | "leaseFreedV1"
      | "leaseAdoptedV1"
      | "checkpointSavedV1"
      | "leaseGrantedV1"
      | "taskSucceededV1"
      | "tasksAddedV1"
      | "jobSubmittedV1"
      | "jobFinishedV1";
  }
>;

function readOfDelivery(arm: ArmOfDelivery): ColdEvent {
  const version = 1;
  switch (arm.$case) {
    case "attemptFailedV1": {
      const failure = readFailure(present(arm.value.failure, "a failure"));
      const retryAt = safe(arm.value.retryAtMs);
      return { type: "attempt_failed", version, ...readEnd(arm.value.end), failure, retryAt };
    }
    case "taskFailedV1": {
      const failure = readFailure(present(arm.value.failure, "a failure"));
      const { deadLetterId } = arm.value;
      return { type: "task_failed", version, ...readEnd(arm.value.end), failure, deadLetterId };
    }
    case "deliveryRequeuedV1": {
      const reason = requeueReasons.wordOf(arm.value.reason);
      return { type: "delivery_requeued", version, ...readEnd(arm.value.end), reason };
    }
    case "deliveryCancelledV1": {
      const ended = { type: "delivery_cancelled", version, ...readEnd(arm.value.end) } as const;
      const { failure } = arm.value;
      return failure === undefined ? ended : { ...ended, failure: readFailure(failure) };
    }
    case "leaseFreedV1": {
      const { worker } = arm.value;
      const promoted = arm.value.promoted.map(safe);
      return { type: "lease_freed", version, lease: safe(arm.value.lease), worker, promoted };
    }
    case "leaseAdoptedV1": {
      const { worker, job, task, delivery, epoch } = arm.value;
      const drawHigh = arm.value.drawHigh | 0;
      const drawLow = arm.value.drawLow | 0;
      const token = { lease: safe(arm.value.lease), job, task, delivery, epoch, drawHigh, drawLow };
      const demand = readResources(arm.value.demand);
      return { type: "lease_adopted", version, worker, ...token, demand };
    }
    case "checkpointSavedV1": {
      const facts = readDelivery(arm.value.delivery);
      return { type: "checkpoint_saved", version, ...facts, body: safe(arm.value.body) };
    }
    case "leaseGrantedV1":
    case "taskSucceededV1":
    case "tasksAddedV1":
    case "jobSubmittedV1":
    case "jobFinishedV1":
      throw malformed(`${arm.$case} among the events that are not columns`);
  }
}
