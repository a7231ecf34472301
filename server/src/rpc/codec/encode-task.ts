import { EndCause } from "@capstan/proto/capstan/v1/job.js";
import type { Delivery, Task, TaskContent } from "@capstan/proto/capstan/v1/task.js";
import {
  DeliveryEnd,
  LeaseState,
  LocalityLevel,
  TaskState,
  WaitReason,
} from "@capstan/proto/capstan/v1/task.js";
import type {
  DeliveryView,
  FailureView,
  Level,
  TaskStateName,
  TaskView,
} from "../../core/index.js";
import { decodeBody } from "./body.js";
import { charges, encodeFailure } from "./encode-failure.js";
import { milliseconds, timestamp } from "./encode-time.js";

const states = {
  blocked: TaskState.TASK_STATE_BLOCKED,
  scheduled: TaskState.TASK_STATE_SCHEDULED,
  pending: TaskState.TASK_STATE_PENDING,
  leased: TaskState.TASK_STATE_LEASED,
  running: TaskState.TASK_STATE_RUNNING,
  succeeded: TaskState.TASK_STATE_SUCCEEDED,
  failed: TaskState.TASK_STATE_FAILED,
  cancelled: TaskState.TASK_STATE_CANCELLED,
} as const satisfies Record<TaskStateName, TaskState>;

const waitReasons = {
  "": WaitReason.WAIT_REASON_UNSPECIFIED,
  upload: WaitReason.WAIT_REASON_UPLOAD,
  dependency: WaitReason.WAIT_REASON_STAGE,
  delay: WaitReason.WAIT_REASON_DELAY,
  backoff: WaitReason.WAIT_REASON_BACKOFF,
  no_worker: WaitReason.WAIT_REASON_NO_WORKER,
  constraints: WaitReason.WAIT_REASON_CONSTRAINTS,
  infeasible: WaitReason.WAIT_REASON_INFEASIBLE,
  excluded: WaitReason.WAIT_REASON_EXCLUDED,
  no_room: WaitReason.WAIT_REASON_NO_ROOM,
} as const satisfies Record<TaskView["reason"], WaitReason>;

const causes = {
  "": EndCause.END_CAUSE_UNSPECIFIED,
  failure: EndCause.END_CAUSE_FAILURE,
  requested: EndCause.END_CAUSE_REQUESTED,
  upload_lapsed: EndCause.END_CAUSE_UPLOAD_LAPSED,
  job_failed: EndCause.END_CAUSE_JOB_FAILED,
  upstream_failed: EndCause.END_CAUSE_UPSTREAM_FAILED,
} as const satisfies Record<TaskView["cause"], EndCause>;

interface Standing {
  readonly state: LeaseState;
  readonly end: DeliveryEnd;
}

const ended = (end: DeliveryEnd): Standing => ({ state: LeaseState.LEASE_STATE_ENDED, end });
const live = (state: LeaseState): Standing => ({
  state,
  end: DeliveryEnd.DELIVERY_END_UNSPECIFIED,
});

const standings = {
  granted: live(LeaseState.LEASE_STATE_GRANTED),
  received: live(LeaseState.LEASE_STATE_RECEIVED),
  started: live(LeaseState.LEASE_STATE_STARTED),
  succeeded: ended(DeliveryEnd.DELIVERY_END_SUCCEEDED),
  failed: ended(DeliveryEnd.DELIVERY_END_FAILED),
  cancelled: ended(DeliveryEnd.DELIVERY_END_CANCELLED),
  recalled: ended(DeliveryEnd.DELIVERY_END_RETURNED),
  drained: ended(DeliveryEnd.DELIVERY_END_RETURNED),
  over_delivered: ended(DeliveryEnd.DELIVERY_END_RETURNED),
  unreceived: ended(DeliveryEnd.DELIVERY_END_NOT_RECEIVED),
  forgotten: ended(DeliveryEnd.DELIVERY_END_NOT_RECEIVED),
  expired: ended(DeliveryEnd.DELIVERY_END_EXPIRED),
  worker_lost: ended(DeliveryEnd.DELIVERY_END_WORKER_LOST),
} as const satisfies Record<DeliveryView["end"], Standing>;

const levels = {
  0: LocalityLevel.LOCALITY_LEVEL_HOST,
  1: LocalityLevel.LOCALITY_LEVEL_RACK,
  2: LocalityLevel.LOCALITY_LEVEL_ANY,
  3: LocalityLevel.LOCALITY_LEVEL_NONE,
} as const satisfies Record<Level, LocalityLevel>;

