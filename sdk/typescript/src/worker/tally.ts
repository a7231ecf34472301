import type { Lease } from "./lease.js";
import type { WorkerStats } from "./options.js";

/** Counts what a worker does. */
export class Tally {
  started = 0;
  ended = 0;
  settled = 0;
  resent = 0;
  resumed = 0;
  settledAtRegister = 0;
  lost = 0;
  sessions = 0;
  running = 0;
  maxRunning = 0;
  slotsInUse = 0;
  maxSlotsInUse = 0;
  busySlotMs = 0;
  handlerSlotMs = 0;
  /** Of all outcomes nearly always the only one, so it is not looked up. */
  #succeeded = 0;
  readonly #others = new Map<string, number>();

  /** A handler starts. */
  start(lease: Lease): void {
    this.started += 1;
    this.running += 1;
    this.slotsInUse += lease.demand.slots;
    if (this.running > this.maxRunning) this.maxRunning = this.running;
    if (this.slotsInUse > this.maxSlotsInUse) this.maxSlotsInUse = this.slotsInUse;
  }

  /** A handler has ended. */
  end(lease: Lease, now: number): void {
    this.ended += 1;
    this.running -= 1;
    this.slotsInUse -= lease.demand.slots;
    this.handlerSlotMs += (now - lease.startedAt) * lease.demand.slots;
  }

  /** The master confirmed the end of a lease. */
  settle(lease: Lease, outcome: string, now: number): void {
    this.settled += 1;
    if (outcome === "succeeded") this.#succeeded += 1;
    else this.#others.set(outcome, (this.#others.get(outcome) ?? 0) + 1);
    if (lease.startedAt > 0) this.busySlotMs += (now - lease.startedAt) * lease.demand.slots;
  }

  /** The counts as they stand. */
  stats(): WorkerStats {
    return {
      started: this.started,
      ended: this.ended,
      settled: this.settled,
      outcomes: {
        ...(this.#succeeded > 0 ? { succeeded: this.#succeeded } : {}),
        ...Object.fromEntries(this.#others),
      },
      resent: this.resent,
      resumed: this.resumed,
      settledAtRegister: this.settledAtRegister,
      lost: this.lost,
      sessions: this.sessions,
      running: this.running,
      maxRunning: this.maxRunning,
      maxSlotsInUse: this.maxSlotsInUse,
      busySlotMs: this.busySlotMs,
      handlerSlotMs: this.handlerSlotMs,
    };
  }
}
