import type {
  AssignmentView,
  CancelReason,
  LeaseNo,
  LeaseToken,
  RecallReason as CoreRecallReason,
} from "../../core/index.js";
import { RecallReason } from "@capstan/proto/capstan/v1/session.js";
import type { Clock } from "../../engine/clock.js";
import type { Engine } from "../../engine/engine-port.js";
import type { ContextCache } from "./assign-encoder.js";
import { AssignWriter, taskBytesMax } from "./assign-encoder.js";
import type { OrderedNotice } from "./notice-queue.js";
import { NoticeQueue } from "./notice-queue.js";
import type { Settlement } from "./outcomes.js";
import { cancelReasons, writeSettlement } from "./outcomes.js";
import { sessionLimits } from "./session-limits.js";
import type { TaskBytes } from "./task-bytes.js";
import { PlainTaskBytes, taskBytes } from "./task-bytes.js";
import type { WireWriter } from "../wire/wire-writer.js";

// Fields of PullTasksResponse, MasterMessage and its arms.
const messagesTag = (1 << 3) | 2;
const arms = {
  assign: (2 << 3) | 2,
  settled: (3 << 3) | 2,
  cancel: (5 << 3) | 2,
  recall: (6 << 3) | 2,
};
const settlementsTag = (1 << 3) | 2;
const reasonTag = 1 << 3;
const tokensTag = (2 << 3) | 2;

const recallReasons = {
  not_received: RecallReason.RECALL_REASON_NOT_RECEIVED,
  job_failing: RecallReason.RECALL_REASON_JOB_FAILING,
  does_not_fit: RecallReason.RECALL_REASON_REBALANCE,
} as const satisfies Record<CoreRecallReason, RecallReason>;

/** A frame that has grown to this is sent off: large enough to be cheap, small enough to flow. */
const frameBytesTarget = 128 * 1_024;
/** What the headers of nested messages may still take of a frame. */
const frameBytesSpare = 64;
/** A lease that waited no longer than this has, for its worker, its whole term left. */
const freshMs = 500;

/** What an outbox tells its session. */
export interface OutboxEvents {
  /** @returns false: nothing more before `drained` */
  write(frame: Buffer): boolean;
  /** Assignments have been written. */
  assigned(leases: readonly LeaseNo[], sequence: number): void;
  /** An assignment cannot be sent, and never could; the others can. */
  unsendable(view: AssignmentView, error: unknown): void;
  /** Assignments that nobody will see: they were taken back before they were written. */
  unsent(tokens: readonly LeaseToken[]): void;
  /** What waited has been written, as far as the stream took it. */
  flushed(): void;
}

export interface OutboxParts {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Shared by all sessions: nothing is in it between two turns. */
  readonly writer: WireWriter;
  readonly contexts: ContextCache;
  readonly events: OutboxEvents;
}

/**
 * What waits to be told to one worker, and the only place that writes to it. All that became known
 * within a turn of the event loop goes out together: results that are settled first, because they
 * make room in the worker's window for the assignments that follow; notices in their order. While
 * the stream is full nothing is even encoded.
 */
