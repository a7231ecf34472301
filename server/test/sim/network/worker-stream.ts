import { PullTasksRequest, PullTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { MasterMessage, WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import type { StreamRules } from "../auditor/stream-rules.js";
import type { Session, SessionLink } from "../../../src/rpc/session/index.js";
import { Direction } from "./direction.js";
import type { MasterPort } from "./master-port.js";
import type { Peer } from "./peer.js";
import type { Refusal } from "./reply.js";
import { lost } from "./reply.js";
import { show } from "./show.js";
import type { Wire } from "./wire.js";

export interface WorkerStreamEvents {
  message(message: MasterMessage): void;
  /** @param refusal undefined: it ended well */
  end(refusal: Refusal | undefined): void;
}

/** Frames that the stream takes before it is full, until the network has taken some. */
const windowFrames = 8;

/**
 * A worker's stream through the network: each direction keeps its order and has delays of its own. When it
 * breaks, each side learns of it at a time of its own, or not at all.
 */
export class WorkerStream {
  readonly #wire: Wire;
  readonly #peer: Peer;
  readonly #events: WorkerStreamEvents;
  readonly #rules: StreamRules;
  #session: Session | undefined;
  #isEnded = false;
  /** The worker has let go of it: the master does not know yet. */
  #isGone = false;
  readonly #toMaster: Direction;
  readonly #toWorker: Direction;
  readonly #leave: () => void;
  #forget: () => void = () => undefined;
  #link: Link | undefined;

  constructor(wire: Wire, peer: Peer, events: WorkerStreamEvents) {
    this.#wire = wire;
    this.#peer = peer;
    this.#events = events;
    this.#rules = wire.parts.streamRules();
    this.#toMaster = new Direction(wire, peer, () => peer.line.isDeadThere);
    this.#toWorker = new Direction(wire, peer, () => peer.line.isDeadBack);
    this.#leave = peer.line.add(() => {
      this.#break();
    });
    this.#there(() => {
      this.#open();
    });
  }

  /** Sends one frame. */
  send(messages: WorkerMessage[]): void {
    if (this.#isEnded) return;
    const { trace } = this.#wire.parts;
    trace(
      () => `${this.#peer.name} says ${messages.map(({ message }) => show(message)).join(" ")}`,
    );
    const frame = Buffer.from(PullTasksRequest.encode({ messages }).finish());
    this.#there(() => {
      this.#link?.deliver(messages, frame);
    });
  }

  /** The worker sends no more, and still listens. */
  halfClose(): void {
    this.#there(() => {
      this.#session?.halfClosed();
    });
  }

  /** The worker's process is gone: the master learns of it after a while, or never by this way. */
  abandon(afterMs: number): void {
    if (this.#isGone) return;
    this.#isGone = this.#isEnded = true;
    this.#leave();
    const { scheduler } = this.#wire.parts;
    scheduler.after(afterMs, () => {
      this.#end();
    });
  }

  #open(): void {
    const { parts } = this.#wire;
    const master = parts.master();
    if (master === undefined) {
      this.#back(() => {
        this.#over(lost("UNAVAILABLE"));
      });
      return;
    }
    const link = new Link(this.#rules, master, {
      write: (messages) => {
        this.#back(() => {
          if (this.#isEnded) return;
          for (const message of messages) {
            parts.trace(() => `${this.#peer.name} hears ${show(message.message)}`);
            this.#events.message(message);
          }
        });
        return () => this.#wire.delayMs(this.#peer);
      },
      end: (refusal) => {
        this.#forget();
        this.#back(() => {
          this.#over(refusal);
        });
      },
      after: (ms, then) => parts.scheduler.after(ms, then),
    });
    this.#link = link;
    this.#forget = master.onDeath(() => {
      link.isOver = true;
      this.#back(() => {
        this.#over(lost("UNAVAILABLE"));
      });
    });
    const session = master.openSession(link);
    if (session === undefined) return;
    this.#session = session;
    link.session = session;
  }

  /** The connection breaks: the worker notices at once, the master a little later. */
  #break(): void {
    const { parts } = this.#wire;
    parts.scheduler.after(0, () => {
      this.#peer.clock.enter(() => {
        this.#over(lost("UNAVAILABLE"));
      });
    });
    parts.scheduler.after(this.#wire.delayMs(this.#peer) * 3, () => {
      this.#end();
    });
  }

  /** The master sees its end of the stream close. */
  #end(): void {
    const link = this.#link;
    if (link === undefined || link.isOver) return;
    link.clock.enter(() => {
      this.#session?.end(undefined);
      link.isOver = true;
      this.#rules.ended();
    });
  }

  #over(refusal: Refusal | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#leave();
    this.#events.end(refusal);
  }

  #there(then: () => void): void {
    this.#toMaster.send(() => {
      if (this.#isGone) return;
      const master = this.#wire.parts.master();
      if (master === undefined || this.#link?.isOver === true) {
        if (this.#link === undefined) then();
        return;
      }
      (this.#link?.clock ?? master.clock).enter(then);
    });
  }

  #back(then: () => void): void {
    this.#toWorker.send(() => {
      this.#peer.clock.enter(then);
    });
  }
}

interface LinkEvents {
  /** @returns how long until the network has taken it */
  write(messages: readonly MasterMessage[]): () => number;
  end(refusal: Refusal | undefined): void;
  after(ms: number, then: () => void): void;
}

/** The master's end of the stream. */
class Link implements SessionLink {
  session: Session | undefined;
  isOver = false;
  readonly clock: MasterPort["clock"];
  #waiting: { readonly messages: WorkerMessage[]; readonly frame: Buffer }[] = [];
  #isPaused = false;
  #outstanding = 0;

  constructor(
    private readonly rules: StreamRules,
    private readonly master: MasterPort,
    private readonly events: LinkEvents,
  ) {
    this.clock = master.clock;
  }

  /** What arrived is read, unless the session wants no more for now. */
  deliver(messages: WorkerMessage[], frame: Buffer): void {
    if (this.isOver) return;
    if (this.#isPaused) {
      this.#waiting.push({ messages, frame });
      return;
    }
    for (const message of messages) this.rules.arrives(message);
    this.session?.receive(frame);
  }

  write(frame: Buffer): boolean {
    // Encoded in a buffer that is used again: what leaves is a copy.
    const { messages } = PullTasksResponse.decode(Buffer.from(frame));
    for (const message of messages) this.rules.leaves(message);
    this.#outstanding += 1;
    const takenIn = this.events.write(messages);
    this.events.after(takenIn(), () => {
      this.#outstanding -= 1;
      if (this.#outstanding === windowFrames - 1 && !this.isOver) {
        this.clock.enter(() => this.session?.drained());
      }
    });
    return this.#outstanding < windowFrames;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.clock.soon(() => {
      while (!this.#isPaused && !this.isOver) {
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.deliver(next.messages, next.frame);
      }
    });
  }

  end(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    const refusal = error === undefined ? undefined : this.master.refusalOf(error);
    this.rules.ended(refusal?.reason);
    this.events.end(refusal);
  }
}
