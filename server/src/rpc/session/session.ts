import type { Register } from "@capstan/proto/capstan/v1/session.js";
import { MasterMessage } from "@capstan/proto/capstan/v1/session.js";
import type { AssignmentView, LeaseToken, RegisterReply, WorkerNo } from "../../core/index.js";
import { queries } from "../../core/index.js";
import type { Result, SessionListener, SessionNotice } from "../../engine/engine-port.js";
import { Blobs } from "../../engine/engine-port.js";
import { LimitExceededError } from "../errors.js";
import { RejectedError } from "../status.js";
import { Inbox } from "./inbox.js";
import type { Incoming } from "./incoming.js";
import { readFrame } from "./incoming.js";
import type { OrderedNotice } from "./notice-queue.js";
import { Outbox } from "./outbox.js";
import { encodeRegistered, registration } from "./register.js";
import { type EndedSession, factsOfEnd, tellEnd } from "./session-end.js";
import {
  alreadyRegistered,
  malformedFrame,
  registerRequired,
  sessionLost,
  superseded,
} from "./session-errors.js";
import { sessionLimits } from "./session-limits.js";
import type { DrainRequest, SessionParts } from "./session-parts.js";

/** Beyond this much unanswered input, or this many unread answers, nothing more is read. */
const pendingBytesMax = 4 * 1_024 * 1_024;
const backlogMax = 4_096;
/** A timer that is later than this says that the master itself stood still. */
const stallMinMs = 250;

type Phase = "fresh" | "registering" | "open" | "finishing" | "closed";

/**
 * One session of a worker, from the first byte to the last, without a word of how the bytes
 * travel.
 *
 * *fresh*: nothing but Register is taken. *registering*: the core is asked; what comes meanwhile
 * waits. *open*: tasks go out and results come in. *finishing*: the worker has said all that it
 * will, and is still owed answers. *closed*: over; its leases go on without it.
 */
