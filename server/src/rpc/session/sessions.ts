import type { Clock } from "../../engine/clock.js";
import type { Engine } from "../../engine/engine-port.js";
import type { Log } from "../log.js";
import { ContextCache } from "./assign-encoder.js";
import { Session } from "./session.js";
import { stopping, workerLimit } from "./session-errors.js";
import type {
  DrainRequest,
  SessionDirectory,
  SessionHandle,
  SessionLink,
} from "./session-parts.js";
import { WireWriter } from "../wire/wire-writer.js";

export interface SessionsOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  /** How often each side pings. Default 5,000 ms, and no more than a third of the lease term. */
  readonly pingIntervalMs?: number;
  /** How many sessions may be open at once. Default 10,000. */
  readonly sessionsMax?: number;
}

/** All sessions of this process. */
export class Sessions implements SessionDirectory {
  readonly #options: SessionsOptions;
  readonly #pingIntervalMs: number;
  readonly #sessionsMax: number;
  readonly #open = new Set<Session>();
  readonly #byWorker = new Map<
    string,
    { readonly session: SessionHandle; readonly incarnation: string }
  >();
  // One for all: nothing is kept in it from one turn of the event loop to the next.
  readonly #writer = new WireWriter();
  readonly #contexts = new ContextCache();
  #lastNo = 0;
  #isStopping = false;
  #drainAsked: DrainRequest | undefined;
  #whenEmpty: (() => void)[] = [];

  constructor(options: SessionsOptions) {
    this.#options = options;
    const third = Math.floor(options.engine.settings.leaseTermMs / 3);
    this.#pingIntervalMs = options.pingIntervalMs ?? Math.max(50, Math.min(5_000, third));
    this.#sessionsMax = options.sessionsMax ?? 10_000;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * A stream has come: whoever owns it hands its frames to the session.
   *
   * @throws CallRefusedError when there are too many, or the master is stopping
   */
  open(link: SessionLink): Session {
    if (this.#isStopping) throw stopping();
    if (this.#open.size >= this.#sessionsMax) throw workerLimit(this.#sessionsMax);
    const { engine, clock, log } = this.#options;
    this.#lastNo += 1;
    const session = new Session({
      no: this.#lastNo,
      engine,
      clock,
      log,
      pingIntervalMs: this.#pingIntervalMs,
      writer: this.#writer,
      contexts: this.#contexts,
      link,
      directory: this,
    });
    this.#open.add(session);
    if (this.#drainAsked !== undefined) session.drain(this.#drainAsked);
    return session;
  }

  /**
   * Asks every worker, and those that still come, to finish what it has started and to go for
   * good. Not for a restart of the master: workers outlive it.
   *
   * @returns when all sessions are over
   */
  drain(request: DrainRequest = {}): Promise<void> {
    this.#drainAsked = request;
    for (const session of this.#open) session.drain(request);
    return new Promise((resolve) => {
      if (this.#open.size === 0) resolve();
      else this.#whenEmpty.push(resolve);
    });
  }

  /** Ends every session with UNAVAILABLE: workers keep their leases and connect again. */
  stop(): void {
    this.#isStopping = true;
    for (const session of [...this.#open]) session.end(stopping());
  }

  claim(session: SessionHandle, workerId: string, incarnation: string): void {
    this.#byWorker.set(workerId, { session, incarnation });
  }

  incarnationOf(workerId: string): string | undefined {
    return this.#byWorker.get(workerId)?.incarnation;
  }

  leave(session: SessionHandle): void {
    this.#open.delete(session as Session);
    if (this.#byWorker.get(session.workerId)?.session === session) {
      this.#byWorker.delete(session.workerId);
    }
    if (this.#open.size > 0) return;
    for (const resolve of this.#whenEmpty) resolve();
    this.#whenEmpty = [];
  }
}
