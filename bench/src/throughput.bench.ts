// Question: how many tasks a second go through the whole of it, from the start of the submit to the last result
// that the master has made durable and confirmed, and that its history knows of? The handlers do nothing, so that
// what is left is Capstan. And what is lost of it when each job is submitted by a call of its own?
// Beside it: how many items of an assignment's size a bare stream of grpc-js carries to another process and back,
// on the same machine in the same minutes. Absolute figures say little about another machine; the ratio does.
import type { EchoFlood } from "./processes/echo-client.js";
import { Echo, echoItemBytes } from "./support/echo.js";
import { payloadBytes } from "./support/echo-service.js";
import { type Fleet, startFleet } from "./support/fleet.js";
import {
  type BenchOptions,
  type Finding,
  formatNumber,
  machine,
  shareOf,
} from "./support/report.js";
import type { Scratch } from "./support/scratch.js";
import { median, round } from "./support/statistics.js";

const defaultTasks = 200_000;
const defaultRuns = 3;
/** One-task jobs are half as many as tasks. */
const jobsPerTask = 0.5;
/** Jobs that are submitted each by a call of its own, and as many in bulk: a twentieth. */
const singlesPerTask = 0.05;
/** What goes before each run, as a share of it, as each flood of the echo has its start left out. */
const runUpShare = 0.25;

const defaultFloodWarmUpMs = 500;
const defaultFloodMs = 1_500;

/**
 * One process that runs what takes no time: what bounds it is how many leases may be on the way at once.
 * 4,096 is the most that the protocol allows; as many slots leave nothing to prefetch.
 */
const worker = { slots: 4_096, maxTasks: 4_096 };

/** One measured run. */
interface Run {
  readonly perSecond: number;
  /** From the start of the submit to the last result settled, and history caught up with it. */
  readonly ms: number;
  /** How long history was in catching up, after the last result was settled. */
  readonly historyMs: number;
  /** From the start of the submit to its last acknowledgement. */
  readonly submitMs: number;
  /** What the submitter was told was accepted. */
  readonly accepted: number;
  /** What the worker was told was settled as succeeded, in this run. */
  readonly settled: number;
  /** What the master says has succeeded. */
  readonly succeeded: number;
}

/** See the head of the file. */
export async function throughputBench(scratch: Scratch, options: BenchOptions): Promise<Finding> {
  const tasks = options.count ?? defaultTasks;
  const jobs = Math.ceil(tasks * jobsPerTask);
  const singles = Math.ceil(tasks * singlesPerTask);
  const runCount = options.runs ?? defaultRuns;
  const share = shareOf(tasks, defaultTasks);
  const floodWarmUpMs = Math.ceil(defaultFloodWarmUpMs * share);
  const floodMs = Math.ceil(defaultFloodMs * share);
  const echo = await Echo.start(scratch);
  // A fleet for each kind of work, kept for all its runs: processes start cold, and a first run that nobody
  // looks at warms them, as the echo's are warmed.
  const ofTasks = await startFleet(scratch, worker);
  const ofJobs = await startFleet(scratch, worker);
  await measureOneJob(ofTasks, tasks);
  await measureOneTaskJobs(ofJobs, "first", jobs);
  const floods: EchoFlood[][] = [await echo.floods(floodWarmUpMs, floodMs)];
  const oneJob: Run[] = [];
  const oneTaskJobs: Run[] = [];
  const inBulk: Run[] = [];
  const singly: Run[] = [];
  for (let run = 0; run < runCount; run++) {
    oneJob.push(await measureOneJob(ofTasks, tasks));
    floods.push(await echo.floods(floodWarmUpMs, floodMs));
    oneTaskJobs.push(await measureOneTaskJobs(ofJobs, `run-${String(run + 1)}`, jobs));
    floods.push(await echo.floods(floodWarmUpMs, floodMs));
    inBulk.push(await measureOneTaskJobs(ofJobs, `bulk-${String(run + 1)}`, singles));
    singly.push(await measureOneTaskJobs(ofJobs, `single-${String(run + 1)}`, singles, true));
  }
  await ofTasks.close();
  await ofJobs.close();
  await echo.close();
  return describe({ tasks, jobs, singles, floods, oneJob, oneTaskJobs, inBulk, singly });
}

