// Question: how long does a restart take to rebuild the state from its journal? A real master is given a million
// tasks, a part of which a worker is granted and ends; then it is stopped, and its journal replayed as the engine
// does it. Beside it: reading and decoding the same entries, without doing anything with them. Each is measured in a
// fresh process, since a restart is one. Opening the journal, which checks its tail, comes before both.
import type { ReadTimes, ReplayerCalls, ReplayTimes } from "./processes/replayer.js";
import { startFleet } from "./support/fleet.js";
import { Remote } from "./support/remote.js";
import { type BenchOptions, type Finding, formatNumber, machine } from "./support/report.js";
import type { Scratch } from "./support/scratch.js";
import { median, round } from "./support/statistics.js";

const defaultTasks = 1_000_000;
const defaultRuns = 5;
/** What a worker ends, of all tasks. */
const endedShare = 0.3;

interface Run {
  readonly replayed: ReplayTimes;
  readonly read: ReadTimes;
}

/** See the head of the file. */
export async function replayBench(scratch: Scratch, options: BenchOptions): Promise<Finding> {
  const tasks = options.count ?? defaultTasks;
  const ended = Math.ceil(tasks * endedShare);
  const directory = await writeJournal(scratch, ended, tasks - ended);
  const runs: Run[] = [];
  for (let run = 0; run < (options.runs ?? defaultRuns); run++) {
    const read = await inProcess(scratch, "read", directory);
    const replayed = (await inProcess(scratch, "replay", directory)) as ReplayTimes;
    const { entries, events, succeeded, pending } = replayed;
    const isWhole = succeeded === ended && pending === tasks - ended && replayed.tasks === tasks;
    if (!isWhole || entries !== read.entries || events !== read.events || events < ended * 2) {
      throw new Error(`of ${String(tasks)} tasks: ${JSON.stringify({ read, replayed })}`);
    }
    runs.push({ replayed, read });
  }
  return describe(tasks, ended, runs);
}

/** A journal that a real master wrote. @returns its folder */
async function writeJournal(scratch: Scratch, ended: number, waiting: number): Promise<string> {
  const fleet = await startFleet(scratch, { slots: 4_096, maxTasks: 4_096 });
  await fleet.submitter.call("submitTasks", { count: ended });
  await fleet.worker.call("succeeded", ended);
  await fleet.worker.close();
  if (waiting > 0) await fleet.submitter.call("submitTasks", { count: waiting });
  await fleet.close();
  return fleet.folder;
}

async function inProcess(
  scratch: Scratch,
  what: "read" | "replay",
  directory: string,
): Promise<ReadTimes> {
  const remote = new Remote<ReplayerCalls>(scratch, "replayer");
  const answer = await remote.call(what, directory);
  await remote.close();
  return { ...answer, ms: round(answer.ms, 1) };
}

function describe(tasks: number, ended: number, runs: readonly Run[]): Finding {
  const replayMs = round(median(runs.map(({ replayed }) => replayed.ms)), 1);
  const readMs = round(median(runs.map(({ read }) => read.ms)), 1);
  const accepted = runs[0]?.replayed.events ?? 0;
  const report = {
    bench: "replay",
    value: replayMs,
    unit: "ms",
    ratio: round(replayMs / readMs, 3),
    beside: { what: "reading and decoding the same journal", value: readMs, unit: "ms" },
    detail: { tasks, ended, runs, machine: machine() },
  };
  const row = (what: string, { events, ms }: ReadTimes) => [
    what,
    formatNumber(events),
    ms.toFixed(1),
  ];
  const table = [
    ["what", "event count", "ms"],
    ...runs.flatMap(({ replayed, read }, at) => [
      row(`replay, ${String(at + 1)}`, replayed),
      row(`read and decode, ${String(at + 1)}`, read),
    ]),
  ];
  const notes = [
    `${formatNumber(tasks)} tasks accepted, ${formatNumber(ended)} of them succeeded: ${formatNumber(accepted)} events.`,
  ];
  return { report, table, notes };
}
