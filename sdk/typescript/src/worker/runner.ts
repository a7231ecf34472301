import { context as activeContext } from "@opentelemetry/api";
import type { Codec } from "../codec.js";
import { startProcess, tracingIsOn } from "../telemetry/spans.js";
import { taskStorage } from "./current-task.js";
import type { Listeners } from "./events.js";
import type { Intake } from "./intake.js";
import type { Lease } from "./lease.js";
import type { Ledger } from "./ledger.js";
import type { Outbox } from "./outbox.js";
import {
  reportOfError,
  reportOfValue,
  timeoutReason,
  timeoutReport,
  type Report,
} from "./reports.js";
import type { Reporter } from "./reporter.js";
import type { HandlerTask } from "./registration.js";
import type { TaskContext } from "./task.js";
import type { Tally } from "./tally.js";
import { ContextView, type ContextServices } from "./task-context.js";
import { TaskView } from "./task-view.js";
import type { Timeouts } from "./timeouts.js";

/** For how long handlers are started in one go before the link gets its turn. Milliseconds. */
const sliceMs = 5;

/** What a runner works with. */
export interface RunnerParts {
  readonly intake: Intake;
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly reporter: Reporter;
  readonly timeouts: Timeouts;
  readonly tally: Tally;
  readonly listeners: Listeners;
  readonly services: ContextServices;
}

/**
 * Runs handlers: starts what the ledger allows, as soon as something ends, and turns what they return or
 * throw into reports. It works in slices, so that neither a crowd of short handlers nor a row of blocking
 * ones keeps the link waiting.
 *
 * A handler that blocks the event loop leaves no moment to say that it has started, and the master's clock of
 * the attempt would never run. So where the attempt has a time-out, its start is told a turn before, of one
 * handler at a time: another's wait behind one that blocks is not of its own time.
 */
export class Runner {
  readonly #parts: RunnerParts;
  readonly #codec: Codec;
  #isScheduled = false;
  #isPumping = false;
  #sliceEndsAt = 0;
  /** When something last started or ended: a clock that is looked at once for each handler. */
  #now = 0;
  #onIdle: (() => void) | undefined;
  /** Its start was told, and it runs in the next turn; nothing else starts meanwhile. */
  #told: Lease | undefined;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#codec = parts.services.codec;
  }

  /** Something may have become startable: looks at it in the next turn, after what is to be sent. */
  kick(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#run);
  }

  /** Resolves once no handler runs, at the latest after a while. Milliseconds. */
  idle(withinMs: number): Promise<void> {
    if (this.#parts.tally.running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#now = performance.now();
    this.#sliceEndsAt = this.#now + sliceMs;
    const told = this.#told;
    if (told !== undefined) {
      this.#told = undefined;
      this.#runHandler(told);
    }
    this.#pump();
  };

  #pump(): void {
    // A handler that ends at once ends inside of this loop, which then goes on with what it made room for.
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#told === undefined) {
      if (this.#now >= this.#sliceEndsAt) {
        this.kick();
        break;
      }
      const lease = this.#parts.intake.next();
      if (lease === undefined) break;
      this.#start(lease, this.#now);
    }
    this.#isPumping = false;
  }

  #start(lease: Lease, now: number): void {
    const { ledger, reporter, tally, timeouts, outbox, listeners } = this.#parts;
    if (now >= lease.timeoutAt) {
      // RUN-5: its deadline passed before it began.
      ledger.release(lease.demand);
      reporter.report(lease, timeoutReport(lease, undefined));
      return;
    }
    lease.start(now);
    tally.start(lease);
    timeouts.watch(lease);
    outbox.started(lease);
    if (listeners.has("started")) listeners.emit("started", reporter.eventOf(lease));
    if (lease.hasTimeout && outbox.isOpen) {
      outbox.flush();
      this.#told = lease;
      this.kick();
    } else {
      this.#runHandler(lease);
    }
  }

  #runHandler(lease: Lease): void {
    if (lease.abortReason !== undefined) {
      // Taken away in the turn between.
      this.#threw(lease, lease.abortReason);
      return;
    }
    const task = new TaskView(lease, this.#codec);
    const context = new ContextView(task, lease, this.#parts.services);
    let result: unknown;
    try {
      result = tracingIsOn() ? this.#callTraced(lease, task, context) : call(lease, task, context);
    } catch (error) {
      this.#threw(lease, error);
      return;
    }
    if (!isThenable(result)) {
      this.#returned(lease, result);
      return;
    }
    this.#now = performance.now();
    const promise = result instanceof Promise ? result : Promise.resolve(result);
    promise.then(
      (value) => this.#returned(lease, value),
      (error: unknown) => this.#threw(lease, error),
    );
  }

  #callTraced(lease: Lease, task: HandlerTask, context: TaskContext): unknown {
    const span = startProcess(
      {
        taskId: task.taskId,
        taskType: task.type,
        namespace: task.namespace,
        jobId: task.jobId,
        jobName: task.jobName,
        stage: task.stage,
        attempt: context.attempt,
        delivery: context.delivery,
        workerId: context.workerId,
      },
      lease.stage.context.traceContext,
    );
    lease.span = span;
    return activeContext.with(span.context, () => call(lease, task, context));
  }

  #returned(lease: Lease, value: unknown): void {
    this.#stopClock(lease);
    this.#ended(lease, reportOfValue(lease, value, this.#codec));
  }

  #threw(lease: Lease, error: unknown): void {
    this.#stopClock(lease);
    this.#ended(lease, reportOfError(lease, error));
  }

  /** A handler that blocks the event loop keeps the timer from firing too: its time is judged by the clock. */
  #stopClock(lease: Lease): void {
    this.#now = performance.now();
    if (this.#now >= lease.timeoutAt) lease.abort(timeoutReason(lease));
  }

  #ended(lease: Lease, report: Report): void {
    const { ledger, reporter, tally } = this.#parts;
    const now = this.#now;
    tally.end(lease, now);
    ledger.release(lease.demand);
    if (lease.span !== undefined) {
      if (report.error === undefined) lease.span.ended();
      else lease.span.failed(report.error);
    }
    // A lease that was settled while its handler ran has nothing left to say.
    if (lease.state === "running") reporter.report(lease, report);
    if (tally.running === 0) this.#onIdle?.();
    if (now < this.#sliceEndsAt) this.#pump();
    else this.kick();
  }
}

function call(lease: Lease, task: HandlerTask, context: TaskContext): unknown {
  const { registration } = lease.stage;
  // A lease without a handler never gets here: it is rejected when it arrives.
  if (registration === undefined) throw new Error(`no handler for type ${task.type}`);
  return taskStorage.run(context, registration.run, task, context);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
