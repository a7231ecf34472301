import { freemem, loadavg } from "node:os";
import type { HeartbeatResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { Load, Register, Registered } from "@capstan/proto/capstan/v1/session.js";
import { LeaseLost } from "../abort-reasons.js";
import { fromCaller } from "../call-error.js";
import { CapstanError, SupersededError } from "../errors.js";
import { refuseUnknown } from "../known-fields.js";
import { Connection } from "../rpc/connection.js";
import { instrumentation } from "../telemetry/names.js";
import { Drainer } from "./drainer.js";
import { Listeners, type WorkerEvents } from "./events.js";
import { entryOf } from "./frames.js";
import { HeartbeatGuard } from "./heartbeat.js";
import { Inbox } from "./inbox.js";
import { Intake } from "./intake.js";
import { known } from "./known-options.js";
import { LeaseBook } from "./lease-book.js";
import { Ledger } from "./ledger.js";
import { Link } from "./link.js";
import type { DrainOptions, WorkerOptions, WorkerStats } from "./options.js";
import { Outbox } from "./outbox.js";
import { Pulse } from "./pulse.js";
import { parsing, plain, type Registration } from "./registration.js";
import { Reporter } from "./reporter.js";
import { Runner } from "./runner.js";
import { settingsOf, type WorkerSettings } from "./settings.js";
import { endProcessSoon, onEndSignals } from "./signals.js";
import { Tally } from "./tally.js";
import type { Handler, Parser } from "./task.js";
import { Timeouts } from "./timeouts.js";
import { TokenTable } from "./token-table.js";
import { type ClaimedId, claimWorkerId } from "./worker-id.js";

const protocolVersion = 1;

/**
 * Runs tasks. Register handlers with `handle`, then `run`: it holds a session with the master, comes back
 * for ever when the link breaks, and sends each result until the master has it durably.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #settings: WorkerSettings;
  readonly #registrations = new Map<string, Registration>();
  readonly #listeners = new Listeners();
  readonly #tally = new Tally();
  readonly #tokens = new TokenTable();
  readonly #outbox = new Outbox();
  readonly #book: LeaseBook;
  readonly #timeouts: Timeouts;
  readonly #runner: Runner;
  readonly #inbox: Inbox;
  readonly #drainer: Drainer;
  readonly #pulse: Pulse;
  readonly #link: Link;
  readonly #heartbeat: HeartbeatGuard;
  /** The id that it gave itself; undefined: it was given one. */
  #claimed: ClaimedId | undefined;
  #connection: Connection | undefined;
  #masterPing = 0;
  #running: Promise<void> | undefined;
  #hasReceived = false;

  /** @throws InvalidArgumentError for an option that is out of its range or not known; `violations` names it */
  constructor(options: WorkerOptions = {}) {
    fromCaller(() => refuseUnknown(options, known.worker), Worker);
    this.#options = options;
    const settings = fromCaller(() => settingsOf(options, (host) => this.#nameAt(host)), Worker);
    this.#settings = settings;
    this.#book = new LeaseBook(this.#tokens, () => this.#drainer.checkDone());
    const parts = {
      book: this.#book,
      outbox: this.#outbox,
      listeners: this.#listeners,
      tally: this.#tally,
      reporter: new Reporter(this.#outbox, this.#listeners),
      ledger: new Ledger(settings.resources),
    };
    const intake = new Intake(parts.ledger);
    this.#timeouts = new Timeouts(this.#book);
    this.#runner = new Runner({
      ...parts,
      intake,
      timeouts: this.#timeouts,
      services: {
        workerId: settings.workerId,
        codec: settings.codec,
        connection: () => this.#unaryConnection(),
        told: (lease, urgent) => {
          if (lease.state === "running") this.#outbox.tell(lease, urgent);
        },
      },
    });
    this.#drainer = new Drainer({
      ...parts,
      workerId: settings.workerId,
      tell: options.onDrain,
      graceMs: settings.abortGraceMs,
      onDone: () => this.#link.stop(),
    });
    this.#inbox = new Inbox({
      ...parts,
      intake,
      registrations: this.#registrations,
      maxTasks: settings.maxTasks,
      isDraining: () => this.#drainer.isDraining,
      kick: () => this.#arrived(),
      drain: (withinMs, note) => this.#drainer.begin(withinMs ?? settings.drainTimeoutMs, note),
      pinged: (sequence) => {
        this.#masterPing = sequence;
      },
    });
    this.#pulse = new Pulse({
      onPing: (renew) => this.#ping(renew),
      onSilence: () => this.#link.abandonSession("nothing was heard from the master"),
    });
    this.#link = new Link(
      options,
      { outbox: this.#outbox, pulse: this.#pulse, reconnect: settings.reconnect },
      {
        register: () => this.#register(),
        onRegistered: (registered) => this.#registered(registered),
        onMessage: (message) => this.#inbox.take(message),
        onFrameEnd: () => this.#frameEnded(),
        onDisconnected: (error, retryInMs) => {
          this.#listeners.emit("disconnected", { error, retryInMs });
        },
      },
    );
    this.#heartbeat = new HeartbeatGuard(options, settings, this.#tokens, (directives) => {
      this.#follow(directives);
    });
  }

  /** Who it is in the fleet. */
  get workerId(): string {
    return this.#settings.workerId;
  }

  /**
   * Registers the handler of a task type; before `run`. A parser (a function that throws, or a Standard Schema
   * such as a zod or valibot one) checks the payload and gives it its type; what it does not take fails the
   * task as invalid, without retry.
   * @throws Error when the type has a handler, or the worker runs already
   */
  handle<Output = unknown>(type: string, handler: Handler<unknown, Output>): this;
  handle<Payload, Output = unknown>(
    type: string,
    parse: Parser<Payload>,
    handler: Handler<Payload, Output>,
  ): this;
  handle(
    type: string,
    first: Handler<unknown, unknown> | Parser<unknown>,
    second?: Handler<unknown, unknown>,
  ): this {
    if (this.#running !== undefined) throw new Error("handlers are registered before run");
    if (this.#registrations.has(type)) throw new Error(`type ${type} has a handler already`);
    const registration =
      second === undefined
        ? plain(type, first as Handler<unknown, unknown>)
        : parsing(type, first as Parser<unknown>, second);
    this.#registrations.set(type, registration);
    return this;
  }

  /**
   * Calls a listener with each event of that name.
   * @returns takes it away again
   */
  on<K extends keyof WorkerEvents>(
    name: K,
    listener: (event: WorkerEvents[K]) => void,
  ): () => void {
    return this.#listeners.on(name, listener);
  }

  /** The next event of that name. */
  once<K extends keyof WorkerEvents>(name: K): Promise<WorkerEvents[K]> {
    return new Promise((resolve) => {
      const off = this.on(name, (event) => {
        off();
        resolve(event);
      });
    });
  }

  /**
   * Serves until it is drained: by `drain`, by the master, or by SIGTERM or SIGINT. After a drain by signal
   * that had to break handlers off, `process.exitCode` is 1; and where a handler runs on although it was told
   * to stop, the process is ended with that code 2.5 s after `run` has resolved, unless it ends before or
   * another worker in it still drains.
   * @throws SupersededError when a newer process took the worker's id; ProtocolMismatchError;
   *   InvalidArgumentError or PermissionDeniedError when the master refuses the registration;
   *   UnauthenticatedError after one reload of the access token; Error when it was called before or there is
   *   no handler
   */
  async run(): Promise<void> {
    if (this.#running !== undefined) throw new Error("run was called before");
    if (this.#registrations.size === 0) throw new Error("register a handler before run");
    this.#running = this.#serve();
    await this.#running;
  }

  /**
   * Takes no more, lets what runs finish, gives back the rest, and ends. What still runs at the bound is
   * aborted with reason Draining and given back uncharged once its handler has ended, at the latest
   * `abortGraceMs` later: a handler that does not stop by then runs on beside the task's next delivery, and
   * keeps the process alive, until the program ends it (`onDrain` names them).
   * @returns resolves when `run` does
   * @throws InvalidArgumentError for an option that is not known
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    refuseUnknown(options, known.drain);
    this.#drainer.begin(options.timeoutMs ?? this.#settings.drainTimeoutMs, options.note ?? "");
    await this.#running?.catch(() => undefined);
  }

  /** What it has done so far. */
  stats(): WorkerStats {
    return this.#tally.stats();
  }

  async #serve(): Promise<void> {
    let bySignal = false;
    const ignoreSignals = this.#settings.installSignalHandlers
      ? onEndSignals((signal) => {
          bySignal = true;
          void this.drain({ note: signal });
        })
      : undefined;
    try {
      await this.#link.run();
      this.#drainer.gone();
      if (bySignal && !this.#drainer.isClean) {
        process.exitCode = 1;
        if (this.#tally.running > 0) endProcessSoon(1);
      }
    } catch (error) {
      // REG-4: what runs is no longer ours.
      for (const lease of this.#book.values()) lease.abort(new LeaseLost());
      await this.#runner.idle(this.#settings.abortGraceMs);
      throw this.#lastError(error);
    } finally {
      ignoreSignals?.();
      this.#drainer.stop();
      this.#timeouts.stop();
      this.#connection?.close();
      await this.#heartbeat.stop();
      this.#claimed?.release();
      this.#listeners.emit("stopped", {});
    }
  }

  /** What `run` rejects with: a sentence that says who ends and why, and a stack that begins with its caller. */
  #lastError(error: unknown): unknown {
    if (!(error instanceof CapstanError)) return error;
    const { workerId } = this;
    if (error instanceof SupersededError) {
      const { code, reason, metadata } = error;
      const text = `worker ${workerId} ends: another process has registered as ${workerId}; each needs a workerId of its own`;
      return new SupersededError(text, { code, reason, metadata });
    }
    Error.captureStackTrace(error);
    return error;
  }

  #nameAt(host: string): string {
    this.#claimed = claimWorkerId(host);
    return this.#claimed.workerId;
  }

  #register(): Register {
    const settings = this.#settings;
    return {
      protocolVersion,
      features: [],
      sdkName: "capstan-typescript",
      sdkVersion: instrumentation.version,
      workerId: settings.workerId,
      incarnation: settings.incarnation,
      namespaces: [...settings.namespaces],
      host: settings.host,
      rack: settings.rack,
      resources: [...settings.resources],
      labels: { ...settings.labels },
      taskTypes: [...this.#registrations.keys()],
      hooks: [],
      prefetchTasks: settings.prefetchTasks,
      held: this.#book.listForRegister(),
      load: load(),
    };
  }

  #registered(registered: Registered): void {
    const { maxTasks, maxBytes } = this.#settings;
    this.#book.session = registered.session;
    this.#book.throughSequence = 0;
    this.#masterPing = 0;
    this.#tokens.leaseTermMs = registered.leaseTermMs;
    this.#tokens.pinged();
    this.#tally.sessions += 1;
    if (this.#drainer.isDraining) this.#drainer.announce();
    else this.#outbox.push(entryOf({ $case: "credit", value: { maxTasks, maxBytes } }));
    this.#inbox.registered(registered);
    this.#listeners.emit("connected", {
      session: registered.session,
      resumed: registered.resumed.length,
      settled: registered.settled.length,
      lost: registered.lost.length,
    });
  }

  #arrived(): void {
    this.#hasReceived = true;
    this.#runner.kick();
  }

  /** RECV-2: the receipt leaves before any handler can keep the thread busy. */
  #frameEnded(): void {
    if (!this.#hasReceived) return;
    this.#hasReceived = false;
    this.#outbox.flush();
    if (this.#settings.heartbeatThread && this.#book.size > 0) this.#heartbeat.start();
  }

  #ping(renew: boolean): boolean {
    // A link that takes nothing gets no more pings to keep: the heartbeat thread renews meanwhile.
    if (!this.#outbox.isOpen || this.#outbox.isBlocked) return false;
    const held = renew ? this.#book.listForPing() : undefined;
    const ping = { held, load: load(), echoSequence: this.#masterPing };
    this.#outbox.push(entryOf({ $case: "ping", value: ping }));
    if (renew) this.#tokens.pinged();
    return true;
  }

  /** What a Heartbeat of the thread was answered: the same as the stream would have said. */
  #follow({ cancels, settlements, drain }: HeartbeatResponse): void {
    for (const settlement of settlements) this.#inbox.settle(settlement);
    for (const cancel of cancels) this.#inbox.cancel(cancel);
    if (drain !== undefined) {
      this.#drainer.begin(drain.withinMs ?? this.#settings.drainTimeoutMs, drain.note);
    }
  }

  /** For calls beside the stream: it connects when a handler first reads another stage. */
  #unaryConnection(): Connection {
    // The session tells of a master that is away.
    const options = { ...this.#options, onConnection: () => undefined };
    this.#connection ??= new Connection(options, { callTimeoutMs: 30_000, retryForMs: Infinity });
    return this.#connection;
  }
}

function load(): Load {
  return {
    freeMemoryBytes: BigInt(freemem()),
    loadAverage: loadavg()[0],
    loopLagMs: undefined,
  };
}
