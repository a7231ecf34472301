import type { CapstanError } from "../errors.js";

/** What a worker tells of itself, for logs and for tests that wait for events and never for time. */
export interface WorkerEvents {
  /** A session stands. */
  connected: {
    /** Its name. */
    readonly session: string;
    /** How many leases go on. */
    readonly resumed: number;
    /** How many were settled while the link was down. */
    readonly settled: number;
    /** How many the master did not have any more. */
    readonly lost: number;
  };
  /** A session ended; another follows unless the worker stops. */
  disconnected: {
    /** What ended it. */
    readonly error: CapstanError;
    /** How long until the next attempt. Milliseconds; undefined when there is none. */
    readonly retryInMs: number | undefined;
  };
  /** A task arrived. */
  assigned: TaskEvent;
  /** Its handler starts. */
  started: TaskEvent;
  /** Its handler ended and its report is on the way. */
  ended: TaskEvent & {
    /** What is reported. */
    readonly report: "completed" | "failed" | "returned";
  };
  /** The master confirmed the end of a lease. */
  settled: TaskEvent & {
    /** What became of the task: `succeeded`, `retry`, `stale`, … or `unknown`. */
    readonly outcome: string;
  };
  /** The master refused a report; the task is failed as invalid. */
  refused: TaskEvent & {
    /** What was wrong. */
    readonly error: CapstanError;
  };
  /** A lease was taken away. */
  cancelled: TaskEvent & {
    /** Why: the reason that the handler's signal has. */
    readonly reason: Error;
  };
  /** A lease was given back unfinished. */
  returned: TaskEvent & {
    /** Why. */
    readonly reason: "recalled" | "drained" | "over_delivered" | "cancelled";
  };
  /** The worker takes no more and finishes. */
  draining: {
    /** Until when at most. Milliseconds from now. */
    readonly withinMs: number;
  };
  /** The worker has ended. */
  stopped: Record<string, never>;
}

/** Which delivery an event is about. */
export interface TaskEvent {
  /** `job/stage/index`. */
  readonly taskId: string;
  /** The number of the lease in the task's life. */
  readonly delivery: number;
  /** The attempt. */
  readonly attempt: number;
}

/** Listeners by event; nothing is built for an event that nobody listens to. */
export class Listeners {
  readonly #listeners = new Map<keyof WorkerEvents, Set<(event: never) => void>>();

  /** @returns takes the listener away again */
  on<K extends keyof WorkerEvents>(
    name: K,
    listener: (event: WorkerEvents[K]) => void,
  ): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(name);
    };
  }

  /** Whether anybody listens: asked before an event is built. */
  has(name: keyof WorkerEvents): boolean {
    return this.#listeners.size !== 0 && this.#listeners.has(name);
  }

  emit<K extends keyof WorkerEvents>(name: K, event: WorkerEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      (listener as (event: WorkerEvents[K]) => void)(event);
    }
  }
}
