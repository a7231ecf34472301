import type { DeliveryEnd, EventOf, Stamp } from "../../../src/core/index.js";
import type { AuditContext } from "./context.js";
import { unmet } from "./job-events.js";
import type { LeaseEnd, LeaseModel, TaskModel, WorkerModel } from "./model.js";
import { charge, nameOf, overcommitted } from "./model.js";

/** What the auditor makes of the events of deliveries. */

export function leaseGranted(at: AuditContext, event: EventOf<"lease_granted">, stamp: Stamp) {
  const { model, verdict } = at;
  const task = model.tasks[event.task] as TaskModel;
  const worker = model.workers[event.worker] as WorkerModel;
  const { job } = task.stage;
  const say = (what: string) => () => `delivery ${event.delivery} of ${nameOf(task)} ${what}`;
  verdict.check(job.state === "running", say(`was granted while its job is ${job.state}`));
  verdict.check(task.state === "open", say(`was granted while the task is ${task.state}`));
  const waitsFor = unmet(task);
  verdict.check(waitsFor === undefined, say(`was granted before its time: ${waitsFor}`));
  verdict.check(task.runAt <= stamp.now, say(`was granted ${task.runAt - stamp.now} ms too soon`));
  verdict.check(
    event.delivery === task.deliveries + 1,
    say(`was granted after delivery ${task.deliveries}`),
  );
  verdict.check(
    event.attempt === 1 + task.failures,
    say(`is attempt ${event.attempt} after ${task.failures} charged failures`),
  );
  verdict.check(
    event.attempt <= task.kind.policy.retry.attemptsMax,
    say(`is attempt ${event.attempt} of ${task.kind.policy.retry.attemptsMax}`),
  );
  verdict.check(!model.leases.has(event.lease), say(`has the lease number of another`));
  verdict.check(event.lease > at.lastLease(), say(`has a lease number that goes back`));
  const { workerId, namespaces, types } = worker.spec;
  verdict.check(!worker.lost && !worker.draining, say(`went to ${workerId}, which is gone`));
  verdict.check(
    namespaces.includes(job.namespace) && types.includes(task.kind.type),
    say(`went to ${workerId}, which does not serve its namespace and type`),
  );
  for (const { label, value } of task.kind.constraints) {
    const has = worker.spec.labels.find(({ name }) => name === label)?.value;
    verdict.check(has === value, say(`went to ${workerId}, whose ${label} is ${has}`));
  }
  const lease: LeaseModel = {
    token: { ...event, job: job.no },
    task,
    job,
    worker,
    attempt: event.attempt,
    demand: task.kind.demand,
    grantedAt: stamp.now,
    ahead: event.ahead,
    end: undefined,
    freed: false,
  };
  model.leases.set(event.lease, lease);
  worker.leases.add(lease);
  task.deliveries += 1;
  task.state = "leased";
  task.lease = lease;
  if (event.level === 0) at.gate("a task went to the host of its data");
  if (event.ahead) {
    at.gate("a lease was granted ahead");
    return;
  }
  charge(worker, lease.demand, 1);
  const over = overcommitted(worker, lease.demand);
  verdict.check(over === undefined, say(`over-commits ${workerId}: ${over}`));
}

export function taskSucceeded(at: AuditContext, event: EventOf<"task_succeeded">) {
  const lease = endDelivery(at, event, true);
  if (lease?.task === undefined) return;
  lease.task.state = "succeeded";
  at.verdict.check(
    event.charge === "none",
    () => `the success of ${nameOf(lease.task as TaskModel)} was charged as ${event.charge}`,
  );
}