async function measureOneJob({ submitter, worker }: Fleet, count: number): Promise<Run> {
  const runUp = Math.ceil(count * runUpShare);
  const seen = await worker.call("outcomes", null);
  await submitter.call("submitTasks", { count: runUp });
  await worker.call("succeeded", (seen["succeeded"] ?? 0) + runUp);

  const before = await worker.call("outcomes", null);
  const done = worker.call("succeeded", (before["succeeded"] ?? 0) + count);
  const [times, settledAt] = await Promise.all([submitter.call("submitTasks", { count }), done]);
  const endedAt = await submitter.call("historyCaughtUp", null);
  const succeeded = await submitter.call("succeededTasks", times.jobId);
  return runOf(
    { count, times, settledAt, endedAt, succeeded, before },
    await worker.call("outcomes", null),
  );
}

async function measureOneTaskJobs(
  { submitter, worker }: Fleet,
  name: string,
  count: number,
  isSingly = false,
): Promise<Run> {
  const runUp = Math.ceil(count * runUpShare);
  const seen = await worker.call("outcomes", null);
  await submitter.call("submitJobs", { name: `${name}-run-up`, count: runUp });
  await worker.call("succeeded", (seen["succeeded"] ?? 0) + runUp);

  const before = await worker.call("outcomes", null);
  const done = worker.call("succeeded", (before["succeeded"] ?? 0) + count);
  const submit = submitter.call(isSingly ? "submitSingly" : "submitJobs", { name, count });
  const [times, settledAt] = await Promise.all([submit, done]);
  const endedAt = await submitter.call("historyCaughtUp", null);
  const succeeded = await submitter.call("succeededJobs", name);
  return runOf(
    { count, times, settledAt, endedAt, succeeded, before },
    await worker.call("outcomes", null),
  );
}

/** @throws Error unless every count agrees: a bench of refused or lost work measures nothing */
function runOf(
  found: {
    readonly count: number;
    readonly times: { startedAt: number; acceptedAt: number; accepted: number };
    readonly settledAt: number;
    readonly endedAt: number;
    readonly succeeded: number;
    /** What the worker had been told before. */
    readonly before: Readonly<Record<string, number>>;
  },
  outcomes: Readonly<Record<string, number>>,
): Run {
  const { count, times, settledAt, endedAt, succeeded, before } = found;
  const { succeeded: settledInAll = 0, ...others } = outcomes;
  const settled = settledInAll - (before["succeeded"] ?? 0);
  const counts = { accepted: times.accepted, settled, succeeded };
  const isWhole = Object.values(counts).every((seen) => seen === count);
  if (!isWhole || Object.values(others).some((seen) => seen > 0)) {
    const seen = JSON.stringify({ ...counts, otherOutcomes: others });
    throw new Error(`of ${String(count)} tasks not all went through once: ${seen}`);
  }
  const ms = endedAt - times.startedAt;
  return {
    perSecond: round((count / ms) * 1_000),
    ms: round(ms, 1),
    submitMs: round(times.acceptedAt - times.startedAt, 1),
    historyMs: round(endedAt - settledAt, 1),
    ...counts,
  };
}

interface Found {
  readonly tasks: number;
  readonly jobs: number;
  readonly singles: number;
  readonly floods: readonly (readonly EchoFlood[])[];
  readonly oneJob: readonly Run[];
  readonly oneTaskJobs: readonly Run[];
  readonly inBulk: readonly Run[];
  readonly singly: readonly Run[];
}

