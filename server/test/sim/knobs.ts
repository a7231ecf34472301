import type { FaultClass } from "./faults/classes.js";
import { faultClasses } from "./faults/classes.js";
import type { Random } from "./random.js";

/** What a seed has drawn: who is there, how things are set, and which faults befall them. */
export interface Knobs {
  /** Actions of clients in the first phase; undefined: as many as {@link enoughCommands} take. */
  readonly steps: number | undefined;
  readonly faults: ReadonlySet<FaultClass>;
  /** How long until the next fault of a class, on average. */
  readonly faultEveryMs: number;
  readonly workers: number;
  readonly liars: number;
  readonly clients: number;
  /**
   * Actions of clients that come at a time. Workers have as many times the room, and most tasks are as much shorter:
   * whole crowds are placed, run and settled at once, where with 1 nearly everything happens alone.
   */
  readonly crowd: 1 | 8 | 32;
  /** Between two actions of all clients, on average. */
  readonly actionEveryMs: number;
  /** The first phase takes at least so long. */
  readonly leastMs: number;
  readonly leaseTermMs: number;
  readonly receiptTimeoutMs: number;
  readonly retireAfterMs: number;
  readonly keyRetentionMs: number;
  readonly payloadBudgetBytes: number;
  readonly segmentBytes: number;
  /** Closed segments after which a snapshot is made; 0: never. */
  readonly snapshotSegments: number;
  /** One way through the network: at least, and beyond that on average. */
  readonly delayBaseMs: number;
  readonly delayMoreMs: number;
  /** One operation of the disk. */
  readonly diskMs: number;
  /** Between a death of the master and its next process. */
  readonly downMs: number;
}

/** Accepted commands of a whole run: 10,000, and a few on which nothing may rest. */
export const enoughCommands = 10_050;

/** Actions that this takes, more or less: in a crowd more is done by one command. */
const usualSteps = { 1: 380, 8: 420, 32: 500 } as const;

const hourMs = 3_600_000;

/** @param only the faults that may be chosen; undefined: any */
export function drawKnobs(
  random: Random,
  steps: number | undefined,
  only: readonly FaultClass[] | undefined,
): Knobs {
  // Every draw is made whatever is left out, so that a run with fewer faults is otherwise the same.
  const chosen = faultClasses.filter(() => random.chance(0.4));
  const faults = new Set(chosen.filter((fault) => only?.includes(fault) ?? true));
  const knobs: Omit<Knobs, "steps" | "faults" | "actionEveryMs" | "leastMs"> = {
    faultEveryMs: random.pick([60_000, 150_000, 400_000]),
    workers: random.integer(3, 6),
    liars: random.chance(0.3) ? 1 : 0,
    clients: random.integer(2, 4),
    leaseTermMs: random.pick([9_000, 30_000, 60_000]),
    receiptTimeoutMs: random.pick([2_000, 5_000, 5_000]),
    retireAfterMs: random.pick([1_000, 60_000, 60_000, 600_000]),
    keyRetentionMs: random.pick([300_000, 86_400_000, 86_400_000]),
    payloadBudgetBytes: random.pick([0, 20_000, 1_000_000]),
    segmentBytes: random.pick([60_000, 60_000, 600_000, 4_000_000]),
    snapshotSegments: random.pick([0, 1, 3, 6]),
    delayBaseMs: random.pick([0.1, 1, 20]),
    delayMoreMs: random.pick([0.5, 5, 50]),
    diskMs: random.pick([0.2, 2, 10]),
    downMs: random.pick([500, 3_000, 20_000]),
    crowd: random.pick([1, 8, 8, 8, 32, 32] as const),
  };
  // A run of fewer steps is the beginning of the whole.
  const actionEveryMs = hourMs / usualSteps[knobs.crowd];
  return { ...knobs, steps, faults, actionEveryMs, leastMs: steps === undefined ? hourMs : 0 };
}