export function attemptFailed(at: AuditContext, event: EventOf<"attempt_failed">, stamp: Stamp) {
  const lease = endDelivery(at, event, true);
  const task = lease?.task;
  if (task === undefined) return;
  const { retry } = task.kind.policy;
  chargeTask(task, event.charge);
  at.verdict.check(
    event.charge !== "attempt" || task.failures < retry.attemptsMax,
    () => `${nameOf(task)} is tried again after ${task.failures} failures of ${retry.attemptsMax}`,
  );
  at.verdict.check(
    !retry.nonRetryable.includes(event.failure.type),
    () => `${nameOf(task)} is tried again after ${event.failure.type}, which is final`,
  );
  task.state = "open";
  task.runAt = event.retryAt;
  const wait = event.retryAt - stamp.now;
  at.verdict.check(
    wait >= 0 && wait <= Math.max(retry.backoffCapMs, at.retryAfterMaxMs),
    () => `${nameOf(task)} waits ${wait} ms for its next attempt`,
  );
  if (event.failure.kind === "timeout") at.gate("the master ended an attempt that ran too long");
  if (event.charge === "oom") at.gate("an attempt ran out of memory");
}

export function taskFailed(at: AuditContext, event: EventOf<"task_failed">) {
  const lease = endDelivery(at, event, true);
  const task = lease?.task;
  if (task === undefined) return;
  const { retry, lostMax, oomMax, deliveriesMax } = task.kind.policy;
  chargeTask(task, event.charge);
  const { failure } = event;
  const mayDie =
    (event.charge === "attempt" && task.failures >= retry.attemptsMax) ||
    (event.charge === "lost" && task.lost > lostMax) ||
    (event.charge === "oom" && task.oom > oomMax) ||
    task.deliveries >= deliveriesMax ||
    retry.nonRetryable.includes(failure.type) ||
    failure.kind === "invalid" ||
    at.saidFinal(event.lease);
  at.verdict.check(
    mayDie,
    () =>
      `${nameOf(task)} died in attempt ${event.attempt} of ${retry.attemptsMax} with charge ` +
      `${event.charge} (${task.failures} failures, ${task.lost} lost, ${task.oom} out of memory)`,
  );
  task.state = "failed";
  task.deadLetterId = event.deadLetterId;
  at.gate("a task became a dead letter");
  if (event.charge === "attempt" && retry.attemptsMax > 1 && task.failures >= retry.attemptsMax) {
    at.gate("a task used up its attempts");
  }
  if (event.charge === "lost") at.gate("a task was lost too often");
}

export function deliveryRequeued(at: AuditContext, event: EventOf<"delivery_requeued">) {
  const { reason } = event;
  const isReturn = reason === "recalled" || reason === "drained" || reason === "over_delivered";
  const lease = endDelivery(at, event, isReturn);
  const task = lease?.task;
  if (task === undefined) return;
  const wanted = {
    recalled: ["none"],
    drained: ["none", "drain"],
    over_delivered: ["none"],
    unreceived: ["none"],
    forgotten: ["none"],
    expired: ["lost"],
    worker_lost: ["lost"],
  }[reason];
  at.verdict.check(
    wanted.includes(event.charge),
    () => `${nameOf(task)} was charged ${event.charge} for a delivery that was ${reason}`,
  );
  chargeTask(task, event.charge);
  task.state = "open";
  if (reason === "expired") at.gate("a lease expired");
  if (reason === "unreceived") at.gate("an assignment was not received in time");
  if (reason === "forgotten") at.gate("a worker forgot what it was given");
  if (reason === "recalled") at.gate("a worker gave a lease back");
}

export function deliveryCancelled(at: AuditContext, event: EventOf<"delivery_cancelled">) {
  const lease = endDelivery(at, event, true);
  const task = lease?.task;
  if (task === undefined) return;
  const { job } = task.stage;
  at.verdict.check(
    job.state === "failing" || job.state === "cancelling",
    () => `a delivery of ${nameOf(task)} was cancelled while its job is ${job.state}`,
  );
  chargeTask(task, event.charge);
  task.state = "cancelled";
}

export function leaseFreed(at: AuditContext, event: EventOf<"lease_freed">) {
  const lease = at.model.leases.get(event.lease);
  if (lease === undefined) return at.verdict.fail(`lease ${event.lease} was freed, and is none`);
  at.verdict.check(
    lease.end !== undefined,
    () => `lease ${event.lease} was freed while its delivery goes on`,
  );
  free(at, lease);
  promote(at, event.promoted);
  at.gate("a stopping lease was answered for");
}

