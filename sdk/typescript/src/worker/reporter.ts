import type { Listeners, TaskEvent } from "./events.js";
import { emptyCompleted, returnedEntry, type ReturnWord } from "./frames.js";
import type { Lease } from "./lease.js";
import type { Outbox } from "./outbox.js";
import type { Report } from "./reports.js";

/** Reports the ends of leases, and keeps each report with its lease until it is settled. */
export class Reporter {
  readonly #outbox: Outbox;
  readonly #listeners: Listeners;

  constructor(outbox: Outbox, listeners: Listeners) {
    this.#outbox = outbox;
    this.#listeners = listeners;
  }

  /** A lease has ended here. */
  report(lease: Lease, report: Report): void {
    this.#outbox.forget(lease);
    lease.state = "reported";
    lease.report = report.entry;
    this.send(lease);
    if (this.#listeners.has("ended")) {
      this.#listeners.emit("ended", { ...this.eventOf(lease), report: report.kind });
    }
  }

  /** Gives back a lease whose handler never started. */
  giveBack(lease: Lease, why: ReturnWord): void {
    this.report(lease, { kind: "returned", entry: returnedEntry(lease.token, why) });
    if (this.#listeners.has("returned")) {
      this.#listeners.emit("returned", { ...this.eventOf(lease), reason: why });
    }
  }

  /** Sends the report of a lease, now or in the session to come. */
  send(lease: Lease): void {
    if (lease.report === undefined || !this.#outbox.isOpen) return;
    lease.reportSent = true;
    this.#outbox.push(lease.report === emptyCompleted ? lease : lease.report);
  }

  /** What an event says of the lease. */
  eventOf(lease: Lease): TaskEvent {
    const { delivery, attempt } = lease.task;
    return { taskId: lease.taskId, delivery, attempt };
  }
}
