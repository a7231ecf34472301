import type {
  AssignContext,
  AssignedTask,
  MasterMessage,
  Registered,
  WorkerMessage,
} from "@capstan/proto/capstan/v1/session.js";
import { CancelReason } from "@capstan/proto/capstan/v1/failure.js";
import { RecallReason } from "@capstan/proto/capstan/v1/session.js";
import { decodeToken } from "../../../src/rpc/token.js";
import type { Auditor } from "./auditor.js";
import { nameOf } from "./model.js";
import { checkOutcome } from "./outcome-rules.js";
import type { Promises } from "./promises.js";

/** What the auditor makes of one session: what arrives at the master and what leaves it. */
export class StreamRules {
  workerId = "";
  #assigned = 0;
  #wasRegistered = false;

  constructor(
    private readonly auditor: Auditor,
    private readonly promises: Promises,
    private readonly now: () => number,
  ) {}

  /** A message of the worker is handed to its session. */
  arrives({ message }: WorkerMessage): void {
    const { terms } = this.auditor;
    if (message?.$case === "register") this.workerId = message.value.workerId;
    if (this.#wasRegistered) terms.hear(this.workerId, this.now());
    switch (message?.$case) {
      case "register":
        for (const { token } of message.value.held?.held ?? []) this.#renewed(token);
        return;
      case "started":
        for (const token of message.value.tokens) this.#renewed(token);
        return;
      case "progress":
        this.#renewed(message.value.token);
        return;
      case "ping":
        for (const { token } of message.value.held?.held ?? []) this.#renewed(token);
        return;
      case "completed":
        this.#said("completed", message.value.token, true);
        return;
      case "failed":
        this.#said("failed", message.value.token, message.value.failure?.retryable ?? true);
        return;
      case "returned":
        for (const token of message.value.tokens) this.#said("returned", token, true);
        return;
      default:
        return;
    }
  }

  /** The session is over, in the master's eyes. @param reason of the refusal that it ends with, if any */
  ended(reason = ""): void {
    if (reason === "SUPERSEDED") {
      this.auditor.gate("a worker was superseded by its own next process");
    }
    if (this.#wasRegistered) this.auditor.terms.hear(this.workerId, this.now());
  }

  /** A message of the master leaves for its worker. */
  leaves({ message }: MasterMessage): void {
    const { auditor, workerId } = this;
    switch (message?.$case) {
      case "registered":
        this.#registered(message.value);
        return;
      case "assign": {
        const { sequence, contexts, tasks } = message.value;
        auditor.verdict.check(
          this.#wasRegistered && sequence === this.#assigned + 1,
          () => `${workerId} is sent Assign ${sequence} after Assign ${this.#assigned}`,
        );
        this.#assigned = sequence;
        for (const task of tasks) this.#assignedOne(task, contexts[task.context]);
        return;
      }
      case "settled":
        for (const { token, outcome } of message.value.settlements) {
          checkOutcome(auditor, workerId, token, outcome);
        }
        return;
      case "cancel":
        for (const token of message.value.tokens) this.#cancelled(token, message.value.reason);
        return;
      case "recall":
        for (const token of message.value.tokens) this.#recalled(token, message.value.reason);
        return;
      default:
        return;
    }
  }

  #registered({ resumed, settled, lost }: Registered): void {
    const { auditor, workerId } = this;
    const { model, verdict } = auditor;
    this.#wasRegistered = true;
    auditor.terms.hear(workerId, this.now());
    const worker = model.workerById(workerId);
    verdict.check(
      worker !== undefined,
      () => `${workerId} registered before its entry was durable`,
    );
    for (const { token } of resumed) {
      const lease = model.leaseOf(decodeToken(token));
      // It may have ended since: what the session says next will tell.
      verdict.check(
        lease?.worker.spec.workerId === workerId,
        () => `${workerId} is told to go on with a lease that is not its own`,
      );
    }
    for (const { token, outcome } of settled) checkOutcome(auditor, workerId, token, outcome);
    for (const token of lost) {
      const lease = model.leaseOf(decodeToken(token));
      const isLive = lease !== undefined && lease.end === undefined;
      verdict.check(
        !isLive || lease.worker.spec.workerId !== workerId,
        () => `${workerId} is told that it lost a lease that is live`,
      );
    }
    if (resumed.length > 0) auditor.gate("a worker came back with leases that it still had");
    if (settled.length > 0) {
      auditor.gate("a worker came back with a result that was settled before");
    }
    if (lost.length > 0) auditor.gate("a worker came back with leases that it had lost");
  }

  #assignedOne(task: AssignedTask, context: AssignContext | undefined): void {
    const { auditor, workerId } = this;
    const { verdict, model } = auditor;
    const lease = model.leaseOf(decodeToken(task.token));
    if (lease?.task === undefined || context === undefined) {
      return verdict.fail(`${workerId} is given a task whose lease is not durable`);
    }
    const name = nameOf(lease.task);
    const { attemptsMax } = lease.task.kind.policy.retry;
    verdict.check(
      lease.worker.spec.workerId === workerId,
      () => `${workerId} is given ${name}, which was granted to ${lease.worker.spec.workerId}`,
    );
    const told = `${context.jobId}/${context.stage}/${task.index}`;
    verdict.check(told === name, () => `${name} is called ${told} when it is given out`);
    verdict.check(
      task.attempt === lease.attempt &&
        task.delivery === lease.token.delivery &&
        context.maxAttempts === attemptsMax,
      () => `${name} is given out as attempt ${task.attempt}, delivery ${task.delivery}`,
    );
    verdict.check(
      task.isLastAttempt === lease.attempt >= attemptsMax,
      () =>
        `${name} is given out in attempt ${task.attempt} of ${attemptsMax} with is_last_attempt ` +
        String(task.isLastAttempt),
    );
    verdict.check(
      lease.task.failures === 0 || task.previousFailure !== undefined || lease.end !== undefined,
      () => `${name} is tried again and its worker is not told what went wrong`,
    );
    const payload = task.payload.toString("latin1");
    verdict.check(
      this.promises.isPayloadOf(lease.task, payload),
      () => `${name} is given out with the payload ${payload}`,
    );
  }

