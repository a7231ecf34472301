/** What the workers measured, added up for one run of the job, and judged. */
import type { machines } from "./fleet.js";
import type { SettledTask } from "./meter.js";
import type { Distance } from "./place.js";

/** What the example promises, and fails without. */
export const promises = {
  /** Least share of offered slot time in which a worker has work, while there is work for it. */
  busyShare: 0.85,
  /** Least share of map tasks that run on the host of their data. */
  hostShare: 0.7,
  /** That share in the run that ignores the place of data is at most this part of the other's. */
  blindPart: 0.5,
} as const;

/** How one worker fared. */
export interface WorkerFigures {
  readonly host: string;
  readonly rack: string;
  readonly slots: number;
  /** Tasks done, of both stages. */
  readonly tasks: number;
  /** Time from start to settlement over offered slot time, while map tasks were pending. 0 to 1. */
  readonly busyShare: number;
  /** The most handlers that were ever at work at once. */
  readonly mostAtOnce: number;
}

/** How one run of the job fared. */
export interface Figures {
  readonly workers: readonly WorkerFigures[];
  /** Where map tasks ran, as seen from their data. Shares, together 1. */
  readonly shares: Readonly<Record<Distance, number>>;
  /** From the start of a map task to its settlement, on average. Milliseconds. */
  readonly mapMs: number;
  /** Attempts beyond each task's first. */
  readonly retries: number;
  /** From submit to result. Milliseconds. */
  readonly elapsedMs: number;
}

/** Adds up what the workers reported of one run. */
export function figuresOf(
  fleet: typeof machines,
  settled: readonly SettledTask[],
  run: Pick<Figures, "retries" | "elapsedMs">,
): Figures {
  const maps = settled.filter(({ stage }) => stage === "map");
  const share = (distance: Distance) =>
    maps.filter((task) => task.distance === distance).length / maps.length;
  const pending = pendingTime(maps);
  return {
    workers: fleet.map((machine) => {
      const own = settled.filter(({ host }) => host === machine.host);
      return {
        ...machine,
        tasks: own.filter(({ outcome }) => outcome === "succeeded").length,
        busyShare: busyMs(own, pending) / (machine.slots * (pending.to - pending.from)),
        mostAtOnce: Math.max(0, ...own.map(({ atOnce }) => atOnce)),
      };
    }),
    mapMs: maps.reduce((sum, task) => sum + task.settledAt - task.startedAt, 0) / maps.length,
    shares: { host: share("host"), rack: share("rack"), remote: share("remote") },
    ...run,
  };
}

/**
 * While are map tasks pending? From the first start anywhere to the last one: until then there is always
 * a task that nobody has been given, and every task fits every worker.
 */
function pendingTime(maps: readonly SettledTask[]) {
  const starts = maps.map(({ startedAt }) => startedAt);
  return { from: Math.min(...starts), to: Math.max(...starts) };
}

function busyMs(tasks: readonly SettledTask[], time: { from: number; to: number }): number {
  return tasks.reduce((sum, { startedAt, settledAt }) => {
    const within = Math.min(settledAt, time.to) - Math.max(startedAt, time.from);
    return sum + Math.max(0, within);
  }, 0);
}

/** What must never be, however small the input: a worker that was given more than it has room for. */
export function overfull({ workers }: Figures): string[] {
  return workers
    .filter(({ mostAtOnce, slots }) => mostAtOnce > slots)
    .map(
      ({ host, mostAtOnce, slots }) =>
        `${host} had ${mostAtOnce} handlers at work at once, and has ${slots} slots`,
    );
}

/** Which promises the run near the data does not keep, beside the one that ignores its place. */
export function brokenPromises(near: Figures, blind: Figures): string[] {
  const faults: string[] = [];
  for (const { host, busyShare } of near.workers) {
    if (busyShare >= promises.busyShare) continue;
    const full = `${percent(busyShare)} full while there was work for it`;
    faults.push(`${host} was kept ${full} ${atLeast("busyShare")}`);
  }
  if (near.shares.host < promises.hostShare) {
    const share = percent(near.shares.host);
    faults.push(`${share} of map tasks ran on their data's own host ${atLeast("hostShare")}`);
  }
  if (blind.shares.host > near.shares.host * promises.blindPart) {
    const shares = `${percent(blind.shares.host)}, beside ${percent(near.shares.host)}`;
    faults.push(
      `ignoring the place of data made too little difference to where tasks ran: ${shares}`,
    );
  }
  if (blind.elapsedMs <= near.elapsedMs) {
    const times = `${seconds(blind.elapsedMs)}, beside ${seconds(near.elapsedMs)}`;
    faults.push(`ignoring the place of data took no longer: ${times}`);
  }
  return faults;
}

function atLeast(promise: "busyShare" | "hostShare"): string {
  return `(at least ${percent(promises[promise])} is promised)`;
}

/** A share for people: `86 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(share >= 0.995 || share === 0 ? 0 : 1)} %`;
}

/** A time for people: `4.1 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
