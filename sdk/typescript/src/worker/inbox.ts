import { CancelReason, FailureKind, type Outcome } from "@capstan/proto/capstan/v1/failure.js";
import type {
  Cancel,
  MasterMessage,
  Recall,
  Refused,
  Registered,
  Settlement,
} from "@capstan/proto/capstan/v1/session.js";
import {
  CancelRequested,
  DeadlineExceeded,
  LeaseLost,
  TimedOut,
  type TaskAborted,
} from "../abort-reasons.js";
import { InvalidArgumentError, InvalidPayloadError } from "../errors.js";
import { type AssignFrame, type MasterSays, type SettledFrame, succeeded } from "./decode-frame.js";
import type { Listeners } from "./events.js";
import { entryOf } from "./frames.js";
import type { Intake } from "./intake.js";
import { Lease, type StageFacts } from "./lease.js";
import type { LeaseBook } from "./lease-book.js";
import type { Ledger } from "./ledger.js";
import type { Outbox } from "./outbox.js";
import type { Registration } from "./registration.js";
import type { Reporter } from "./reporter.js";
import { failedReport } from "./reports.js";
import type { StageContext } from "./stage-contexts.js";
import type { Tally } from "./tally.js";
import { tokenKey } from "./token.js";

/** What an inbox works with. */
export interface InboxParts {
  readonly book: LeaseBook;
  readonly intake: Intake;
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly reporter: Reporter;
  readonly tally: Tally;
  readonly listeners: Listeners;
  readonly registrations: ReadonlyMap<string, Registration>;
  /** The credit: how many unsettled leases are taken. */
  readonly maxTasks: number;
  /** Whether the worker takes no more. */
  isDraining(): boolean;
  /** Leases have arrived or were freed: something may start. */
  kick(): void;
  /** The master asks the worker to go. */
  drain(withinMs: number | undefined, note: string): void;
  /** The master's newest ping. */
  pinged(sequence: number): void;
}

/** How often a refused report is replaced before its lease is given back. */
const maxRefusals = 2;

/** Does what the master says. */
export class Inbox {
  readonly #parts: InboxParts;
  #lastFacts: StageFacts | undefined;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /** One message after Registered. An arm that is not known, or none, is ignored. */
  take(said: MasterSays): void {
    switch (said.kind) {
      case "assign":
        this.#assign(said);
        break;
      case "settled":
        this.#settleAll(said);
        break;
      case "other":
        this.#takeOther(said.message);
    }
  }

