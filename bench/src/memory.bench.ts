// Question: how much memory does a task take that only waits? One job of a million tasks with payloads of 100 bytes
// is submitted to a real master: what is resident afterwards, once nothing is left to collect, above what the
// empty server had. Payloads may leave memory for the journal, and the budget for them is small: the figure means
// what the master knows of a task, not its cache. Beside it: a plain object a task in a Map, in a process of its own.
// While the job is submitted another client asks GetMaster every 2 ms, and the master's event loop is watched.
import type { MasterCalls } from "./processes/master.js";
import type { PlainCalls } from "./processes/plain-tasks.js";
import type { SubmitterCalls } from "./processes/submitter.js";
import { payloadBytes } from "./support/echo-service.js";
import { type LoopDelay, LoopWatch } from "./support/loop-delay.js";
import { Remote } from "./support/remote.js";
import { type BenchOptions, type Finding, formatNumber, machine } from "./support/report.js";
import type { Scratch } from "./support/scratch.js";
import { median, quantile, round } from "./support/statistics.js";

const defaultTasks = 1_000_000;
const defaultRuns = 3;
const payloadBudgetBytes = 4 * 1_024 * 1_024;
/** Fewer objects than these do not show in what is resident. */
const plainMin = 50_000;
const exposeGc = ["--expose-gc"];

interface Run {
  readonly bytes: number;
  readonly plainBytes: number;
  /** What the submitter was told, and what the master says waits. */
  readonly accepted: number;
  readonly pending: number;
  readonly submitMs: number;
  readonly loopDelayMs: LoopDelay;
  /** Of the bench's own process, which only waits meanwhile: what the machine does to any loop. */
  readonly idleLoopDelayMs: LoopDelay;
  /** GetMaster, meanwhile. */
  readonly pings: { readonly count: number; readonly p99Ms: number; readonly maxMs: number };
}

/** See the head of the file. */
export async function memoryBench(scratch: Scratch, options: BenchOptions): Promise<Finding> {
  const count = options.count ?? defaultTasks;
  const runs: Run[] = [];
  for (let run = 0; run < (options.runs ?? defaultRuns); run++) {
    runs.push(await measure(scratch, count));
  }
  return describe(count, runs);
}

async function measure(scratch: Scratch, count: number): Promise<Run> {
  const plain = new Remote<PlainCalls>(scratch, "plain-tasks", exposeGc);
  const { bytes: plainBytes, held } = await plain.call("bytesOfTask", Math.max(count, plainMin));
  await plain.close();

  const master = new Remote<MasterCalls>(scratch, "master", exposeGc);
  const submitter = new Remote<SubmitterCalls>(scratch, "submitter");
  const pinger = new Remote<SubmitterCalls>(scratch, "submitter");
  const directory = scratch.folder();
  const address = await master.call("start", { directory, payloadBudgetBytes });
  await submitter.call("connect", address);
  await pinger.call("connect", address);
  const before = await master.call("residentBytes", null);

  await pinger.call("beginPings", null);
  const idle = new LoopWatch();
  idle.begin();
  await master.call("watchLoop", null);
  const { jobId, accepted, startedAt, acceptedAt } = await submitter.call("submitTasks", { count });
  const loopDelayMs = await master.call("loopDelay", null);
  const idleLoopDelayMs = idle.end();
  const pings = await pinger.call("endPings", null);

  const bytes = ((await master.call("residentBytes", null)) - before) / count;
  const pending = await submitter.call("pendingTasks", jobId);
  if (accepted !== count || pending !== count || held < count || pings.length === 0) {
    throw new Error(`of ${String(count)} tasks: ${JSON.stringify({ accepted, pending, held })}`);
  }
  await submitter.close();
  await pinger.close();
  await master.call("close", null);
  await master.close();
  return {
    bytes: round(bytes, 1),
    plainBytes: round(plainBytes, 1),
    accepted,
    pending,
    submitMs: round(acceptedAt - startedAt),
    loopDelayMs,
    idleLoopDelayMs,
    pings: {
      count: pings.length,
      p99Ms: round(quantile(pings, 0.99), 1),
      maxMs: round(Math.max(...pings), 1),
    },
  };
}

function describe(count: number, runs: readonly Run[]): Finding {
  const bytes = round(median(runs.map((run) => run.bytes)), 1);
  const plainBytes = round(median(runs.map((run) => run.plainBytes)), 1);
  const report = {
    bench: "memory",
    value: bytes,
    unit: "bytes/task",
    ratio: round(bytes / plainBytes, 3),
    beside: { what: "a plain object a task in a Map", value: plainBytes, unit: "bytes/task" },
    detail: { tasks: count, payloadBytes, payloadBudgetBytes, runs, machine: machine() },
  };
  const table = [
    [
      "run",
      "count",
      "bytes/task",
      "plain",
      "submit ms",
      "idle loop ms",
      "loop max ms",
      "ping max ms",
    ],
    ...runs.map((run, at) => [
      `one job, ${String(at + 1)}`,
      formatNumber(run.pending),
      run.bytes.toFixed(1),
      run.plainBytes.toFixed(1),
      formatNumber(run.submitMs),
      run.idleLoopDelayMs.max.toFixed(1),
      run.loopDelayMs.max.toFixed(1),
      run.pings.maxMs.toFixed(1),
    ]),
  ];
  const notes = [
    `Resident, collected, above an empty server; payloads evicted beyond ${formatNumber(payloadBudgetBytes)} bytes.`,
    "Every task was accepted and waits.",
  ];
  return { report, table, notes };
}
