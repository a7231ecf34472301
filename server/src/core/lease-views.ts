import { settledOutcome, standing } from "./decide/shared.js";
import type { LeaseToken, WallMs, WorkerNo } from "./ids.js";
import type { Outcome } from "./outcome.js";
import type { State } from "./state/state.js";

const none: readonly LeaseToken[] = [];

/** What a lease is, as far as its token still reaches it. */
export interface LeaseView {
  readonly standing: "live" | "stopping";
  readonly namespace: string;
  readonly worker: WorkerNo;
  readonly workerId: string;
  readonly host: string;
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly grantedWall: WallMs;
  /** Its job is being cancelled, or was. */
  readonly jobIsCancelled: boolean;
}

/** What became of the delivery of a token that no longer holds. */
export interface EndedLeaseView {
  readonly standing: "over";
  /** Empty: there is no such job. */
  readonly namespace: string;
  readonly outcome: Outcome;
}

/**
 * How a token stands, for those who answer about it without ending it: a heartbeat, a start that
 * came too late, a failure that is to be completed with what the master knows.
 *
 * @param now the journal's time, for the waits of an outcome
 */
export function leaseView(
  state: State,
  token: LeaseToken,
  now: number,
): LeaseView | EndedLeaseView {
  const found = standing(state, token);
  if (found.kind === "over") {
    const namespace = state.jobs.has(token.job) ? state.job(token.job).spec.namespace : "";
    return { standing: "over", namespace, outcome: settledOutcome(state, token, { now }) };
  }
  const { lease } = found;
  const job = state.job(lease.job);
  const { workerId, host } = state.worker(lease.worker).spec;
  const { policy } = state.placement.bag(state.tasks.bag.get(lease.task)).kind;
  return {
    standing: found.kind,
    namespace: job.spec.namespace,
    worker: lease.worker,
    workerId,
    host,
    generation: lease.generation,
    delivery: lease.delivery,
    attempt: lease.attempt,
    attemptsMax: policy.retry.attemptsMax,
    grantedWall: lease.grantedWall,
    jobIsCancelled: job.state === "cancelling" || job.state === "cancelled",
  };
}

/**
 * Which of these tokens hold nothing any more and never were told so: neither live, nor stopping,
 * nor settled by a report of their own. Of those that have just started, the stopping too: they were
 * recalled while the worker did not know, which gives back only what it has not started.
 */
export function strayTokens(
  state: State,
  tokens: readonly LeaseToken[],
  started: readonly LeaseToken[] = none,
): readonly LeaseToken[] {
  let strays: LeaseToken[] | undefined;
  for (const token of started) {
    if (standing(state, token).kind === "stopping") (strays ??= []).push(token);
  }
  for (const token of tokens) {
    if (standing(state, token).kind !== "over") continue;
    const { kind } = settledOutcome(state, token, { now: 0 });
    if (kind === "stale" || kind === "gone") (strays ??= []).push(token);
  }
  return strays ?? none;
}
