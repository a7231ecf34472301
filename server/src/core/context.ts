import type { DurationMs, JournalMs, WallMs } from "./ids.js";

/** When an entry of the journal was decided. All events of an entry share it. */
export interface Stamp {
  readonly now: JournalMs;
  readonly wall: WallMs;
}

/** Everything that a decision may use besides the state and the command. */
export interface Context extends Stamp {
  /**
   * The clock of lease terms: `now` less all the time in which the master itself stood still or
   * the journal was blocked. A term never runs out because of the master.
   */
  readonly termNow: JournalMs;
  /** Uniform in [0, 2^32). The engine draws it, so that a simulation can repeat it. */
  readonly draw: () => number;
  /** The epoch of the journal's claim; goes into new tokens. */
  readonly epoch: number;
  /** The id that the first blob of this command will have, if the command is accepted. */
  readonly firstBlob: number;
}

/** What a master is set to. The same in every decision of a process. */
export interface Settings {
  /** How long a lease holds without renewal. Default 15,000. */
  readonly leaseTermMs: DurationMs;
  /** How long an assignment may stay unreceived. Default 5,000. */
  readonly receiptTimeoutMs: DurationMs;
  /** How much later than the worker the master acts on an attempt's time-out. Default 5,000. */
  readonly timeoutGraceMs: DurationMs;
  /**
   * How long a job that has ended stays in the master's memory at least. It leaves only when history has it.
   * Default 60,000.
   */
  readonly retireAfterMs: DurationMs;
  /** How long an idempotency key holds at least, from its submit on. Default 86,400,000 (24 h). */
  readonly keyRetentionMs: DurationMs;
}

/** The defaults of design.md, sections 1 and 2. */
export const defaultSettings: Settings = {
  leaseTermMs: 15_000,
  receiptTimeoutMs: 5_000,
  timeoutGraceMs: 5_000,
  retireAfterMs: 60_000,
  keyRetentionMs: 86_400_000,
};

/** The most tasks that one event covers; larger changes are a flag and a sweep. */
export const eventTasksMax = 4_096;
