/** From the least to the most that is allowed, both included. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

const yearMs = 365 * 24 * 3_600_000;

/** What the numbers of a master may be; those of a session are the contract's (`Registered`). */
export const masterRanges = {
  /** A tenth of a second to an hour. */
  leaseTermMs: { least: 100, most: 3_600_000 },
  /** And shorter than the lease term. */
  pingIntervalMs: { least: 50, most: 600_000 },
  /** A second to ten years; of both kinds of jobs that have ended. */
  retentionMs: { least: 1_000, most: 10 * yearMs },
  segmentMib: { least: 1, most: 1_024 },
  /** 0: no snapshot is made. */
  snapshotSegments: { least: 0, most: 10_000 },
} as const satisfies Record<string, Range>;

/** @returns whether a number is a whole one and within its range; one that is not given is */
export function isWithin(value: number | undefined, { least, most }: Range): boolean {
  if (value === undefined) return true;
  return Number.isSafeInteger(value) && value >= least && value <= most;
}