  #cancelled(bytes: Uint8Array, reason: CancelReason): void {
    const { auditor, workerId } = this;
    const lease = auditor.model.leaseOf(decodeToken(bytes));
    const isForeign = lease !== undefined && lease.worker.spec.workerId !== workerId;
    auditor.verdict.check(
      lease === undefined || lease.end !== undefined || isForeign,
      () =>
        `${workerId} is told to stop (${CancelReason[reason]}) delivery ` +
        `${lease?.token.delivery} of ${lease?.task && nameOf(lease.task)}, which is live`,
    );
  }

  #recalled(bytes: Uint8Array, reason: RecallReason): void {
    const { auditor, workerId } = this;
    const lease = auditor.model.leaseOf(decodeToken(bytes));
    const mayLive = reason === RecallReason.RECALL_REASON_JOB_FAILING;
    auditor.verdict.check(
      lease !== undefined && (lease.end !== undefined || mayLive),
      () => `${workerId} is asked to give back what was not taken from it`,
    );
  }

  #renewed(bytes: Uint8Array): void {
    const lease = this.auditor.model.leaseOf(decodeToken(bytes));
    if (lease?.worker.spec.workerId !== this.workerId) return;
    this.auditor.terms.renew(lease.token.lease, this.now());
  }

  #said(kind: "completed" | "failed" | "returned", bytes: Uint8Array, retryable: boolean): void {
    const lease = this.auditor.model.leaseOf(decodeToken(bytes));
    if (lease === undefined) return;
    this.auditor.say(lease.token.lease, { kind, workerId: this.workerId, retryable });
  }
}