export class Outbox {
  /** When the stream became full; undefined: it is not. */
  fullSince: number | undefined;
  /** Assign messages written. */
  sequence = 0;
  readonly #parts: OutboxParts;
  readonly #assign: AssignWriter;
  readonly #notices = new NoticeQueue();
  readonly #plain = new PlainTaskBytes();
  #control: Uint8Array[] = [];
  #settlements: Settlement[] = [];
  #isDue = false;
  #isClosed = false;
  #isRefusingAssigns = false;
  /** The assignment whose bytes are being read back, and the bytes once they are here. */
  #awaited: AssignmentView | undefined;
  #arrived: { readonly view: AssignmentView; readonly bytes: TaskBytes } | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#assign = new AssignWriter(parts.writer, parts.contexts);
  }

  /** How many answers wait. Assignments do not count: the worker's credit bounds them. */
  get backlog(): number {
    return this.#control.length + this.#settlements.length;
  }

  /** Is there nothing left to tell? */
  get isEmpty(): boolean {
    return this.backlog === 0 && this.#notices.first === undefined;
  }

  /** A MasterMessage of its own, encoded. */
  say(message: Uint8Array): void {
    this.#control.push(message);
    this.#soon();
  }

  settle(settlements: readonly Settlement[]): void {
    for (const settlement of settlements) this.#settlements.push(settlement);
    this.#soon();
  }

  notify(notices: readonly OrderedNotice[]): void {
    const now = this.#parts.clock.monotonicMs();
    let unsent: LeaseToken[] | undefined;
    for (const notice of notices) {
      const isAssign = notice.kind === "assign";
      if (isAssign && (this.#isRefusingAssigns || this.#isClosed)) {
        (unsent ??= []).push(notice);
      } else if (!isAssign && this.#notices.takeAssign(notice.token.lease)) {
        // The worker never saw the lease: it could not end it either.
        (unsent ??= []).push(notice.token);
      } else if (!this.#isClosed) {
        this.#notices.push(notice, now);
      }
    }
    if (unsent !== undefined) this.#parts.events.unsent(unsent);
    this.#soon();
  }

  /** Leases that the worker speaks of, and that hold no longer. */
  cancelStrays(tokens: readonly LeaseToken[]): void {
    const now = this.#parts.clock.monotonicMs();
    for (const token of tokens) {
      this.#notices.push({ kind: "cancel", token, reason: "lease_lost" }, now);
    }
    this.#soon();
  }

  /** From now on the worker gets no assignment, not even those that are its own already. */
  refuseAssigns(): void {
    this.#isRefusingAssigns = true;
    const taken = this.#notices.takeAssigns();
    if (taken.length > 0) this.#parts.events.unsent(taken);
  }

  /** The stream takes more. */
  drained(): void {
    this.fullSince = undefined;
    this.flush();
  }

  /** Nothing is written any more. */
  close(): void {
    this.#isClosed = true;
    this.#control = [];
    this.#settlements = [];
    this.refuseAssigns();
  }

  #soon(): void {
    if (this.#isDue || this.#isClosed) return;
    this.#isDue = true;
    this.#parts.clock.soon(() => {
      this.#isDue = false;
      this.flush();
      this.#parts.events.flushed();
    });
  }

  /** Writes what there is, as far as the stream takes it. */
  flush(): void {
    const { writer, events } = this.#parts;
    while (!this.#isClosed && this.fullSince === undefined) {
      const assigned = this.#fill();
      if (writer.length === 0) return;
      if (!events.write(writer.take())) this.fullSince = this.#parts.clock.monotonicMs();
      for (const { leases, sequence } of assigned) events.assigned(leases, sequence);
    }
  }

  /** Writes one frame. @returns the Assign messages in it */
  #fill(): readonly Assigned[] {
    const { writer } = this.#parts;
    // All sessions write with it: what another left behind when it threw is not ours.
    writer.cut(0);
    this.#fillControl();
    if (this.#settlements.length > 0 && writer.length < frameBytesTarget) this.#fillSettled();
    const assigned: Assigned[] = [];
    while (writer.length < frameBytesTarget) {
      const notice = this.#notices.first;
      if (notice === undefined) break;
      if (notice.kind === "assign") {
        const message = this.#fillAssign();
        if (message !== undefined) assigned.push(message);
        // Else the frame is full, or bytes are awaited; or there was nothing to send, and others follow.
        else if (this.#notices.first?.kind === "assign") break;
      } else {
        this.#fillTokens(notice);
      }
    }
    return assigned;
  }

  #fillControl(): void {
    const { writer } = this.#parts;
    let done = 0;
    for (const message of this.#control) {
      if (writer.length > 0 && writer.length + message.length > frameBytesTarget) break;
      writer.bytes(messagesTag, message);
      done += 1;
    }
    if (done > 0) this.#control = this.#control.slice(done);
  }

  #fillSettled(): void {
    const { writer } = this.#parts;
    const guess = Math.min(this.#settlements.length * 40, frameBytesTarget);
    const message = writer.open(messagesTag, guess + 4);
    const settled = writer.open(arms.settled, guess);
    let done = 0;
    for (const settlement of this.#settlements) {
      if (writer.length >= frameBytesTarget) break;
      writeSettlement(writer, settlementsTag, settlement);
      done += 1;
    }
    writer.close(settled);
    writer.close(message);
    this.#settlements = done === this.#settlements.length ? [] : this.#settlements.slice(done);
  }

  /** One Cancel or Recall for all that follow each other and have the same reason. */
  #fillTokens(first: Exclude<OrderedNotice, { kind: "assign" }>): void {
    const { writer } = this.#parts;
    const { kind, reason } = first;
    const message = writer.open(messagesTag, 64);
    const arm = writer.open(first.kind === "cancel" ? arms.cancel : arms.recall, 64);
    const code =
      first.kind === "cancel" ? cancelReasons[first.reason] : recallReasons[first.reason];
    writer.uint32(reasonTag, code);
    let next: OrderedNotice | undefined = first;
    while (next !== undefined && isLike(next, kind, reason)) {
      writer.token(tokensTag, next.token);
      this.#notices.shift();
      if (writer.length >= frameBytesTarget) break;
      next = this.#notices.first;
    }
    writer.close(arm);
    writer.close(message);
  }

  /** @returns undefined when not a single task went in: the frame is full, or bytes are awaited */
  #fillAssign(): Assigned | undefined {
    const { writer, clock, engine } = this.#parts;
    const before = writer.length;
    const now = clock.monotonicMs();
    const sequence = this.sequence + 1;
    const leases: LeaseNo[] = [];
    const message = writer.open(messagesTag, 0x4000);
    const assign = writer.open(arms.assign, 0x4000);
    this.#assign.begin(sequence);
    for (let next = this.#notices.first; next?.kind === "assign"; next = this.#notices.first) {
      const view = next;
      const bytes = this.#bytesOf(view);
      if (bytes === undefined) {
        if (this.#awaited !== undefined) break;
        continue;
      }
      const most = taskBytesMax(bytes) + this.#assign.contextBytes(view.context);
      if (writer.length + most + frameBytesSpare > sessionLimits.frameBytes) {
        if (before > 0 || leases.length > 0) break;
        this.#notices.shift();
        this.#parts.events.unsendable(view, new RangeError(`it takes ${most} bytes`));
        continue;
      }
      this.#arrived = undefined;
      const waitedMs = now - this.#notices.firstAt;
      const { leaseTermMs } = engine.settings;
      const remainingMs =
        waitedMs < freshMs ? undefined : Math.max(0, Math.floor(leaseTermMs - waitedMs));
      this.#assign.add(view, bytes, remainingMs);
      leases.push(view.lease);
      this.#notices.shift();
      if (writer.length >= frameBytesTarget) break;
    }
    if (leases.length === 0) {
      writer.cut(before);
      return undefined;
    }
    writer.close(assign);
    writer.close(message);
    this.sequence = sequence;
    return { leases, sequence };
  }

  /**
   * The bytes of the oldest assignment. Undefined: they are awaited, and a flush follows when they
   * are here; or they are gone, and so is the assignment.
   */
  #bytesOf(view: AssignmentView): TaskBytes | undefined {
    if (this.#awaited !== undefined) return undefined;
    if (this.#arrived?.view === view) return this.#arrived.bytes;
    try {
      if (this.#plain.find(this.#parts.engine, view)) return this.#plain;
      const bytes = taskBytes(this.#parts.engine, view);
      if (!(bytes instanceof Promise)) return bytes;
      this.#await(view, bytes);
    } catch (error) {
      this.#notices.shift();
      this.#parts.events.unsendable(view, error);
    }
    return undefined;
  }

  #await(view: AssignmentView, coming: Promise<TaskBytes>): void {
    this.#awaited = view;
    coming.then(
      (bytes) => {
        this.#awaited = undefined;
        this.#arrived = { view, bytes };
        this.flush();
      },
      (error: unknown) => {
        this.#awaited = undefined;
        // It may have been taken back meanwhile.
        if (this.#notices.takeAssign(view.lease)) this.#parts.events.unsendable(view, error);
        this.flush();
      },
    );
  }
}

interface Assigned {
  readonly leases: readonly LeaseNo[];
  readonly sequence: number;
}

function isLike(
  notice: OrderedNotice,
  kind: "cancel" | "recall",
  reason: CancelReason | CoreRecallReason,
): notice is Exclude<OrderedNotice, { kind: "assign" }> {
  return notice.kind === kind && notice.reason === reason;
}
