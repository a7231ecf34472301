import { Draining } from "../abort-reasons.js";
import { type OnDrain, sayOnStderr } from "./drain-news.js";
import type { Listeners, TaskEvent } from "./events.js";
import { cut } from "./failure.js";
import { entryOf } from "./frames.js";
import type { LeaseBook } from "./lease-book.js";
import type { Outbox } from "./outbox.js";
import type { Reporter } from "./reporter.js";
import { drainedReport } from "./reports.js";
import type { Tally } from "./tally.js";

/** What a drainer works with. */
export interface DrainerParts {
  readonly book: LeaseBook;
  readonly outbox: Outbox;
  readonly reporter: Reporter;
  readonly listeners: Listeners;
  readonly tally: Tally;
  /** Who is going. */
  readonly workerId: string;
  /** Who hears of it; undefined: stderr. */
  readonly tell: OnDrain | undefined;
  /** How long aborted handlers may take to end, and then reports to be settled. Milliseconds. */
  readonly graceMs: number;
  /** Everything is settled, or there was no more time. */
  onDone(): void;
}

/**
 * Takes a worker out of service: nothing new is taken, what has not started goes back at once, what runs
 * may finish within a bound; then it is told to stop. Its lease is held as long as its handler runs, so that
 * nobody else is given the task meanwhile, but for no longer than the grace: what does not stop goes back all
 * the same, and is named. It ends at the latest twice the grace after the bound, whatever the link or the
 * handlers do.
 */
export class Drainer {
  readonly #parts: DrainerParts;
  #timer: NodeJS.Timeout | undefined;
  #endsAt = Infinity;
  #isDone = false;
  #isClean = true;
  #note = "";
  readonly #tell: OnDrain;

  constructor(parts: DrainerParts) {
    this.#parts = parts;
    this.#tell = parts.tell ?? ((news) => sayOnStderr(news));
  }

  /** Whether the worker takes no more. */
  get isDraining(): boolean {
    return this.#endsAt !== Infinity;
  }

  /** Whether nothing had to be broken off. */
  get isClean(): boolean {
    return this.#isClean;
  }

  /** Begins, or, when it has begun, brings the bound nearer. */
  begin(withinMs: number, note: string): void {
    if (this.#isDone) return;
    const endsAt = performance.now() + withinMs;
    if (endsAt >= this.#endsAt) return;
    const isFirst = !this.isDraining;
    this.#endsAt = endsAt;
    this.#note = note;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#breakOff(), withinMs);
    this.announce();
    if (!isFirst) return;
    const { workerId, tally, listeners } = this.#parts;
    listeners.emit("draining", { withinMs });
    this.#tell({ state: "draining", workerId, note, running: tally.running, withinMs });
    for (const lease of this.#parts.book.values()) {
      if (lease.state === "waiting") this.#parts.reporter.giveBack(lease, "drained");
    }
    this.checkDone();
  }

  /** Says so, in the session at hand or in one that follows. */
  announce(): void {
    if (!this.isDraining) return;
    const { outbox } = this.#parts;
    const withinMs = Math.max(0, Math.ceil(this.#endsAt - performance.now()));
    outbox.push(entryOf({ $case: "credit", value: { maxTasks: 0, maxBytes: undefined } }));
    outbox.push(entryOf({ $case: "draining", value: { withinMs, note: cut(this.#note, 1_024) } }));
  }

  /** A lease was settled: perhaps it was the last. */
  checkDone(): void {
    if (this.isDraining && this.#parts.book.size === 0) this.#done();
  }

  /** The session has ended: says so. */
  gone(): void {
    const { workerId, tally } = this.#parts;
    this.#tell({ state: "gone", workerId, isClean: this.#isClean, running: tally.running });
  }

  /** Nothing is left to drain: the worker ends for another reason. */
  stop(): void {
    this.#isDone = true;
    clearTimeout(this.#timer);
  }

  #breakOff(): void {
    for (const lease of this.#parts.book.values()) {
      if (lease.state !== "running") continue;
      this.#isClean = false;
      lease.abort(new Draining());
    }
    this.#timer = setTimeout(() => this.#giveUp(), this.#parts.graceMs);
  }

  /** Handlers that do not listen are left behind: the tasks run elsewhere. */
  #giveUp(): void {
    const { book, reporter, workerId } = this.#parts;
    const tasks: TaskEvent[] = [];
    for (const lease of book.values()) {
      if (lease.state !== "running") continue;
      tasks.push(reporter.eventOf(lease));
      reporter.report(lease, drainedReport(lease));
    }
    if (tasks.length > 0) this.#tell({ state: "abandoned", workerId, tasks });
    this.#timer = setTimeout(() => {
      this.#isClean = false;
      this.#done();
    }, this.#parts.graceMs);
  }

  #done(): void {
    if (this.#isDone) return;
    this.stop();
    this.#parts.onDone();
  }
}
