import type { Registered, WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import { Backoff, type BackoffLimits } from "../backoff.js";
import { addressesOf, type ConnectionOptions } from "../connection.js";
import { CapstanError } from "../errors.js";
import { Reachability } from "../reachability.js";
import type { MasterSays } from "./decode-frame.js";
import { entryOf, type Entry } from "./frames.js";
import type { Outbox } from "./outbox.js";
import { defaultTerms, type Pulse, type PulseTerms } from "./pulse.js";
import { Session } from "./session.js";

/** What a link needs from the worker around it. */
export interface LinkEvents {
  /** The first message of a session. */
  register(): Extract<NonNullable<WorkerMessage["message"]>, { $case: "register" }>["value"];
  /** A session stands, and more may be said. */
  onRegistered(registered: Registered): void;
  /** A message after that. */
  onMessage(message: MasterSays): void;
  /** The messages of a frame have all been given. */
  onFrameEnd(): void;
  /** A session, or the attempt at one, has ended; `retryInMs` is undefined when no other follows. */
  onDisconnected(error: CapstanError, retryInMs: number | undefined): void;
}

/**
 * Keeps a session standing: connects, registers, and connects again for ever, with waits that are drawn.
 * Only the local stop ends it, or one of the few answers that say that trying again is no use.
 */
export class Link {
  readonly #options: ConnectionOptions;
  readonly #addresses: readonly string[];
  readonly #events: LinkEvents;
  readonly #outbox: Outbox;
  readonly #pulse: Pulse;
  readonly #backoff: Backoff;
  readonly #reachability: Reachability;
  #terms: PulseTerms = defaultTerms;
  #session: Session | undefined;
  #isRegistered = false;
  #isStopped = false;
  #position = 0;
  #leader: string | undefined;
  #unauthenticated = 0;
  #wake: (() => void) | undefined;

  constructor(
    options: ConnectionOptions,
    parts: { readonly outbox: Outbox; readonly pulse: Pulse; readonly reconnect: BackoffLimits },
    events: LinkEvents,
  ) {
    this.#options = options;
    this.#addresses = addressesOf(options);
    this.#reachability = new Reachability(this.#addresses, options.onConnection);
    this.#outbox = parts.outbox;
    this.#pulse = parts.pulse;
    this.#backoff = new Backoff(parts.reconnect);
    this.#events = events;
  }

  /**
   * Runs until it is stopped.
   * @throws CapstanError when the master says that connecting again is no use
   */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const error = await this.#holdSession();
      if (this.#isStopped) return;
      if (this.#isFinal(error)) {
        this.#events.onDisconnected(error, undefined);
        throw error;
      }
      // A session that broke is no news yet: the next try may stand at once. A follower did answer.
      if (!this.#isRegistered && error.reason !== "NOT_LEADER") this.#reachability.failed(error);
      this.#turn(error);
      const retryInMs = Math.max(this.#backoff.nextMs(), error.retryAfterMs ?? 0);
      this.#events.onDisconnected(error, retryInMs);
      await this.#pause(retryInMs);
    }
  }

  /** Nothing more is to be said: half-closes the session and lets `run` resolve. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#outbox.flush();
    // After the half close nothing follows, not even a ping.
    this.#outbox.close();
    this.#pulse.stop();
    if (this.#isRegistered) this.#session?.halfClose();
    else this.#session?.abandon("the worker has stopped");
    this.#wake?.();
  }

  /** Ends the session at hand; another follows. */
  abandonSession(why: string): void {
    this.#session?.abandon(why);
  }

  /** One session from its first byte to its end, which is always some error. */
  #holdSession(): Promise<CapstanError> {
    return new Promise((resolve) => {
      this.#isRegistered = false;
      const address = this.#leader ?? this.#addresses[this.#position] ?? "";
      let session: Session;
      try {
        session = new Session(address, this.#options, {
          onMessages: (messages) => this.#receive(messages),
          onDrain: () => this.#outbox.resume(),
          onEnd: (error) => {
            this.#pulse.stop();
            this.#outbox.close();
            this.#session = undefined;
            resolve(error);
          },
        });
      } catch (error) {
        // An address or a token that cannot be used now may be used later.
        resolve(CapstanError.from(error));
        return;
      }
      this.#session = session;
      this.#pulse.listen(this.#terms);
      session.write(frameOf(entryOf({ $case: "register", value: this.#events.register() })));
    });
  }

  #receive(messages: readonly MasterSays[]): void {
    this.#pulse.heard();
    for (const message of messages) {
      if (this.#isRegistered) {
        this.#events.onMessage(message);
      } else if (message.kind === "other") {
        const arm = message.message.message;
        if (arm?.$case === "registered") this.#registered(arm.value);
      }
    }
    if (this.#isRegistered) this.#events.onFrameEnd();
  }

  #registered(registered: Registered): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#isRegistered = true;
    this.#unauthenticated = 0;
    this.#backoff.reset();
    this.#reachability.answered();
    this.#terms = {
      leaseTermMs: registered.leaseTermMs || defaultTerms.leaseTermMs,
      pingIntervalMs: registered.pingIntervalMs || defaultTerms.pingIntervalMs,
    };
    this.#pulse.beat(this.#terms);
    this.#outbox.open(session);
    this.#events.onRegistered(registered);
  }

  /** REG-9 of the protocol: whether trying again is no use. */
  #isFinal(error: CapstanError): boolean {
    switch (error.code) {
      case "FAILED_PRECONDITION":
        return finalReasons.includes(error.reason);
      case "INVALID_ARGUMENT":
        return !this.#isRegistered;
      case "PERMISSION_DENIED":
        return true;
      case "UNAUTHENTICATED":
        // Once more: the token is read anew for each session.
        this.#unauthenticated += 1;
        return this.#unauthenticated > 1;
      default:
        return false;
    }
  }

  /** Another address next: the leader that was named, or whose turn it is. */
  #turn(error: CapstanError): void {
    const leader = error.reason === "NOT_LEADER" ? error.metadata["leader"] : undefined;
    const wasLeader = this.#leader !== undefined;
    this.#leader = leader;
    if (leader === undefined && !wasLeader && !this.#isRegistered) {
      this.#position = (this.#position + 1) % this.#addresses.length;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
    });
  }
}

const finalReasons: readonly string[] = [
  "PROTOCOL_MISMATCH",
  "SUPERSEDED",
  "REGISTER_REQUIRED",
  "ALREADY_REGISTERED",
];

function frameOf(entry: Entry): Buffer {
  return Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength);
}
