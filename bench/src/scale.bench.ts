// Question: how long does the master's event loop stand still at the most, with ten thousand workers, a million tasks
// that wait, ten thousand of them ending a second, a hundred thousand jobs of one task coming meanwhile, and when the
// whole fleet is gone at once? The engine is the master's, over the default journal; workers and clients are in its
// process, without a wire, so that two cores can have so many.
// Beside it: the loop of a process that only waits, on the same machine in the same seconds.
import type { CrowdCalls, Phase } from "./processes/crowd.js";
import { type LoopDelay, LoopWatch } from "./support/loop-delay.js";
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

const defaultTasks = 1_000_000;
const defaultRuns = 1;
/** Of a phase with a load, however few tasks there are. */
const minSeconds = 0.5;
const workersMax = 10_000;
const load = { seconds: 10, endsPerSecond: 10_000, jobsPerSecond: 10_000 };

interface Watched extends Phase {
  readonly name: string;
  /** Of the bench's own process, which only waits meanwhile. */
  readonly idle: LoopDelay;
}

/** See the head of the file. */
export async function scaleBench(scratch: Scratch, options: BenchOptions): Promise<Finding> {
  const tasks = options.count ?? defaultTasks;
  const share = shareOf(tasks, defaultTasks);
  const workers = Math.max(2, Math.round(workersMax * share));
  const runs: Watched[][] = [];
  for (let run = 0; run < (options.runs ?? defaultRuns); run++) {
    runs.push(await measure(scratch, tasks, workers, Math.max(minSeconds, load.seconds * share)));
  }
  return describe(tasks, workers, runs);
}

async function measure(
  scratch: Scratch,
  tasks: number,
  workers: number,
  seconds: number,
): Promise<Watched[]> {
  const crowd = new Remote<CrowdCalls>(scratch, "crowd");
  const directory = scratch.folder();
  const phases: Watched[] = [];
  const watch = async (name: string, work: Promise<Phase>): Promise<void> => {
    const idle = new LoopWatch();
    idle.begin();
    const phase = await work;
    phases.push({
      name,
      ...phase,
      ms: round(phase.ms),
      turnMs: round(phase.turnMs, 1),
      idle: idle.end(),
    });
  };
  await watch("workers register", crowd.call("gather", { directory, workers }));
  await watch("tasks are uploaded and placed", crowd.call("upload", { tasks }));
  // First without jobs beside: ends of tasks alone.
  await watch("tasks end", crowd.call("work", { ...load, seconds, jobsPerSecond: 0 }));
  await watch("and jobs come", crowd.call("work", { ...load, seconds }));
  await watch("all workers are gone", crowd.call("scatter", null));
  await crowd.call("close", null);
  await crowd.close();
  const [registered, uploaded, ended, beside, lost] = phases;
  const isWhole =
    registered?.accepted === workers && uploaded?.accepted === tasks && lost?.accepted === workers;
  const counts = phases.map(({ name, accepted, jobs }) => ({ name, accepted, jobs }));
  if (!isWhole || !ended?.accepted || !beside?.accepted) {
    throw new Error(`not all was accepted: ${JSON.stringify(counts)}`);
  }
  return phases;
}

function describe(tasks: number, workers: number, runs: readonly Watched[][]): Finding {
  const longest = (delay: (phase: Watched) => LoopDelay) =>
    round(median(runs.map((phases) => Math.max(...phases.map((phase) => delay(phase).max)))), 1);
  const value = longest(({ loop }) => loop);
  const idle = longest((phase) => phase.idle);
  const report = {
    bench: "scale",
    value,
    unit: "ms",
    ratio: round(value / Math.max(idle, 0.1), 2),
    beside: { what: "the longest stop of a loop that only waits", value: idle, unit: "ms" },
    detail: { tasks, workers, load, runs, machine: machine() },
  };
  const table = [
    [
      "phase",
      "accepted count",
      "jobs",
      "ms",
      "longest turn ms",
      "loop max ms",
      "loop p99 ms",
      "idle loop max ms",
    ],
    ...runs
      .flat()
      .map(({ name, accepted, jobs, ms, turnMs, loop, idle: beside }) => [
        name,
        formatNumber(accepted),
        formatNumber(jobs),
        formatNumber(ms),
        turnMs.toFixed(1),
        loop.max.toFixed(1),
        loop.p99.toFixed(1),
        beside.max.toFixed(1),
      ]),
  ];
  const notes = [
    `${formatNumber(workers)} workers, ${formatNumber(tasks)} tasks. Everything that was asked was accepted.`,
  ];
  return { report, table, notes };
}
