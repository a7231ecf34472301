import { LinearScan } from "../decide/linear-scan.js";
import { type Levels, Placer } from "../decide/placer.js";
import { demands } from "../decide/world.js";
import { serve } from "../support/remote.js";
import { quantile, round } from "../support/statistics.js";

/** One size: how many tasks wait, in how many bags, for how many workers. */
export interface Size {
  readonly pending: number;
  readonly workers: number;
  readonly bags: number;
  /** How many placements are measured. */
  readonly count: number;
}

/** What was measured of it. */
export interface Placed extends Size {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly accepted: number;
  readonly levels: Levels;
  /** How many leases the workers held, and how many tasks waited at the end. */
  readonly leases: number;
  readonly pendingAfter: number;
  /** A whole round of placement after one task has ended, as in a turn of the engine. */
  readonly round: { readonly p50: number; readonly p99: number };
}

/** What the walk took. */
export interface Scanned {
  readonly pending: number;
  readonly p50: number;
  readonly p99: number;
  readonly accepted: number;
  readonly local: number;
}

/** What can be asked of the process. */
export type DeciderCalls = {
  place: (size: Size) => Placed;
  /** @param oneJob all tasks are one job's, else as many jobs as bags */
  scan: (argument: { readonly size: Size; readonly oneJob: boolean }) => Scanned;
};

/** How many placements go before those that are measured, as a share of them. */
const warmUpShare = 0.2;
/** Rounds are looked at beside: fewer say enough. */
const roundShare = 0.002;

function place(size: Size): Placed {
  const { pending, workers, bags, count } = size;
  const bagTasks = pending / bags;
  const placer = new Placer(workers);
  placer.fill();
  for (let bag = 0; bag < bags; bag++) placer.submit(bag % demands.length, bagTasks);
  placer.measure(Math.ceil(count * warmUpShare));
  const { tookUs, levels } = placer.measure(count);
  const leases = placer.leases;
  const pendingAfter = placer.pending;
  placer.settle();
  const rounds = placer.measureRounds(Math.max(1, Math.ceil(count * roundShare)));
  if (workers * count < 1e7) placer.check();
  return {
    ...size,
    p50: round(quantile(tookUs, 0.5), 2),
    p99: round(quantile(tookUs, 0.99), 2),
    max: round(Math.max(...tookUs), 1),
    accepted: levels[0] + levels[1] + levels[2] + levels[3],
    levels,
    leases,
    pendingAfter,
    round: { p50: round(quantile(rounds, 0.5), 2), p99: round(quantile(rounds, 0.99), 2) },
  };
}

function scan({ size, oneJob }: { readonly size: Size; readonly oneJob: boolean }): Scanned {
  const { pending, workers, bags, count } = size;
  const scanned = new LinearScan(workers);
  if (oneJob) scanned.submit(0, pending);
  else for (let bag = 0; bag < bags; bag++) scanned.submit(bag % demands.length, pending / bags);
  scanned.measure(Math.ceil(count * warmUpShare));
  const { tookUs, local } = scanned.measure(count);
  return {
    pending,
    p50: round(quantile(tookUs, 0.5), 2),
    p99: round(quantile(tookUs, 0.99), 2),
    accepted: tookUs.length,
    local,
  };
}

serve({ place, scan } satisfies DeciderCalls);
