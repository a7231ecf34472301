import type { Context } from "../context.js";
import type { DeliveryEnd, DeliveryFacts } from "../events.js";
import type { JobNo, LeaseNo, LeaseToken, TaskNo } from "../ids.js";
import type { Charge, Outcome } from "../outcome.js";
import { outcomeCodes } from "../outcome.js";
import type { Decision, Rejected } from "../decision.js";
import { accept, reject } from "../decision.js";
import { fits } from "../placement/resources.js";
import type { Job, JobState } from "../state/jobs.js";
import type { Lease } from "../state/leases.js";
import { holds } from "../state/leases.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";

const noLeases: readonly LeaseNo[] = [];

/** What several decisions ask of the state. All of it reads. */

/** The job of a public id, if it is in the namespace: another tenant's ids are not found. */
export function findJob(state: State, namespace: string, id: string): Job | undefined {
  const no = state.jobById.find(id);
  if (no === undefined) return undefined;
  const job = state.job(no);
  return job.spec.namespace === namespace ? job : undefined;
}

/** The answer to a part of an upload that is over before it was sealed. */
export function notUploading(job: {
  readonly id: string;
  readonly state: JobState;
  readonly cancelCause: string | undefined;
}): Rejected {
  return job.cancelCause === "upload_lapsed"
    ? reject("upload_lapsed", `the upload of job ${job.id} stood still for too long`)
    : reject("job_not_uploading", `job ${job.id} is ${job.state}`, { state: job.state });
}

/** What a token is worth now. */
export type TokenStanding =
  | { readonly kind: "live"; readonly lease: Lease }
  | { readonly kind: "stopping"; readonly lease: Lease }
  | { readonly kind: "over" };

/** A token that is not its lease's very own is worth nothing. */
export function standing(state: State, token: LeaseToken): TokenStanding {
  const lease = state.leases.get(token.lease);
  if (lease === undefined || !holds(lease, token)) return { kind: "over" };
  return { kind: lease.stopping ? "stopping" : "live", lease };
}

/**
 * The answer to a token that is not live: what its delivery was told before, else stale. A
 * stopping lease ends here, and with it what it held.
 */
export function answerLate(state: State, token: LeaseToken, context: Context): Decision<Outcome> {
  const found = standing(state, token);
  if (found.kind === "stopping") {
    const { lease } = found;
    return accept<Outcome>(stale(state, lease.task), [freed(state, lease)]);
  }
  return accept<Outcome>(settledOutcome(state, token, context));
}

export function freed(state: State, lease: Lease) {
  return {
    type: "lease_freed",
    version: 1,
    lease: lease.no,
    worker: lease.worker,
    promoted: promotedAfter(state, lease),
  } as const;
}

/** What the delivery of a token that is over was told, or that it is stale, or its job gone. */
export function settledOutcome(
  state: State,
  token: LeaseToken,
  context: Pick<Context, "now">,
): Outcome {
  const { tasks } = state;
  if (!isKnownJob(state, token.job)) return { kind: "gone" };
  if (!tasks.has(token.task) || state.stageOf(token.task).job !== token.job) {
    return { kind: "stale", delivery: 0 };
  }
  if (tasks.settledDelivery.get(token.task) !== token.delivery) return stale(state, token.task);
  switch (tasks.settledOutcome.get(token.task)) {
    case outcomeCodes.succeeded:
      return { kind: "succeeded" };
    case outcomeCodes.retry:
      return {
        kind: "retry",
        inMs: Math.max(0, tasks.runAt.get(token.task) - context.now),
        attempt: nextAttempt(state, token),
      };
    case outcomeCodes.dead_lettered:
      return { kind: "dead_lettered", id: state.extras.get(token.task)?.deadLetterId ?? "" };
    case outcomeCodes.requeued:
      return { kind: "requeued", charge: chargeOf(state, token) };
    case outcomeCodes.cancelled:
      return { kind: "cancelled" };
    default:
      return stale(state, token.task);
  }
}

function stale(state: State, task: TaskNo): Outcome {
  return { kind: "stale", delivery: state.tasks.has(task) ? state.tasks.delivery.get(task) : 0 };
}

/**
 * Which attempt the delivery was told to come next. Later ones may have been charged since without their workers
 * (by a time-out of the master's), which is not for this one to hear.
 */
function nextAttempt(state: State, token: LeaseToken): number {
  const record = recordOf(state, token);
  if (record === undefined) return state.tasks.attempt(token.task);
  return record.attempt + (record.charge === "attempt" ? 1 : 0);
}

/** What the delivery was charged to, if its record is still kept. */
function chargeOf(state: State, token: LeaseToken): Charge {
  return recordOf(state, token)?.charge ?? "none";
}

function recordOf(state: State, { task, delivery }: LeaseToken) {
  return state.extras.get(task)?.deliveries.find((record) => record.delivery === delivery);
}

function isKnownJob(state: State, job: JobNo): boolean {
  return state.jobs.has(job);
}

export function factsOf(lease: Lease): DeliveryFacts {
  return {
    lease: lease.no,
    task: lease.task,
    worker: lease.worker,
    run: lease.run,
    generation: lease.generation,
    delivery: lease.delivery,
    attempt: lease.attempt,
  };
}

/**
 * What every event that ends the lease's delivery says. Field by field: this is on the hot path,
 * where a spread costs more than all the rest of a decision.
 */
export function endOf(state: State, lease: Lease, charge: Charge, stopping: boolean): DeliveryEnd {
  return {
    lease: lease.no,
    task: lease.task,
    worker: lease.worker,
    run: lease.run,
    generation: lease.generation,
    delivery: lease.delivery,
    attempt: lease.attempt,
    charge,
    stopping,
    promoted: stopping ? noLeases : promotedAfter(state, lease),
  };
}

/**
 * The leases that were ahead at the worker and fit once this one is gone: oldest first, stopping
 * at the first that does not fit. Workers start by the same rule.
 */
export function promotedAfter(state: State, gone: Lease): readonly LeaseNo[] {
  if (state.worker(gone.worker).ahead.length === 0) return noLeases;
  return promotedAfterAll(state, state.worker(gone.worker), [gone]);
}

/** As `promotedAfter`, when several leases of one worker go at once. */
export function promotedAfterAll(
  state: State,
  worker: Worker,
  gone: readonly Lease[],
): readonly LeaseNo[] {
  if (worker.ahead.length === 0) return noLeases;
  const used = [...worker.used];
  for (const lease of gone) if (!lease.ahead) take(used, lease, -1);
  const promoted: LeaseNo[] = [];
  for (const no of worker.ahead) {
    if (gone.some((lease) => lease.no === no)) continue;
    const lease = state.leases.get(no);
    if (lease === undefined || !fits(lease.demand, worker.total, used)) break;
    take(used, lease, 1);
    promoted.push(no);
  }
  return promoted;
}

function take(used: number[], lease: Lease, sign: 1 | -1): void {
  for (const [i, kind] of lease.demand.kinds.entries()) {
    used[kind] = (used[kind] ?? 0) + sign * (lease.demand.milli[i] ?? 0);
  }
}