/** @returns undefined for a value that is no state of a task */
export function decodeTaskState(value: TaskState): TaskStateName | undefined {
  return (Object.keys(states) as TaskStateName[]).find((state) => states[state] === value);
}

export function taskIdOf(view: { jobId: string; stage: string; index: number }): string {
  return `${view.jobId}/${view.stage}/${view.index}`;
}

/** @param failure the whole of its newest failure; undefined: its stack is left out */
export function encodeTask(view: TaskView, failure?: Uint8Array): Task {
  const newest = view.deliveries[view.deliveries.length - 1];
  const isLive =
    newest !== undefined && standings[newest.end].state !== LeaseState.LEASE_STATE_ENDED;
  const waits = view.state === "scheduled";
  return {
    taskId: taskIdOf(view),
    jobId: view.jobId,
    stage: view.stage,
    index: view.index,
    taskType: view.kind.type,
    state: states[view.state],
    waitReason: waitReasons[view.reason],
    readyInMs: waits ? milliseconds(view.dueInMs) : undefined,
    generation: view.generation,
    attempt: view.attempt,
    maxAttempts: view.kind.policy.retry.attemptsMax,
    deliveryCount: view.delivery,
    workerId: isLive ? newest.workerId : "",
    progress: isLive && newest.progress > 0 ? newest.progress : undefined,
    progressNote: isLive ? newest.progressNote : "",
    lastFailure:
      view.lastFailure === undefined ? undefined : encodeFailure(view.lastFailure, failure),
    cause: causes[view.cause],
    dropped: false,
    recordCount: view.recordCount > 0 ? view.recordCount : undefined,
    pendingRecordCount: 0,
    deadRecordCount: 0,
    deadLetterId: view.deadLetterId,
    batchId: "",
    firstLeasedAt: timestamp(view.deliveries[0]?.grantedWall),
    finishedAt: timestamp(view.finishedWall),
    budgetUse: {
      lost: view.lost,
      oom: view.oom,
      drain: 0,
      breaker: 0,
      deliveries: view.deliveriesUsed,
    },
  };
}

/** @param failure the whole of what went wrong in it */
export function encodeDelivery(view: DeliveryView, task: TaskView, failure?: Uint8Array): Delivery {
  const { state, end } = standings[view.end];
  const isStopping = task.stopping.includes(view.delivery);
  const { attemptsMax } = task.kind.policy.retry;
  return {
    delivery: view.delivery,
    generation: view.generation,
    attempt: view.attempt,
    isLastAttempt: view.attempt >= attemptsMax,
    workerId: view.workerId,
    host: view.host,
    rack: view.rack,
    state: isStopping ? LeaseState.LEASE_STATE_STOPPING : state,
    end,
    charge: state === LeaseState.LEASE_STATE_ENDED ? charges[view.charge] : 0,
    failure: encodeDeliveryFailure(view, attemptsMax, failure),
    speculative: false,
    placement: {
      level: levels[view.level],
      score: 0,
      runnerUpWorkerId: "",
      runnerUpScore: 0,
      candidates: 0,
      refusals: [],
    },
    grantedAt: timestamp(view.grantedWall),
    startedAt: undefined,
    endedAt: timestamp(view.endedWall),
    runMs: undefined,
  };
}

function encodeDeliveryFailure(
  view: DeliveryView,
  attemptsMax: number,
  whole: Uint8Array | undefined,
): Delivery["failure"] {
  if (view.failure === undefined) return undefined;
  const failure: FailureView = { ...view, facts: view.failure, attemptsMax };
  return encodeFailure(failure, whole);
}

export function encodeContent(
  view: TaskView,
  body: Uint8Array,
  checkpoint: Uint8Array,
): TaskContent {
  const { demand, constraints } = view.kind;
  return {
    ...decodeBody(body),
    demand: demand.map(({ name, milli }) => ({ name, milli: BigInt(milli) })),
    constraints:
      constraints.length === 0
        ? undefined
        : {
            required: constraints.map(({ label, value }) => ({
              key: label,
              operator: 1,
              values: [value],
            })),
            preferred: [],
          },
    checkpoint: Buffer.from(checkpoint),
    pendingRecords: [],
  };
}
