import type { Failure } from "@capstan/proto/capstan/v1/failure.js";
import { Failure as Failures } from "@capstan/proto/capstan/v1/failure.js";
import type {
  Progress,
  Resources,
  Returned,
  WorkerPing,
} from "@capstan/proto/capstan/v1/session.js";
import { ReturnReason as WireReturnReason } from "@capstan/proto/capstan/v1/session.js";
import type { LeaseToken, Outcome, ReturnReason, WorkerNo } from "../../core/index.js";
import { leaseView, strayTokens } from "../../core/index.js";
import type { Clock } from "../../engine/clock.js";
import type { Engine, Result, Submission } from "../../engine/engine-port.js";
import { Blobs } from "../../engine/engine-port.js";
import { Checker } from "../codec/checker.js";
import { decodeDemand } from "../codec/kinds.js";
import { cutText } from "../status-details.js";
import { decodeToken } from "../token.js";
import { refusalOf } from "../status.js";
import { checkHeld, checkTokens } from "./checks.js";
import { failureReport, isUnreportable } from "./failures.js";
import type { Incoming, IncomingResult, IncomingToken } from "./incoming.js";
import type { Outbox } from "./outbox.js";
import type { Settlement } from "./outcomes.js";
import type { ReportRefusal } from "./refusals.js";
import { encodeRefused, malformedToken, tooLarge } from "./refusals.js";
import { checkResult, completion } from "./results.js";
import { sessionLimits } from "./session-limits.js";

const returnReasons: Readonly<Record<number, ReturnReason>> = {
  [WireReturnReason.RETURN_REASON_RECALLED]: "recalled",
  [WireReturnReason.RETURN_REASON_DRAINED]: "drained",
  [WireReturnReason.RETURN_REASON_OVER_DELIVERED]: "over_delivered",
  // A lease that was cancelled is stopping: it ends, whatever the reason. One that was not is given
  // back uncharged.
  [WireReturnReason.RETURN_REASON_CANCELLED]: "recalled",
};

interface FailedLease {
  readonly token: LeaseToken;
  readonly failure: Failure;
}

export interface InboxParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly session: number;
  readonly worker: WorkerNo;
  /** The worker says that it drains. */
  readonly onDraining: () => void;
  /** The engine did not answer, or the worker said what nobody may say: the session must end. */
  readonly onError: (error: unknown) => void;
  /** Something that was under way is answered. */
  readonly onProgress: () => void;
}

/**
 * What a registered worker says, made into commands and notes for the engine, a frame at a time.
 * The results of a frame are one submission. Notes go ahead of them, which changes nothing: a note
 * of a lease that ends in the same frame is about its life. Failures follow once it is known which
 * attempt they ended.
 */
export class Inbox {
  /** Bytes of frames that are not answered yet. */
  pendingBytes = 0;
  #pendingFrames = 0;
  readonly #parts: InboxParts;

