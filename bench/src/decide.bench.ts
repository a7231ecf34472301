// Question: what does one placement cost the core, decide and apply, and does that stay flat as the backlog and the
// number of workers grow? Workers are full: a task ends, its worker is given another, and a job that is all placed
// is followed by one like it, so that the backlog keeps its size. Beside it: the linear scan of Hadoop 0.15 over the
// same tasks. Each size has a process of its own.
import { demands } from "./decide/world.js";
import { type DeciderCalls, type Placed, type Scanned, type Size } from "./processes/decider.js";
import { Remote } from "./support/remote.js";
import {
  type BenchOptions,
  type Finding,
  formatNumber,
  machine,
  shareOf,
} from "./support/report.js";
import type { Scratch } from "./support/scratch.js";
import { median, round } from "./support/statistics.js";

const defaultPending = 1_000_000;
const defaultRuns = 3;
const defaultWorkers = [1_000, 10_000];
const defaultBags = 1_000;
const defaultPlacements = 100_000;
const defaultScans = 300;
/** A walk over more tasks than these, three hundred times, is not worth the wait. */
const scanPendingMax = 100_000;

/** See the head of the file. */
export async function decideBench(scratch: Scratch, options: BenchOptions): Promise<Finding> {
  const most = options.count ?? defaultPending;
  const runCount = options.runs ?? defaultRuns;
  const sizes = sizesOf(most);
  const largest = sizes[sizes.length - 1] as Size;
  const runs: Placed[][] = [];
  for (let run = 0; run < runCount; run++) {
    const placed: Placed[] = [];
    for (const size of sizes) placed.push(await inProcess(scratch, (call) => call("place", size)));
    placed.forEach(check);
    runs.push(placed);
  }
  const scans: { readonly asJobs: Scanned; readonly asOneJob: Scanned }[] = [];
  const count = Math.ceil(defaultScans * shareOf(most, defaultPending));
  for (const { pending, workers, bags } of sizes) {
    if (workers !== largest.workers || pending > scanPendingMax) continue;
    const size = { pending, workers, bags, count };
    const scan = (oneJob: boolean) => inProcess(scratch, (call) => call("scan", { size, oneJob }));
    scans.push({ asJobs: await scan(false), asOneJob: await scan(true) });
  }
  return describe(sizes, runs, scans);
}

function sizesOf(most: number): Size[] {
  const share = shareOf(most, defaultPending);
  const count = Math.ceil(defaultPlacements * share);
  return defaultWorkers.flatMap((workers) =>
    [1_000, 100, 10, 1].map((part) => {
      // A bag has a whole number of tasks.
      const bags = Math.max(1, Math.min(defaultBags, Math.floor(most / part)));
      const pending = bags * Math.max(1, Math.floor(most / part / bags));
      return { pending, workers: Math.max(4, Math.ceil(workers * share)), bags, count };
    }),
  );
}

async function inProcess<T>(
  scratch: Scratch,
  work: (call: Remote<DeciderCalls>["call"]) => Promise<T>,
): Promise<T> {
  const remote = new Remote<DeciderCalls>(scratch, "decider");
  const answer = await work(remote.call.bind(remote));
  await remote.close();
  return answer;
}

/** @throws Error unless what was measured was placements, as many as asked, in front of the backlog that was asked */
function check(placed: Placed): void {
  const { count, accepted, levels, pending, bags, pendingAfter, leases } = placed;
  // Of each demand one job at most is placed in part: the next comes when it is done.
  const under = pending - pendingAfter;
  const isKept = under >= 0 && under < demands.length * (pending / bags);
  const isWhole = accepted === count && levels[3] === 0 && isKept && leases > 0;
  if (!isWhole) throw new Error(`not what was asked: ${JSON.stringify(placed)}`);
}

/** The middle of what the runs say of a size. */
function middle(runs: readonly (readonly Placed[])[], at: number, of: (placed: Placed) => number) {
  return round(median(runs.map((run) => of(run[at] as Placed))), 2);
}

function describe(
  sizes: readonly Size[],
  runs: readonly (readonly Placed[])[],
  scans: readonly { readonly asJobs: Scanned; readonly asOneJob: Scanned }[],
): Finding {
  const medians = sizes.map((size, at) => ({
    ...size,
    p50: middle(runs, at, ({ p50 }) => p50),
    p99: middle(runs, at, ({ p99 }) => p99),
    roundP50: middle(runs, at, (placed) => placed.round.p50),
    roundP99: middle(runs, at, (placed) => placed.round.p99),
  }));
  const last = medians[medians.length - 1] as (typeof medians)[number];
  const first = medians[medians.length - 4] as (typeof medians)[number];
  const scan = scans[scans.length - 1] as (typeof scans)[number];
  const report = {
    bench: "decide",
    value: last.p50,
    unit: "us/placement",
    ratio: round(last.p50 / first.p50, 3),
    beside: {
      what:
        `a linear scan of one job of ${formatNumber(scan.asOneJob.pending)}, p50; ` +
        `the ratio is over the p50 at ${formatNumber(first.pending)} pending`,
      value: scan.asOneJob.p50,
      unit: "us",
    },
    detail: { medians, runs, scans, machine: machine() },
  };
  const row = (what: string, size: Size, p50: number, p99: number) => [
    what,
    formatNumber(size.pending),
    formatNumber(size.workers),
    formatNumber(size.count),
    p50.toFixed(2),
    p99.toFixed(2),
  ];
  const table = [
    ["placement", "pending", "workers", "count", "p50 us", "p99 us"],
    ...medians.map((size) => row("place", size, size.p50, size.p99)),
    ...medians.map((size) => row("a round for one", size, size.roundP50, size.roundP99)),
    ...scans.flatMap(({ asJobs, asOneJob }) => {
      const size = { ...last, pending: asJobs.pending, count: asJobs.accepted };
      return [
        row("scan, as many jobs", size, asJobs.p50, asJobs.p99),
        row("scan, one job", size, asOneJob.p50, asOneJob.p99),
      ];
    }),
  ];
  const accepted = runs.flat().reduce((sum, { accepted }) => sum + accepted, 0);
  const [host, rack, anywhere] = (runs[0]?.[sizes.length - 1] as Placed).levels;
  const notes = [
    `All ${formatNumber(accepted)} placements were accepted. Of the last size's, in the first run:`,
    `${formatNumber(host)} on a host of their data, ${formatNumber(rack)} in a rack, ${formatNumber(anywhere)} elsewhere.`,
  ];
  return { report, table, notes };
}
