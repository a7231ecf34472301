import type { WorkerNo } from "../core/index.js";
import type { SessionListener, SessionNotice } from "./engine-port.js";

/** A notice on its way to a session. */
export interface Addressed {
  readonly session: number;
  readonly notice: SessionNotice;
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

  /** Hands out notices, each session's together and in their order. Who is gone hears nothing. */
  notify(addressed: readonly Addressed[]): void {
    const bySession = new Map<number, SessionNotice[]>();
    for (const { session, notice } of addressed) {
      const row = bySession.get(session);
      if (row === undefined) bySession.set(session, [notice]);
      else row.push(notice);
    }
    for (const [session, notices] of bySession) this.#listeners.get(session)?.notify(notices);
  }
}
