import type { WorkerNo } from "../core/index.js";
import type { SessionListener, SessionNotice } from "./engine-port.js";

/** Notices on their way, each session's in the order in which they were decided. */
export class Notices {
  readonly #bySession = new Map<number, SessionNotice[]>();
  #lastSession = 0;
  #last: SessionNotice[] = [];

  constructor(first: readonly (readonly [number, SessionNotice])[] = []) {
    for (const [session, notice] of first) this.add(session, notice);
  }

  add(session: number, notice: SessionNotice): void {
    // Most of a round are one worker's.
    if (session !== this.#lastSession) this.#goTo(session);
    this.#last.push(notice);
  }

  [Symbol.iterator](): IterableIterator<readonly [number, readonly SessionNotice[]]> {
    return this.#bySession.entries();
  }

  #goTo(session: number): void {
    let row = this.#bySession.get(session);
    if (row === undefined) this.#bySession.set(session, (row = []));
    this.#lastSession = session;
    this.#last = row;
  }
}

/** Who listens for which session, and which worker it is. */
export class Sessions {
  readonly #listeners = new Map<number, SessionListener>();
  readonly #workers = new Map<number, WorkerNo>();

  attach(session: number, listener: SessionListener): void {
    this.#listeners.set(session, listener);
  }

  detach(session: number): void {
    this.#listeners.delete(session);
    this.#workers.delete(session);
  }

  bind(session: number, worker: WorkerNo): void {
    if (this.#listeners.has(session)) this.#workers.set(session, worker);
  }

  workerOf(session: number): WorkerNo | undefined {
    return this.#workers.get(session);
  }

  /** Hands out notices. Who is gone hears nothing. */
  notify(notices: Notices): void {
    for (const [session, row] of notices) this.#listeners.get(session)?.notify(row);
  }
}