export function leaseAdopted(at: AuditContext, event: EventOf<"lease_adopted">) {
  const { model, verdict } = at;
  const known = model.leases.get(event.lease);
  verdict.check(
    known === undefined || known.freed,
    () => `lease ${event.lease} was adopted while it is held`,
  );
  const worker = model.workers[event.worker] as WorkerModel;
  const lease: LeaseModel = {
    token: event,
    task: undefined,
    job: model.jobs[event.job],
    worker,
    attempt: 0,
    demand: event.demand,
    grantedAt: 0,
    ahead: false,
    end: known?.end ?? noEnd,
    freed: false,
  };
  // What became of the delivery is known by its first entry: the room is kept under a name of its own.
  at.adopted.set(event.lease, lease);
  worker.leases.add(lease);
  charge(worker, lease.demand, 1);
  at.gate("a worker kept room for a lease that the master had given up");
}

/** A lease that the auditor never saw end: only a token that was guessed can bring it. */
const noEnd = undefined;

/** @param isTold is whoever held it answered, so that it may come again and hear the same? */
function endDelivery(
  at: AuditContext,
  event: LeaseEnd & DeliveryEnd,
  isTold: boolean,
): LeaseModel | undefined {
  const { model, verdict } = at;
  const lease = model.leases.get(event.lease);
  if (lease?.task === undefined) {
    verdict.fail(`${event.type} of lease ${event.lease}, which was never granted`);
    return undefined;
  }
  const { task } = lease;
  const say = (what: string) => () => `${event.type} of ${nameOf(task)}: ${what}`;
  verdict.check(
    lease.end === undefined && task.lease === lease,
    say(`delivery ${event.delivery} had ended by ${lease.end?.type}`),
  );
  verdict.check(
    event.delivery === lease.token.delivery &&
      event.task === task.no &&
      event.attempt === lease.attempt &&
      event.worker === lease.worker.no,
    say(`it names another delivery than lease ${event.lease} is of`),
  );
  at.checkBacked(lease, event);
  at.checkTerm(lease, event);
  lease.end = event;
  task.lease = undefined;
  if (isTold && !event.stopping) task.settled = lease;
  if (event.stopping) at.stop(lease);
  else free(at, lease);
  promote(at, event.promoted);
  return lease;
}

function chargeTask(task: TaskModel, by: DeliveryEnd["charge"]): void {
  if (by === "attempt") task.failures += 1;
  if (by === "lost") task.lost += 1;
  if (by === "oom") task.oom += 1;
}

/** The task moves on; the lease keeps its room, also if it had none before. */
export function stop(lease: LeaseModel): void {
  if (!lease.ahead) return;
  lease.ahead = false;
  charge(lease.worker, lease.demand, 1);
}

function free(at: AuditContext, given: LeaseModel): void {
  const lease = at.adopted.get(given.token.lease) ?? given;
  at.adopted.delete(given.token.lease);
  at.verdict.check(!lease.freed, () => `lease ${lease.token.lease} was freed twice`);
  lease.freed = true;
  lease.worker.leases.delete(lease);
  if (!lease.ahead) charge(lease.worker, lease.demand, -1);
}

export function promote(at: AuditContext, leases: readonly number[]): void {
  for (const no of leases) {
    const lease = at.model.leases.get(no);
    if (lease === undefined || !lease.ahead || lease.end !== undefined) {
      at.verdict.fail(`lease ${no} was promoted and was not ahead`);
      continue;
    }
    lease.ahead = false;
    charge(lease.worker, lease.demand, 1);
    const over = overcommitted(lease.worker, lease.demand);
    at.verdict.check(
      over === undefined,
      () => `the promotion of lease ${no} over-commits ${lease.worker.spec.workerId}: ${over}`,
    );
    at.gate("a lease that was ahead moved up");
  }
}