function describe(found: Found): Finding {
  const { tasks, jobs, singles, floods, oneJob, oneTaskJobs, inBulk, singly } = found;
  const shapes = medianByShape(floods.flat());
  const best = shapes.reduce((a, b) => (b.itemsPerSecond > a.itemsPerSecond ? b : a));
  const perSecond = median(oneJob.map((run) => run.perSecond));
  const jobsPerSecond = median(oneTaskJobs.map((run) => run.perSecond));
  const ratio = round(perSecond / best.itemsPerSecond, 3);
  const ratioToOneJob = round(jobsPerSecond / perSecond, 3);
  const bulkPerSecond = median(inBulk.map((run) => run.perSecond));
  const singlyPerSecond = median(singly.map((run) => run.perSecond));
  const ratioToBulk = round(singlyPerSecond / bulkPerSecond, 3);
  const report = {
    bench: "throughput",
    value: round(perSecond),
    unit: "tasks/s",
    ratio,
    beside: {
      what: `raw grpc-js echo, ${best.shape}, items of ${String(echoItemBytes())} bytes`,
      value: best.itemsPerSecond,
      unit: "items/s",
    },
    detail: {
      tasks,
      payloadBytes,
      itemBytes: echoItemBytes(),
      worker,
      runs: oneJob,
      oneTaskJobs: {
        jobs,
        value: round(jobsPerSecond),
        unit: "jobs/s",
        ratioToOneJob,
        runs: oneTaskJobs,
      },
      singleSubmits: {
        jobs: singles,
        value: round(singlyPerSecond),
        unit: "jobs/s",
        ratioToBulk,
        runs: singly,
        bulk: { value: round(bulkPerSecond), runs: inBulk },
      },
      echo: {
        medians: shapes,
        runs: floods.map((pair) =>
          pair.map((flood) => ({
            ...flood,
            itemsPerSecond: round(flood.itemsPerSecond),
            ms: round(flood.ms, 1),
          })),
        ),
      },
      machine: machine(),
    },
  };
  return { report, table: tableOf(found), notes: notesOf() };

  function notesOf(): string[] {
    return [
      `one job of ${formatNumber(tasks)} tasks: ${formatNumber(perSecond)} tasks/s`,
      `${formatNumber(jobs)} jobs of one task: ${formatNumber(jobsPerSecond)} jobs/s, ` +
        `${String(ratioToOneJob)} of that`,
      `${formatNumber(singles)} of them, each by a call of its own: ${formatNumber(singlyPerSecond)} jobs/s, ` +
        `${String(ratioToBulk)} of as many in bulk`,
      "Medians. Every task was accepted, settled in the worker and succeeded in the master, once.",
    ];
  }
}

function medianByShape(floods: readonly EchoFlood[]) {
  const names = [...new Set(floods.map(shapeOf))];
  return names.map((shape) => ({
    shape,
    itemsPerSecond: round(
      median(floods.filter((flood) => shapeOf(flood) === shape).map((f) => f.itemsPerSecond)),
    ),
  }));
}

function shapeOf({ items, inFlight }: EchoFlood): string {
  return `${String(items)} x ${String(inFlight)}`;
}

function tableOf({ floods, oneJob, oneTaskJobs, inBulk, singly }: Found): string[][] {
  const row = (what: string, { perSecond, ms, submitMs, historyMs, settled }: Run) => [
    what,
    formatNumber(settled),
    formatNumber(round(submitMs)),
    formatNumber(round(historyMs)),
    formatNumber(round(ms)),
    formatNumber(perSecond),
  ];
  return [
    ["run", "count", "submit ms", "history ms", "ms", "per second"],
    ...oneJob.map((run, index) => row(`one job, ${String(index + 1)}`, run)),
    ...oneTaskJobs.map((run, index) => row(`one-task jobs, ${String(index + 1)}`, run)),
    ...inBulk.map((run, index) => row(`few in bulk, ${String(index + 1)}`, run)),
    ...singly.map((run, index) => row(`few singly, ${String(index + 1)}`, run)),
    ...floods
      .flat()
      .map((flood) => [
        `echo ${shapeOf(flood)}`,
        formatNumber(flood.echoed),
        "",
        "",
        formatNumber(round(flood.ms)),
        formatNumber(round(flood.itemsPerSecond)),
      ]),
  ];
}