  // Gathered from the frame at hand.
  #submissions: Submission[] = [];
  /** By submission: whose settlement is its answer; undefined: it has none. */
  #settles: (LeaseToken | undefined)[] = [];
  #failed: FailedLease[] = [];
  #spokenOf: LeaseToken[] = [];
  /** Of these, those that it says it has just started. */
  #started: LeaseToken[] = [];

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return this.#pendingFrames === 0;
  }

  /** Handles what one frame brought, in its order. @throws InvalidInputError */
  take(messages: readonly Incoming[], frameBytes: number): void {
    for (const message of messages) this.#takeOne(message);
    const submissions = this.#submissions;
    const settles = this.#settles;
    const failed = this.#failed;
    const spokenOf = this.#spokenOf;
    const started = this.#started;
    const work: Promise<void>[] = [];
    // Before the results of the same frame: a lease that they end was not stray when it was named.
    if (spokenOf.length > 0) {
      this.#spokenOf = [];
      this.#started = [];
      work.push(this.#cancelStrays(spokenOf, started));
    }
    if (submissions.length > 0) {
      this.#submissions = [];
      this.#settles = [];
      work.push(this.#submit(submissions, settles));
    }
    if (failed.length > 0) {
      this.#failed = [];
      work.push(this.#fail(failed));
    }
    if (work.length > 0) this.#track(work, frameBytes);
  }

  /** Counts what is under way, so that reading can be held back and an end can wait for answers. */
  #track(work: readonly Promise<void>[], frameBytes: number): void {
    this.pendingBytes += frameBytes;
    this.#pendingFrames += 1;
    void Promise.all(work)
      .catch(this.#parts.onError)
      .then(() => {
        this.pendingBytes -= frameBytes;
        this.#pendingFrames -= 1;
        this.#parts.onProgress();
      });
  }

  #takeOne(message: Incoming): void {
    const { engine, worker, session } = this.#parts;
    switch (message.kind) {
      case "completed":
        this.#complete(message);
        return;
      case "started":
        this.#start(message.tokens);
        return;
      case "failed":
        this.#takeFailure(message.value.token, message.value.failure);
        return;
      case "received": {
        const { throughSequence } = message.value;
        engine.note({ kind: "note_received", worker, session, throughSequence });
        return;
      }
      case "credit": {
        const tasks = Math.min(message.value.maxTasks, sessionLimits.creditTasks);
        const bytes = message.value.maxBytes ?? sessionLimits.creditBytesDefault;
        engine.note({ kind: "grant_credit", worker, session, tasks, bytes });
        return;
      }
      case "progress":
        this.#progress(message.value);
        return;
      case "returned":
        this.#giveBack(message.value);
        return;
      case "disposition":
        this.#refuse(message.value.token, { reason: "DISPOSITION_INVALID" });
        return;
      case "resources":
        this.#update(message.value);
        return;
      case "draining":
        this.#push({ kind: "drain_worker", worker, session });
        this.#parts.onDraining();
        return;
      case "ping":
        this.#ping(message.value);
        return;
      case "register":
        // Said once, before there was an inbox; the session ends on another.
        return;
    }
  }

  #complete(result: IncomingResult): void {
    const { token } = result;
    if (token instanceof Uint8Array) {
      this.#refuse(token, malformedToken);
      return;
    }
    const wrong = checkResult(result);
    if (wrong !== undefined) {
      this.#refuse(token, wrong);
      return;
    }
    this.#submissions.push(completion(this.#parts.worker, token, result));
    this.#settles.push(token);
  }

  #start(encoded: readonly IncomingToken[]): void {
    const checker = new Checker("PullTasks", "started");
    const tokens = checkTokens(checker, ".tokens", encoded);
    checker.finish();
    this.#parts.engine.note({ kind: "note_started", worker: this.#parts.worker, tokens });
    for (const token of tokens) {
      this.#spokenOf.push(token);
      this.#started.push(token);
    }
  }

  #takeFailure(bytes: Uint8Array, failure: Failure | undefined): void {
    const token = this.#tokenOf(bytes);
    if (token === undefined) return;
    const reported = failure ?? Failures.fromPartial({});
    if (isUnreportable(reported)) {
      this.#refuse(token, {
        reason: "FAILURE_INVALID",
        facts: { kind: "FAILURE_KIND_WORKER_LOST" },
        violations: [{ field: "failure.kind", description: "the master alone says so" }],
      });
      return;
    }
    const size = Failures.encode(reported).finish().length;
    if (size > sessionLimits.reportBytes) {
      this.#refuse(token, tooLarge("failure", sessionLimits.reportBytes, size));
      return;
    }
    this.#failed.push({ token, failure: reported });
  }

  #progress({ token: bytes, fraction, note, checkpoint }: Progress): void {
    const token = this.#tokenOf(bytes);
    if (token === undefined) return;
    this.#spokenOf.push(token);
    this.#parts.engine.note({
      kind: "note_progress",
      token,
      fraction: fraction === undefined || Number.isNaN(fraction) ? undefined : share(fraction),
      note: cutText(note, sessionLimits.noteBytes),
    });
    if (checkpoint === undefined) return;
    if (checkpoint.length > sessionLimits.checkpointBytes) {
      this.#refuse(token, tooLarge("checkpoint", sessionLimits.checkpointBytes, checkpoint.length));
      return;
    }
    this.#push(
      { kind: "save_checkpoint", token, bodyBytes: checkpoint.length },
      Blobs.of([checkpoint]),
    );
  }

  #giveBack({ reason: wireReason, tokens }: Returned): void {
    const { worker } = this.#parts;
    const checker = new Checker("PullTasks", "returned");
    checker.count(".tokens", tokens.length, sessionLimits.tokens);
    checker.finish();
    const reason = returnReasons[wireReason] ?? "drained";
    for (const bytes of tokens) {
      const token = this.#tokenOf(bytes);
      if (token === undefined) continue;
      this.#submissions.push({
        command: { kind: "return_lease", worker, token, reason },
        blobs: Blobs.none,
      });
      this.#settles.push(token);
    }
  }

  #update({ capacity: listed }: Resources): void {
    if (listed === undefined) return;
    const { worker, session } = this.#parts;
    const checker = new Checker("PullTasks", "resources");
    const capacity = decodeDemand(checker, ".capacity.resources", listed.resources, []);
    checker.finish();
    this.#push({ kind: "update_worker", worker, session, capacity });
  }

  #ping({ held: list }: WorkerPing): void {
    const { engine, worker, session } = this.#parts;
    if (list === undefined) {
      engine.note({ kind: "note_alive", worker, session });
      return;
    }
    const checker = new Checker("PullTasks", "ping");
    const held = checkHeld(checker, list);
    checker.finish();
    const { throughSequence } = list;
    engine.note({ kind: "renew_leases", worker, tokens: held });
    // What is listed as read has arrived.
    engine.note({ kind: "note_received", worker, session, throughSequence });
    this.#push({ kind: "reconcile_held", worker, session, throughSequence, held });
    for (const token of held) this.#spokenOf.push(token);
  }

  #push(command: Submission["command"], blobs: Blobs = Blobs.none): void {
    this.#submissions.push({ command, blobs });
    this.#settles.push(undefined);
  }

  #tokenOf(bytes: Uint8Array): LeaseToken | undefined {
    const token = decodeToken(bytes);
    if (token === undefined) this.#refuse(bytes, malformedToken);
    return token;
  }

  #refuse(token: IncomingToken, refusal: ReportRefusal): void {
    this.#parts.outbox.say(encodeRefused(token, refusal));
  }

  async #submit(
    submissions: readonly Submission[],
    settles: readonly (LeaseToken | undefined)[],
  ): Promise<void> {
    const results = await this.#parts.engine.submitMany(submissions);
    const settlements: Settlement[] = [];
    for (let i = 0; i < results.length; i++) {
      const token = settles[i];
      // The others have no answer: a session that was superseded learns it by its notice.
      if (token === undefined) continue;
      const result = results[i] as Result<Outcome>;
      if (result.ok) settlements.push({ token, outcome: result.reply });
      else this.#refuse(token, refusedBy(result));
    }
    if (settlements.length > 0) this.#parts.outbox.settle(settlements);
  }

  async #fail(failed: readonly FailedLease[]): Promise<void> {
    const { engine, worker, clock } = this.#parts;
    const views = await engine.read((state, { now }) =>
      failed.map(({ token }) => leaseView(state, token, now)),
    );
    const wall = Math.floor(clock.wallMs());
    const submissions = failed.map(({ token, failure }, i): Submission => {
      const view = views[i];
      const lease = view === undefined || view.standing === "over" ? undefined : view;
      const report = failureReport(failure, lease, token.delivery, wall);
      return {
        command: { kind: "fail_lease", worker, token, failure: report.draft },
        blobs: Blobs.of([report.blob]),
      };
    });
    await this.#submit(
      submissions,
      failed.map(({ token }) => token),
    );
  }

  /** Tells the worker of leases that it speaks of and that hold no longer. */
  async #cancelStrays(
    tokens: readonly LeaseToken[],
    started: readonly LeaseToken[],
  ): Promise<void> {
    const strays = await this.#parts.engine.read((state) => strayTokens(state, tokens, started));
    if (strays.length > 0) this.#parts.outbox.cancelStrays(strays);
  }
}

/** What the core refuses about a result is wrong in itself, whoever holds the lease. */
function refusedBy(result: Extract<Result<unknown>, { ok: false }>): ReportRefusal {
  const { reason, facts, message } = refusalOf(result.rejection);
  return { reason, facts, violations: [{ field: "outputs", description: message }] };
}

function share(fraction: number): number {
  return Math.min(1, Math.max(0, fraction));
}
