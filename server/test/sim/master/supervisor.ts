import type { State } from "../../../src/core/index.js";
import { JournalError, JournalFailure } from "../../../src/journal/journal-error.js";
import type { PowerCut } from "../../journal/simulated-disk.js";
import { digestOf } from "../auditor/digest-of.js";
import { ProcessClock, type WallClock } from "../process-clock.js";
import { Master, type MasterParts } from "./master.js";

export interface SupervisorParts extends Omit<MasterParts, "clock" | "onFatal"> {
  readonly wall: WallClock;
}

/** How many starts of a run are compared: each costs the whole state as text. */
const comparedStarts = 4;

/** Starts the master, and again each time that it has ended. */
export class Supervisor {
  /** The process that is up. */
  master: Master | undefined;
  /** How often one has come up. */
  starts = 0;
  /** A sync that fails does so because the power goes, and so. */
  cutOnFailure: PowerCut | undefined;
  readonly #parts: SupervisorParts;
  /** The process that is up or coming up. */
  #clock: ProcessClock | undefined;
  #isHealed = false;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#start();
  }

  /** kill -9: the machine goes on. */
  kill(): void {
    this.#parts.disk.storage.killProcess();
    this.#ended();
  }

  cutPower(cut: PowerCut): void {
    this.#parts.disk.storage.cutPower(cut);
    this.#ended();
  }

  /** From now on nothing befalls it. */
  heal(): void {
    this.#isHealed = true;
    const { disk } = this.#parts;
    disk.slowMs = 0;
    disk.blockedUntil = 0;
    disk.storage.freeBytes = Infinity;
    this.#repair();
  }

  /** What failed once works again: the next process would not come up otherwise. */
  #repair(): void {
    const { storage } = this.#parts.disk;
    storage.syncFails = storage.failedSyncDropsPages = false;
    storage.bytesUntilWriteFails = Infinity;
    this.cutOnFailure = undefined;
  }

  #ended(): void {
    const { scheduler, knobs } = this.#parts;
    this.master?.die();
    this.#clock?.die();
    this.master = this.#clock = undefined;
    scheduler.after(this.#isHealed ? 500 : knobs.downMs, () => {
      if (this.#clock === undefined) this.#start();
    });
  }

  #start(): void {
    const { scheduler, wall, auditor } = this.#parts;
    const clock = new ProcessClock(scheduler, wall, (error) => {
      this.#failed(clock, error);
    });
    this.#clock = clock;
    const onFatal = (error: unknown) => {
      this.#failed(clock, error);
    };
    Master.start({ ...this.#parts, clock, onFatal }).then((master) => {
      if (clock.isDead) return;
      this.master = master;
      this.starts += 1;
      if (this.starts > comparedStarts) return;
      // Before anything is decided: what it replayed, and nothing else.
      const compare = (state: State) => {
        const difference = auditor.differenceOf(digestOf(state));
        auditor.verdict.check(
          difference === undefined,
          () => `a replay of the journal came to another state: ${difference}`,
        );
      };
      void master.look(compare).catch(() => undefined);
    }, onFatal);
  }

  /** A process has ended by itself: by a fault of its disk, or by a bug. */
  #failed(clock: ProcessClock, error: unknown): void {
    if (clock.isDead) return;
    const { disk, auditor } = this.#parts;
    if (isOfDisk(error)) {
      const { storage } = disk;
      const cut = storage.syncFails ? this.cutOnFailure : undefined;
      if (cut !== undefined) auditor.gate("the power went");
      else if (storage.syncFails) auditor.gate("an fsync failed and the master ended");
      else if (storage.bytesUntilWriteFails <= 0) {
        auditor.gate("a write failed and the master ended");
      }
      this.#repair();
      if (cut === undefined) storage.killProcess();
      else storage.cutPower(cut);
      this.#ended();
      return;
    }
    auditor.verdict.fail(`the master ended by itself: ${describe(error)}`);
  }
}

function isOfDisk(error: unknown): boolean {
  if (error instanceof JournalError) return error.kind === "disk_full" || error.kind === "failed";
  return error instanceof JournalFailure;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