  #takeOther({ message }: MasterMessage): void {
    switch (message?.$case) {
      case "refused":
        this.#refuse(message.value);
        break;
      case "cancel":
        this.cancel(message.value);
        break;
      case "recall":
        this.#recall(message.value);
        break;
      case "drain":
        this.#parts.drain(message.value.withinMs, message.value.note);
        break;
      case "ping":
        this.#parts.pinged(message.value.sequence);
        break;
      // Said once, before there was anything to take; and those that are read by hand.
      case "registered":
      case "assign":
      case "settled":
      case undefined:
        break;
    }
  }

  /** A session stands: what became of the leases that were held. */
  registered({ resumed, settled, lost }: Registered): void {
    const { book, tally } = this.#parts;
    for (const settlement of settled) {
      if (this.settle(settlement)) tally.settledAtRegister += 1;
    }
    for (const { token } of resumed) {
      const lease = book.get(token);
      if (lease === undefined) continue;
      tally.resumed += 1;
      this.#tellAgain(lease);
    }
    for (const token of lost) {
      const lease = book.get(token);
      if (lease === undefined) continue;
      tally.lost += 1;
      // A report is sent all the same: the lease keeps its resources until it is ended.
      if (lease.state === "reported") this.#tellAgain(lease);
      else this.#takeAway(lease, new LeaseLost());
    }
    this.#parts.kick();
  }

  /**
   * The end of a lease is durable.
   * @returns whether it was held
   */
  settle({ token, outcome }: Settlement): boolean {
    const lease = this.#parts.book.get(token);
    if (lease === undefined) return false;
    this.#settle(lease, outcome, performance.now());
    return true;
  }

  #settleAll({ view, tokens, outcomes }: SettledFrame): void {
    const { book } = this.#parts;
    const now = performance.now();
    for (let i = 0; i < outcomes.length; i++) {
      const at = tokens[2 * i] as number;
      const length = tokens[2 * i + 1] as number;
      const lease = book.find(tokenKey(view, at, length), view, at, length);
      if (lease !== undefined) this.#settle(lease, outcomes[i], now);
    }
  }

  #settle(lease: Lease, outcome: Outcome | undefined, now: number): void {
    const { book, reporter, tally, listeners } = this.#parts;
    const word = wordOf(outcome);
    if (word === "exhausted") {
      this.#deadLetter(lease);
      return;
    }
    const wasRunning = lease.state === "running";
    tally.settle(lease, word, now);
    lease.state = "settled";
    lease.report = undefined;
    // Somebody else has ended it: its handler goes on holding its resources until it stops.
    if (wasRunning) lease.abort(new LeaseLost("the lease was ended elsewhere"));
    if (listeners.has("settled")) {
      listeners.emit("settled", { ...reporter.eventOf(lease), outcome: word });
    }
    book.remove(lease);
  }

  /** Leases are taken away: what has not started goes back, what runs is told to stop. */
  cancel({ reason, tokens, note }: Cancel): void {
    for (const token of tokens) {
      const lease = this.#parts.book.get(token);
      if (lease !== undefined) this.#takeAway(lease, abortReasonOf(reason, note));
    }
  }

  #assign({ sequence, contexts, tasks }: AssignFrame): void {
    const { book, outbox, intake, listeners, reporter } = this.#parts;
    if (sequence > book.throughSequence) book.throughSequence = sequence;
    outbox.push(entryOf({ $case: "received", value: { throughSequence: book.throughSequence } }));
    const stages = contexts.map((context) => this.#factsOf(context));
    const now = performance.now();
    for (const task of tasks) {
      const { view, at, length } = task;
      const key = tokenKey(view, at, length);
      // RECV-3: the same token again is the same lease.
      if (book.find(key, view, at, length) !== undefined) continue;
      const stage = stages[task.context];
      if (stage === undefined) continue;
      const own = task.demand?.resources;
      const demand = own === undefined ? stage.demand : this.#parts.ledger.demand(own);
      const lease = new Lease(key, task, stage, demand, now);
      book.add(lease);
      if (listeners.has("assigned")) listeners.emit("assigned", reporter.eventOf(lease));
      if (this.#isTaken(lease)) intake.add(lease, task.ahead);
    }
    this.#parts.kick();
  }

  /** @returns false for a lease that is not to run, which is then reported at once */
  #isTaken(lease: Lease): boolean {
    const { book, ledger, reporter, maxTasks } = this.#parts;
    if (this.#parts.isDraining()) {
      reporter.giveBack(lease, "drained");
    } else if (book.size > maxTasks || !ledger.couldFit(lease.demand)) {
      reporter.giveBack(lease, "over_delivered");
    } else if (lease.stage.registration === undefined) {
      const error = new Error(`no handler for type ${lease.stage.context.taskType}`);
      const kind = FailureKind.FAILURE_KIND_REJECTED;
      reporter.report(lease, failedReport(lease, error, { kind }));
    } else {
      return true;
    }
    return false;
  }

  /** Contexts of jobs that are alike share all but the job: it is looked up once. */
  #factsOf({ jobId, shared }: StageContext): StageFacts {
    const last = this.#lastFacts;
    if (last?.context === shared) {
      return { jobId, context: shared, demand: last.demand, registration: last.registration };
    }
    const { ledger, registrations } = this.#parts;
    const demand = ledger.demand(shared.demand);
    const registration = registrations.get(shared.taskType);
    this.#lastFacts = { jobId, context: shared, demand, registration };
    return this.#lastFacts;
  }

  #refuse({ token, error, violations }: Refused): void {
    const { book, reporter, listeners } = this.#parts;
    const lease = book.get(token);
    if (lease?.state !== "reported") return;
    lease.refusals += 1;
    const refused = new InvalidArgumentError(refusalText(error?.reason ?? "", violations), {
      code: "INVALID_ARGUMENT",
      reason: error?.reason ?? "",
      metadata: error?.metadata ?? {},
      violations,
    });
    if (listeners.has("refused")) {
      listeners.emit("refused", { ...reporter.eventOf(lease), error: refused });
    }
    // A master that refuses even that gets the lease back: there is nothing smaller to say.
    if (lease.refusals > maxRefusals) reporter.giveBack(lease, "drained");
    else reporter.report(lease, failedReport(lease, new InvalidPayloadError(refused.message), {}));
  }

  #recall({ tokens }: Recall): void {
    const { book, reporter } = this.#parts;
    for (const token of tokens) {
      const lease = book.get(token);
      if (lease?.state === "waiting") reporter.giveBack(lease, "recalled");
    }
    this.#parts.kick();
  }

  #takeAway(lease: Lease, reason: TaskAborted): void {
    const { reporter, listeners } = this.#parts;
    // CANCEL-3: what has been reported already is none of a cancel's business.
    if (lease.state !== "waiting" && lease.state !== "running") return;
    const isNew = !lease.isTakenAway;
    lease.isTakenAway = true;
    if (isNew && listeners.has("cancelled")) {
      listeners.emit("cancelled", { ...reporter.eventOf(lease), reason });
    }
    if (lease.state === "running") lease.abort(reason);
    else reporter.giveBack(lease, "cancelled");
  }

  /** After a reconnect: the report once more, or how far a running handler is. */
  #tellAgain(lease: Lease): void {
    const { reporter, tally, outbox } = this.#parts;
    if (lease.state === "reported") {
      if (lease.reportSent) tally.resent += 1;
      reporter.send(lease);
      return;
    }
    // It may have started between Register and its answer.
    if (lease.state === "running" && !lease.startedSent) outbox.started(lease);
    if (lease.told === undefined) return;
    lease.told.checkpointSent = false;
    outbox.tell(lease, true);
  }

  /** No hook was registered, so nobody can decide otherwise. */
  #deadLetter(lease: Lease): void {
    const { reporter } = this.#parts;
    lease.state = "reported";
    lease.report = entryOf({
      $case: "disposition",
      value: {
        token: lease.token,
        decision: { $case: "deadLetter", value: {} },
        note: "this worker has no hook",
      },
    });
    reporter.send(lease);
  }
}

