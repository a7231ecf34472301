import type { State, Stamp } from "../../../src/core/index.js";
import { apply, newState } from "../../../src/core/index.js";
import { decodeEntry } from "../../../src/journal/entry/index.js";
import type { Gate } from "../gates.js";
import type { AuditContext } from "./context.js";
import { digestOf, firstDifference } from "./digest-of.js";
import { auditEvent } from "./event-rules.js";
import { stop } from "./lease-events.js";
import type { LeaseEnd, LeaseModel } from "./model.js";
import { Model, nameOf } from "./model.js";
import { Terms } from "./terms.js";
import { Verdict } from "./verdict.js";

/** What a worker said of a lease with its very token. */
export interface Saying {
  readonly kind: "completed" | "failed" | "returned";
  /** Undefined: beside a stream, where nobody knows who speaks. */
  readonly workerId: string | undefined;
  readonly retryable: boolean;
}

/**
 * The auditor: a second, simpler master that is told what the disk has, what arrives at the master and what
 * leaves it, and says so when something should not be. It decides nothing and draws nothing.
 */
export class Auditor implements AuditContext {
  readonly model = new Model();
  readonly verdict = new Verdict();
  readonly terms: Terms;
  readonly adopted = new Map<number, LeaseModel>();
  readonly retryAfterMaxMs = 60_000;
  /** What the real appliers make of the journal, entry by entry: what every master must come to. */
  readonly shadow: State = newState();
  /** All bytes that lie beside events, by number. */
  readonly blobs = new Map<number, Uint8Array>();
  /** The last entry that the disk is known to have. */
  lastIndex = 0;
  /** Has any key been forgotten yet? */
  hasForgotten = false;
  /** Entries that were still to be seen when their master died. */
  #inDoubt = 0;
  readonly #gate: (gate: Gate) => void;
  readonly #said = new Map<number, Saying[]>();
  readonly #told = new Map<string, number>();
  #lastLease = 0;
  #stamp: Stamp = { now: 0, wall: 0 };

  constructor(leaseTermMs: number, gate: (gate: Gate) => void) {
    this.terms = new Terms(leaseTermMs);
    this.#gate = gate;
  }

  gate(gate: Gate): void {
    this.#gate(gate);
  }

  /** The disk has an entry. @param body empty: a claim */
  durable(index: number, body: Uint8Array): void {
    this.verdict.check(
      index === this.lastIndex + 1,
      () => `entry ${index} came after entry ${this.lastIndex}`,
    );
    this.lastIndex = index;
    if (body.length === 0) return;
    const { events, stamp, firstBlob, lengths, section } = decodeEntry(body);
    let start = 0;
    for (const [i, length] of lengths.entries()) {
      this.blobs.set(firstBlob + i, section.slice(start, start + length));
      start += length;
    }
    this.verdict.check(
      stamp.now >= this.model.lastNow,
      () => `the journal's time went back from ${this.model.lastNow} to ${stamp.now}`,
    );
    this.model.lastNow = stamp.now;
    this.#stamp = stamp;
    for (const event of events) {
      auditEvent(this, event, stamp);
      if (event.type === "lease_granted") this.#lastLease = event.lease;
      if (event.type === "keys_forgotten") this.hasForgotten = true;
      if (event.type === "worker_lost") {
        const worker = this.model.workers[event.worker];
        this.terms.checkLoss(this.verdict, worker?.spec.workerId ?? "", stamp.now);
      }
      apply(this.shadow, event, stamp);
    }
    this.shadow.takeFreed();
  }

  /** A master died with an entry under way. */
  leaveInDoubt(index: number): void {
    this.#inDoubt = index;
  }

  /** A master has opened the journal, which has entries up to here. @returns whether it lost any */
  opened(lastIndex: number): void {
    this.verdict.check(
      lastIndex >= this.lastIndex,
      () => `entry ${this.lastIndex} was durable, and the journal ends at ${lastIndex}`,
    );
    if (this.#inDoubt > this.lastIndex) {
      const isThere = lastIndex >= this.#inDoubt;
      this.gate(
        isThere
          ? "an entry that nobody had heard of was there after all"
          : "an entry that nobody had heard of was gone",
      );
    }
    this.#inDoubt = 0;
  }

  /** Where a state differs from what a replay of all that is durable comes to; undefined: nowhere. */
  differenceOf(digest: string): string | undefined {
    return firstDifference(digest, digestOf(this.shadow));
  }

  say(lease: number, saying: Saying): void {
    const row = this.#said.get(lease);
    if (row === undefined) this.#said.set(lease, [saying]);
    else row.push(saying);
  }

  /** Somebody is told how a lease ended. @returns how often that was told by now */
  tell(lease: number, outcome: string): number {
    const key = `${lease} ${outcome}`;
    const times = (this.#told.get(key) ?? 0) + 1;
    this.#told.set(key, times);
    return times;
  }

  lastLease(): number {
    return this.#lastLease;
  }

  stop(lease: LeaseModel): void {
    stop(lease);
  }

  saidFinal(lease: number): boolean {
    return this.#said.get(lease)?.some(({ retryable }) => !retryable) ?? false;
  }

  checkBacked(lease: LeaseModel, event: LeaseEnd): void {
    const kind = backingOf(event);
    if (kind === undefined || lease.task === undefined) return;
    const { workerId } = lease.worker.spec;
    const isBacked = this.#said
      .get(lease.token.lease)
      ?.some((said) => said.kind === kind && (said.workerId ?? workerId) === workerId);
    this.verdict.check(
      isBacked === true,
      () =>
        `${event.type} of delivery ${lease.token.delivery} of ` +
        `${nameOf(lease.task as NonNullable<LeaseModel["task"]>)}, and ${workerId}, which holds it, never said so`,
    );
  }

  checkTerm(lease: LeaseModel, event: LeaseEnd): void {
    if (event.type !== "delivery_requeued" || event.reason !== "expired") return;
    const name = lease.task === undefined ? "" : nameOf(lease.task);
    const what = `delivery ${lease.token.delivery} of ${name}`;
    const { now } = this.#stamp;
    this.terms.checkExpiry(this.verdict, what, lease.token.lease, lease.grantedAt, now);
    const said = this.#said.get(lease.token.lease) ?? [];
    if (said.length > 0) this.gate("a result and an expiry came at the same time");
  }
}

/** What a worker must have said for a delivery to end so; undefined: it is the master's own doing. */
function backingOf(event: LeaseEnd): Saying["kind"] | undefined {
  switch (event.type) {
    case "task_succeeded":
      return "completed";
    case "attempt_failed":
    case "task_failed":
      // Who returns a task for the last time that its budget allows has said so.
      if (event.failure.kind === "worker_lost" || event.stopping) return undefined;
      return "failed";
    case "delivery_requeued":
      // A session takes back what it could not send, as recalled.
      return event.reason === "drained" || event.reason === "over_delivered"
        ? "returned"
        : undefined;
    case "delivery_cancelled":
    case "tasks_cancelled":
      return undefined;
  }
}
