import type { State } from "../../core/index.js";
import { queries } from "../../core/index.js";
import type { Clock } from "../../engine/clock.js";
import type { Engine } from "../../engine/engine-port.js";
import type { StreamEnd } from "../stream-writer.js";

interface Waiting {
  readonly namespace: string;
  readonly jobId: string;
  /** What the waiter has seen. */
  readonly revision: number;
  /** Before this only the end of the job is news. */
  readonly notBefore: number;
  readonly wake: () => void;
}

/** How often changes are looked for that no entry of the journal tells: starts, progress. */
const pollMs = 100;

/**
 * Wakes those who wait for a job to change. All of them are looked at in one read of the state for
 * each entry that became durable, so that a thousand watchers cost one.
 */
export class JobWatch {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #stopping: AbortSignal;
  readonly #waiting = new Set<Waiting>();
  #isLooking = false;
  #lookAgain = false;
  #stopListening: (() => void) | undefined;
  #stopPolling: (() => void) | undefined;

  /** @param stopping aborted when the master stops: nobody waits any longer then */
  constructor(engine: Engine, clock: Clock, stopping: AbortSignal) {
    this.#engine = engine;
    this.#clock = clock;
    this.#stopping = stopping;
    stopping.addEventListener("abort", () => {
      for (const { wake } of [...this.#waiting]) wake();
    });
  }

  /**
   * Resolves when the job has another revision and the time has come, or at once when it has ended
   * or is gone; or when the waiter gives up.
   */
  changed(
    job: { readonly namespace: string; readonly jobId: string; readonly revision: number },
    notBefore: number,
    end: StreamEnd,
  ): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        end.remove(wake);
        this.#waiting.delete(waiting);
        if (this.#waiting.size === 0) this.#rest();
        resolve();
      };
      const { namespace, jobId, revision } = job;
      const waiting: Waiting = { namespace, jobId, revision, notBefore, wake };
      end.add(wake);
      this.#waiting.add(waiting);
      if (end.has || this.#stopping.aborted) wake();
      else this.#begin();
    });
  }

  #begin(): void {
    this.#stopListening ??= this.#engine.onDurable(() => {
      this.#look();
    });
    this.#poll();
    this.#look();
  }

  #poll(): void {
    this.#stopPolling ??= this.#clock.setTimer(pollMs, () => {
      this.#stopPolling = undefined;
      this.#poll();
      this.#look();
    });
  }

  #rest(): void {
    this.#stopListening?.();
    this.#stopPolling?.();
    this.#stopListening = undefined;
    this.#stopPolling = undefined;
  }

  /** One look at a time: what happens meanwhile is seen by the next. */
  #look(): void {
    if (this.#isLooking) {
      this.#lookAgain = true;
      return;
    }
    this.#isLooking = true;
    this.#lookAgain = false;
    void this.#engine
      .read((state) => this.#news(state))
      // The engine is closing: whoever waits learns it by asking.
      .catch(() => [...this.#waiting])
      .then((awake) => {
        this.#isLooking = false;
        for (const { wake } of awake) wake();
        if (this.#lookAgain && this.#waiting.size > 0) this.#look();
      });
  }

  #news(state: State): Waiting[] {
    const now = this.#clock.monotonicMs();
    return [...this.#waiting].filter(({ namespace, jobId, revision, notBefore }) => {
      const standing = queries.jobStanding(state, namespace, jobId);
      if (standing === undefined || standing.isFinished) return true;
      return now >= notBefore && standing.revision !== revision;
    });
  }
}