const words = new Map<string, string>();

/** The outcome as one word; one that is not known is final all the same. */
function wordOf(outcome: Outcome | undefined): string {
  if (outcome === succeeded) return "succeeded";
  const name = outcome?.outcome?.$case;
  if (name === undefined) return "unknown";
  let word = words.get(name);
  if (word === undefined) {
    word = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    words.set(name, word);
  }
  return word;
}

/** A reason that is not known cancels all the same. */
function abortReasonOf(reason: CancelReason, note: string): TaskAborted {
  switch (reason) {
    case CancelReason.CANCEL_REASON_JOB:
      return new CancelRequested("job", note);
    case CancelReason.CANCEL_REASON_TASK:
      return new CancelRequested("task", note);
    case CancelReason.CANCEL_REASON_LEASE_LOST:
      return new LeaseLost();
    case CancelReason.CANCEL_REASON_COPY_WON:
      return new CancelRequested("copy_won", note);
    case CancelReason.CANCEL_REASON_TIMEOUT:
      return new TimedOut();
    case CancelReason.CANCEL_REASON_DEADLINE:
      return new DeadlineExceeded();
    default:
      return new CancelRequested("unknown", note);
  }
}

function refusalText(
  reason: string,
  violations: readonly { readonly field: string; readonly description: string }[],
): string {
  const fields = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return `the master refused the report: ${reason}${fields === "" ? "" : ` (${fields})`}`;
}