export class Session implements SessionListener {
  readonly name: string;
  #phase: Phase = "fresh";
  /** Why it is over; undefined: the stream has ended, or is gone. */
  #endedBy: unknown;
  readonly #parts: SessionParts;
  readonly #outbox: Outbox;
  #inbox: Inbox | undefined;
  #worker: WorkerNo | undefined;
  #workerId = "";
  #incarnation = "";
  /** Frames that came before the answer to Register, and notices. */
  #early: { readonly messages: readonly Incoming[]; readonly bytes: number }[] = [];
  #earlyBytes = 0;
  #earlyNotices: OrderedNotice[] = [];
  #isHalfClosed = false;
  #drainAsked: DrainRequest | undefined;
  #isPaused = false;
  #heardAt: number;
  #tickDueAt = 0;
  #cancelTick: () => void = () => undefined;
  #pings = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { engine, clock, writer, contexts, link, no } = parts;
    this.name = `${engine.epoch}-${parts.no}`;
    this.#heardAt = clock.monotonicMs();
    this.#outbox = new Outbox({
      engine,
      clock,
      writer,
      contexts,
      events: {
        write: (frame) => link.write(frame),
        assigned: (leases, sequence) => {
          const worker = this.#worker as WorkerNo;
          engine.note({ kind: "note_assigned", worker, session: no, leases, sequence });
        },
        unsendable: (view, error) => this.#failUnsendable(view, error),
        unsent: (tokens) => this.#takeBack(tokens),
        // A stream that took all of it at once will not say that it has room again.
        flushed: () => this.#balance(),
      },
    });
    this.#armTick();
  }

  /** The worker that registered; empty before. */
  get workerId(): string {
    return this.#workerId;
  }

  /** A frame has come. */
  receive(frame: Uint8Array): void {
    if (this.#phase === "closed" || this.#phase === "finishing") return;
    this.#heardAt = this.#parts.clock.monotonicMs();
    if (frame.length > sessionLimits.frameBytes) {
      this.end(new LimitExceededError("frame", sessionLimits.frameBytes, frame.length, "bytes"));
      return;
    }
    let messages: readonly Incoming[];
    try {
      messages = readFrame(frame);
    } catch (error) {
      this.end(malformedFrame(error));
      return;
    }
    this.#take(messages, frame.length);
    this.#balance();
  }

  /** The stream has room again. */
  drained(): void {
    this.#outbox.drained();
    this.#balance();
    this.#finishIfIdle();
  }

  /** The worker sends nothing more: it gets its answers, then the stream ends well. */
  halfClosed(): void {
    this.#isHalfClosed = true;
    if (this.#phase === "fresh") this.end(undefined);
    if (this.#phase !== "open") return;
    this.#phase = "finishing";
    this.#outbox.refuseAssigns();
    const { engine, no: session } = this.#parts;
    const worker = this.#worker as WorkerNo;
    engine.note({ kind: "grant_credit", worker, session, tasks: 0, bytes: 0 });
    this.#finishIfIdle();
  }

  /** The engine has something to tell the worker. */
  notify(notices: readonly SessionNotice[]): void {
    const ordered = notices.filter((notice) => notice.kind !== "superseded");
    if (this.#phase === "registering") this.#earlyNotices.push(...ordered);
    else this.#outbox.notify(ordered);
    if (ordered.length < notices.length) this.#supersede();
  }

  /** Asks the worker to finish what it has started and to go. */
  drain(request: DrainRequest): void {
    this.#drainAsked = request;
    if (this.#phase !== "open") return;
    const { withinMs, note = "" } = request;
    const value = { withinMs, note };
    this.#outbox.refuseAssigns();
    this.#outbox.say(MasterMessage.encode({ message: { $case: "drain", value } }).finish());
    const { engine, no: session } = this.#parts;
    const worker = this.#worker as WorkerNo;
    engine.submit({ kind: "drain_worker", worker, session }).catch((error) => this.end(error));
  }

  /**
   * The session is over: because the stream is gone, or because of an error, whose status it gets.
   * Leases stay as they are; assignments that were not written go back to their queue.
   */
  end(error: unknown): void {
    if (this.#phase === "closed") return;
    const wasRegistering = this.#phase === "registering";
    this.#phase = "closed";
    this.#cancelTick();
    this.#early = [];
    this.#outbox.close();
    this.#parts.link.end(error);
    this.#parts.directory.leave(this);
    this.#endedBy = error;
    // The answer to Register is still to come, and then there is a session to end.
    if (!wasRegistering) this.#leaveEngine();
    if (this.#worker === undefined && error !== undefined) {
      this.#parts.log.info(factsOfEnd(this.#ended), "a worker was not let in");
    }
  }

  get #ended(): EndedSession {
    return { session: this.name, workerId: this.#workerId, endedBy: this.#endedBy };
  }

  #take(messages: readonly Incoming[], bytes: number): void {
    const [first] = messages;
    if (first === undefined) return;
    if (this.#phase === "fresh") {
      if (first.kind !== "register") {
        this.end(registerRequired());
        return;
      }
      this.#register(first.value);
      if (messages.length > 1) this.#take(messages.slice(1), bytes);
      return;
    }
    if (messages.some(({ kind }) => kind === "register")) {
      this.end(alreadyRegistered());
    } else if (this.#phase === "registering") {
      this.#early.push({ messages, bytes });
      this.#earlyBytes += bytes;
    } else if (this.#phase === "open") {
      try {
        this.#inbox?.take(messages, bytes);
      } catch (error) {
        this.end(error);
      }
    }
  }

  #register(message: Register): void {
    const { engine, no, directory } = this.#parts;
    this.#phase = "registering";
    let command: ReturnType<typeof registration>;
    try {
      command = registration(message, no);
    } catch (error) {
      this.#phase = "fresh";
      this.end(error);
      return;
    }
    ({ workerId: this.#workerId, incarnation: this.#incarnation } = command.spec);
    directory.claim(this, this.#workerId, this.#incarnation);
    engine.attach(no, this);
    engine.submit(command).then(
      (result) => this.#registered(result, message),
      (error: unknown) => {
        engine.detach(no);
        this.end(error);
      },
    );
  }

  #registered(result: Result<RegisterReply>, { features, host }: Register): void {
    const { engine, clock, no, pingIntervalMs, log } = this.#parts;
    if (!result.ok) {
      engine.detach(no);
      this.end(new RejectedError(result.rejection));
      return;
    }
    const { worker } = result.reply;
    this.#worker = worker;
    if (this.#phase === "closed") {
      this.#leaveEngine();
      return;
    }
    this.#phase = "open";
    this.#heardAt = clock.monotonicMs();
    const { leaseTermMs, receiptTimeoutMs } = engine.settings;
    const terms = { name: this.name, leaseTermMs, receiptTimeoutMs, pingIntervalMs };
    this.#outbox.say(encodeRegistered(result.reply, features, terms));
    this.#outbox.notify(this.#earlyNotices);
    this.#earlyNotices = [];
    this.#inbox = new Inbox({
      engine,
      clock,
      outbox: this.#outbox,
      session: no,
      worker,
      onDraining: () => this.#outbox.refuseAssigns(),
      onError: (error) => this.end(error),
      onProgress: () => {
        this.#balance();
        this.#finishIfIdle();
      },
    });
    const { resumed } = result.reply;
    const { name: session, workerId } = this;
    log.info({ session, workerId, host, leasesResumed: resumed.length }, "a worker has come");
    if (this.#drainAsked !== undefined) this.drain(this.#drainAsked);
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const { messages, bytes } of early) this.#take(messages, bytes);
    this.#balance();
    if (this.#isHalfClosed) this.halfClosed();
  }

  #supersede(): void {
    const newest = this.#parts.directory.incarnationOf(this.#workerId);
    // When the newer stream is gone already nobody can tell: then the worker may try again.
    const isSame = newest === undefined || newest === this.#incarnation;
    this.end(
      isSame
        ? sessionLost("a newer stream of this worker has taken its place")
        : superseded(this.#workerId),
    );
  }

  /** Ends the session in the engine, and listens for as long as grants may be under way to it. */
  #leaveEngine(): void {
    const { engine, log, no: session } = this.#parts;
    if (this.#worker === undefined) return;
    engine.note({ kind: "end_session", worker: this.#worker, session });
    const detach = () => engine.detach(session);
    engine
      .read((state) => queries.findWorker(state, this.#workerId))
      .then((worker) => {
        detach();
        tellEnd(log, this.#ended, worker, engine.settings.leaseTermMs);
      }, detach);
  }

  /** Leases whose assignment nobody saw: back to the queue, uncharged. */
  #takeBack(tokens: readonly LeaseToken[]): void {
    const { engine, log } = this.#parts;
    const worker = this.#worker;
    const returns = tokens.map((token) => ({
      command: { kind: "return_lease", worker, token, reason: "recalled" } as const,
      blobs: Blobs.none,
    }));
    engine.submitMany(returns).catch((error: unknown) => {
      // They expire by themselves.
      log.debug({ err: error, session: this.name }, "leases could not be taken back");
    });
  }

  #failUnsendable(view: AssignmentView, error: unknown): void {
    const { engine, log } = this.#parts;
    const { context, index } = view;
    const task = `${context.jobId}/${context.stageName}/${index}`;
    log.error({ err: error, session: this.name, task }, "an assignment cannot be sent");
    const message = `the master cannot send the task: ${String(error)}`;
    const failure = {
      kind: "error",
      type: "AssignmentUnsendable",
      message,
      retryable: true,
      bodyBytes: 0,
    } as const;
    engine
      .submit({ kind: "fail_lease", worker: this.#worker, token: view, failure })
      .catch((refused: unknown) => {
        log.debug({ err: refused, task }, "its lease expires by itself");
      });
  }

  /** Reads no more than can be answered, and goes on when it can. */
  #balance(): void {
    if (this.#phase === "closed") return;
    const pendingBytes = (this.#inbox?.pendingBytes ?? 0) + this.#earlyBytes;
    const { backlog } = this.#outbox;
    if (!this.#isPaused && (pendingBytes > pendingBytesMax || backlog > backlogMax)) {
      this.#isPaused = true;
      this.#parts.link.pause();
    } else if (this.#isPaused && pendingBytes <= pendingBytesMax / 2 && backlog <= backlogMax / 2) {
      this.#isPaused = false;
      this.#heardAt = this.#parts.clock.monotonicMs();
      this.#parts.link.resume();
    }
  }

  #finishIfIdle(): void {
    if (this.#phase !== "finishing" || this.#inbox?.isIdle !== true) return;
    this.#outbox.flush();
    if (this.#outbox.isEmpty) this.end(undefined);
  }

  #armTick(): void {
    const { clock, pingIntervalMs } = this.#parts;
    this.#tickDueAt = clock.monotonicMs() + pingIntervalMs;
    this.#cancelTick = clock.setTimer(pingIntervalMs, () => {
      // A turn later: what has arrived by now is read first.
      clock.soon(() => this.#tick());
    });
  }

  #tick(): void {
    if (this.#phase === "closed") return;
    const { clock, engine } = this.#parts;
    const now = clock.monotonicMs();
    const lateMs = now - this.#tickDueAt;
    // Nobody could be heard while the master itself stood still.
    if (lateMs > stallMinMs) this.#heardAt += lateMs;
    const { leaseTermMs } = engine.settings;
    const { fullSince } = this.#outbox;
    if (fullSince !== undefined && now - fullSince >= leaseTermMs) {
      this.end(sessionLost("the worker does not read what it is sent"));
      return;
    }
    const mustSpeak = this.#phase !== "registering" && !this.#isPaused;
    if (mustSpeak && !this.#isHalfClosed && now - this.#heardAt >= leaseTermMs) {
      this.end(sessionLost(`nothing was heard for ${Math.round(now - this.#heardAt)} ms`));
      return;
    }
    if (this.#phase === "open" && fullSince === undefined) this.#ping();
    this.#armTick();
  }

  #ping(): void {
    this.#pings += 1;
    const value = { sequence: this.#pings };
    this.#outbox.say(MasterMessage.encode({ message: { $case: "ping", value } }).finish());
  }
}
