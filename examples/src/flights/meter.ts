/** What is measured of the work, where it is done: in the worker's process. */
import type { Handler, Worker } from "@capstan/sdk";
import type { Distance, Place } from "./place.js";

/** One delivery of a task, from the start of its handler to the master's word that its result is kept. */
export interface SettledTask {
  readonly jobId: string;
  readonly stage: string;
  /** The host of the worker that did it. */
  readonly host: string;
  /** How far its input was; undefined when it has none. */
  readonly distance: Distance | undefined;
  /** How many handlers were at work in the worker when this one had started, itself included. */
  readonly atOnce: number;
  /** By the clock of the machine, which all workers of the example share. Milliseconds. */
  readonly startedAt: number;
  /** The same. */
  readonly settledAt: number;
  /** What became of the task: `succeeded`, `retry`, … */
  readonly outcome: string;
}

/** Measures the handlers that it wraps. */
export class Meter {
  readonly #place: Place;
  readonly #started = new Map<string, Omit<SettledTask, "settledAt" | "outcome">>();
  #running = 0;

  /** @param report told of each delivery once it is settled */
  constructor(worker: Worker, place: Place, report: (task: SettledTask) => void) {
    this.#place = place;
    worker.on("settled", ({ taskId, delivery, outcome }) => {
      const key = `${taskId} ${delivery}`;
      const started = this.#started.get(key);
      this.#started.delete(key);
      if (started !== undefined) report({ ...started, settledAt: Date.now(), outcome });
    });
  }

  /** The same handler, measured. */
  wrap<Output>(handler: Handler<unknown, Output>): Handler<unknown, Promise<Output>> {
    return async (task, context) => {
      const [input] = task.inputs;
      this.#running += 1;
      this.#started.set(`${task.taskId} ${context.delivery}`, {
        jobId: task.jobId,
        stage: task.stage,
        host: this.#place.host,
        distance: input && this.#place.distanceTo(input),
        atOnce: this.#running,
        startedAt: Date.now(),
      });
      try {
        return await handler(task, context);
      } finally {
        this.#running -= 1;
      }
    };
  }
}
