// Question: how long does one task take when nothing else goes on, from the call that submits it to its result in
// the hands of the client that did? Beside it: what such a task cannot do without, measured in the same run. It
// becomes durable twice (accepted and given out; ended), and it crosses a stream four times (client to master to
// worker, and back): two commits, and two echo round trips. A commit is made in a thread of its own, as a master's
// must be; what the disk alone takes stands in the detail.
import { commitFloor, diskFloor } from "./support/commit-floor.js";
import { Echo } from "./support/echo.js";
import { startFleet } from "./support/fleet.js";
import {
  type BenchOptions,
  type Finding,
  formatNumber,
  machine,
  shareOf,
} from "./support/report.js";
import type { Scratch } from "./support/scratch.js";
import { quantile, round } from "./support/statistics.js";

const defaultCount = 500;
const defaultRuns = 4;
const defaultWarmUp = 200;
/** Before anything is measured: all processes start cold, and what is measured is no start. */
const defaultFirstWarmUp = 10_000;
const commitsOfATask = 2;
const echoRoundTripsOfATask = 2;

/** Every value of one kind, and where its middle and its tail lie. Milliseconds. */
interface Sample {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/** See the head of the file. */
export async function latencyBench(scratch: Scratch, options: BenchOptions): Promise<Finding> {
  const count = options.count ?? defaultCount;
  const runCount = options.runs ?? defaultRuns;
  const share = shareOf(count, defaultCount);
  const warmUp = Math.ceil(defaultWarmUp * share);
  const firstWarmUp = Math.ceil(defaultFirstWarmUp * share);
  const echo = await Echo.start(scratch);
  // A worker as it comes: one slot, nothing ahead.
  const fleet = await startFleet(scratch, {});
  const tasks: number[][] = [];
  const echoes: number[][] = [];
  const commits: number[][] = [];
  const syncs: number[][] = [];
  await fleet.submitter.call("roundTrips", { warmUp: firstWarmUp, count: 0 });
  await echo.pingPong(firstWarmUp, 1);
  for (let run = 0; run < runCount; run++) {
    echoes.push(await echo.pingPong(warmUp, count));
    syncs.push(diskFloor(fleet.folder, warmUp, count));
    commits.push(await commitFloor(fleet.folder, warmUp, count));
    tasks.push(await fleet.submitter.call("roundTrips", { warmUp, count }));
  }
  // Each was submitted, settled and seen by its client: the client has counted, now the worker is asked.
  const submitted = firstWarmUp + runCount * (warmUp + count);
  const outcomes = await fleet.worker.call("outcomes", null);
  if (outcomes["succeeded"] !== submitted || Object.keys(outcomes).length !== 1) {
    throw new Error(`of ${String(submitted)} tasks the worker saw ${JSON.stringify(outcomes)}`);
  }
  await fleet.close();
  await echo.close();
  return describe({ tasks, echoes, commits, syncs, submitted, firstWarmUp });
}

function describe(found: {
  readonly tasks: readonly (readonly number[])[];
  readonly echoes: readonly (readonly number[])[];
  readonly commits: readonly (readonly number[])[];
  readonly syncs: readonly (readonly number[])[];
  readonly submitted: number;
  readonly firstWarmUp: number;
}): Finding {
  const task = sampleOf(found.tasks.flat());
  const echo = sampleOf(found.echoes.flat());
  const commit = sampleOf(found.commits.flat());
  const sync = sampleOf(found.syncs.flat());
  const floor = round(commitsOfATask * commit.p50 + echoRoundTripsOfATask * echo.p50, 3);
  const report = {
    bench: "latency",
    value: task.p50,
    unit: "ms",
    ratio: round(task.p50 / floor, 3),
    beside: { what: "two commits and four hops of a stream, p50", value: floor, unit: "ms" },
    detail: {
      p50: task.p50,
      p99: task.p99,
      accepted: found.submitted,
      measured: task.count,
      warmUp: found.firstWarmUp,
      commit,
      diskAlone: sync,
      echoRoundTrip: echo,
      runs: found.tasks.map((times, run) => ({
        task: sampleOf(times),
        commit: sampleOf(found.commits[run] ?? []),
        echoRoundTrip: sampleOf(found.echoes[run] ?? []),
      })),
      machine: machine(),
    },
  };
  const row = (what: string, sample: Sample) => [
    what,
    formatNumber(sample.count),
    sample.p50.toFixed(3),
    sample.p99.toFixed(3),
  ];
  const table = [
    ["what", "count", "p50 ms", "p99 ms"],
    row("task, submit to result", task),
    row("commit (write, fdatasync, in a thread)", commit),
    row("the disk alone (write, fdatasync)", sync),
    row("echo round trip, 1 item", echo),
    ...found.tasks.map((times, run) => row(`task, run ${String(run + 1)}`, sampleOf(times))),
  ];
  const notes = [
    `All ${formatNumber(found.submitted)} tasks, warm-up included, were accepted and succeeded.`,
  ];
  return { report, table, notes };
}

function sampleOf(timesMs: readonly number[]): Sample {
  return {
    count: timesMs.length,
    p50: round(quantile(timesMs, 0.5), 3),
    p99: round(quantile(timesMs, 0.99), 3),
  };
}
