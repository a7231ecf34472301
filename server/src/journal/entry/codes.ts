import * as wire from "@capstan/proto/capstan/journal/v1/delivery_events.js";
import { CancelCause as WireCause, JobEnd } from "@capstan/proto/capstan/journal/v1/job_events.js";
import { DependencyKind as WireDependency } from "@capstan/proto/capstan/journal/v1/spec.js";
import { SweepScope as WireScope } from "@capstan/proto/capstan/journal/v1/task_events.js";
import type {
  CancelCause,
  Charge,
  DependencyKind,
  EventOf,
  FailureKind,
  RequeueReason,
  SweepScope,
} from "../../core/index.js";
import { newerFormat } from "./format.js";

/** Words of events and their numbers in the journal. A word more does not compile without its row. */
export interface Codes<W extends string> {
  readonly codeOf: Readonly<Record<W, number>>;
  /** @throws JournalError `newer_format` for a number that has no word here */
  wordOf(code: number): W;
}

function codes<W extends string>(what: string, codeOf: Readonly<Record<W, number>>): Codes<W> {
  const words: W[] = [];
  for (const word of Object.keys(codeOf) as W[]) words[codeOf[word]] = word;
  return {
    codeOf,
    wordOf(code) {
      const word = words[code];
      if (word === undefined) throw newerFormat(`${what} ${code} is not known here`);
      return word;
    },
  };
}

export const charges = codes<Charge>("charge", {
  none: wire.Charge.CHARGE_NONE,
  attempt: wire.Charge.CHARGE_ATTEMPT,
  lost: wire.Charge.CHARGE_LOST,
  drain: wire.Charge.CHARGE_DRAIN,
  oom: wire.Charge.CHARGE_OOM,
  breaker: wire.Charge.CHARGE_BREAKER,
});

export const failureKinds = codes<FailureKind>("failure kind", {
  error: wire.FailureKind.FAILURE_KIND_ERROR,
  timeout: wire.FailureKind.FAILURE_KIND_TIMEOUT,
  worker_lost: wire.FailureKind.FAILURE_KIND_WORKER_LOST,
  out_of_memory: wire.FailureKind.FAILURE_KIND_OUT_OF_MEMORY,
  rejected: wire.FailureKind.FAILURE_KIND_REJECTED,
  cancelled: wire.FailureKind.FAILURE_KIND_CANCELLED,
  invalid: wire.FailureKind.FAILURE_KIND_INVALID,
});

export const requeueReasons = codes<RequeueReason>("requeue reason", {
  recalled: wire.RequeueReason.REQUEUE_REASON_RECALLED,
  drained: wire.RequeueReason.REQUEUE_REASON_DRAINED,
  over_delivered: wire.RequeueReason.REQUEUE_REASON_OVER_DELIVERED,
  unreceived: wire.RequeueReason.REQUEUE_REASON_UNRECEIVED,
  forgotten: wire.RequeueReason.REQUEUE_REASON_FORGOTTEN,
  expired: wire.RequeueReason.REQUEUE_REASON_EXPIRED,
  worker_lost: wire.RequeueReason.REQUEUE_REASON_WORKER_LOST,
});

export const cancelCauses = codes<CancelCause>("cancel cause", {
  request: WireCause.CANCEL_CAUSE_REQUEST,
  upload_lapsed: WireCause.CANCEL_CAUSE_UPLOAD_LAPSED,
});

export const jobEnds = codes<EventOf<"job_finished">["state"]>("end of a job", {
  succeeded: JobEnd.JOB_END_SUCCEEDED,
  failed: JobEnd.JOB_END_FAILED,
  cancelled: JobEnd.JOB_END_CANCELLED,
});

export const sweepScopes = codes<SweepScope>("scope of a sweep", {
  all: WireScope.SWEEP_SCOPE_ALL,
  unleased: WireScope.SWEEP_SCOPE_UNLEASED,
  blocked: WireScope.SWEEP_SCOPE_BLOCKED,
});

export const dependencyKinds = codes<DependencyKind>("kind of dependency", {
  all: WireDependency.DEPENDENCY_KIND_ALL,
  partition: WireDependency.DEPENDENCY_KIND_PARTITION,
  each: WireDependency.DEPENDENCY_KIND_EACH,
});
