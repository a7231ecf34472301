// Question: what does a snapshot cost the master that goes on beside it? A million tasks wait that nobody takes, and
// other tasks go through the master as fast as they can: through one whose snapshots are being built all the time,
// in files so small that the next begins when the last is done, and beside it through one that makes none. Both in
// turn, in the same minutes. Then both are started again: from its snapshot and what comes after it the first leads
// to the state that a replay of all that was ever in its journal does, or nothing is reported.
import { linkSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { MasterCalls } from "./processes/master.js";
import type { ReplayerCalls } from "./processes/replayer.js";
import type { SubmitterCalls } from "./processes/submitter.js";
import type { WorkerCalls } from "./processes/worker.js";
import type { LoopDelay } from "./support/loop-delay.js";
import { monotonicMs } from "./support/monotonic.js";
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

const defaultWaiting = 1_000_000;
const defaultRuns = 5;
/** What goes through the master in a run, as a share of what waits. */
const throughShare = 0.1;
/** Of the journal's files; fewer tasks than the default fill smaller ones. */
const defaultSegmentBytes = 8 * 1_024 * 1_024;
/** A run that has no snapshot by then is one of a master that makes none. */
const batchesMax = 1_000;
const worker = { slots: 4_096, maxTasks: 4_096 };
/** A file of the journal is there for seconds before it is cut. */
const keepEveryMs = 50;

/** A master with all that is needed to load it. */
interface Side {
  readonly folder: string;
  readonly master: Remote<MasterCalls>;
  readonly submitter: Remote<SubmitterCalls>;
  readonly worker: Remote<WorkerCalls>;
}

interface Run {
  readonly accepted: number;
  /** How often the same number of tasks went through. */
  readonly batches: number;
  readonly perSecond: number;
  readonly loopDelay: LoopDelay;
  /** Snapshots that were finished meanwhile. */
  readonly snapshots: number;
}

interface Pair {
  readonly withSnapshots: Run;
  readonly without: Run;
}

/** See the head of the file. */
export async function snapshotBench(scratch: Scratch, options: BenchOptions): Promise<Finding> {
  const waiting = options.count ?? defaultWaiting;
  const through = Math.ceil(waiting * throughShare);
  const folder = scratch.folder();
  const keeper = keepSegments(scratch, folder);
  const sides = {
    withSnapshots: await startSide(scratch, folder, 1, waiting),
    without: await startSide(scratch, scratch.folder(), 0, waiting),
  };
  // Processes start cold: a first run that nobody looks at warms them.
  let { batches } = await measure(sides.withSnapshots, through);
  await measure(sides.without, through, 1);
  const runs: Pair[] = [];
  for (let run = 0; run < (options.runs ?? defaultRuns); run++) {
    // Whoever is second finds the machine as the first has left it: they take turns at that.
    const isFirst = run % 2 === 0;
    const before = isFirst ? undefined : await measure(sides.without, through, batches);
    const withSnapshots = await measure(sides.withSnapshots, through);
    if (isFirst) ({ batches } = withSnapshots);
    const without = before ?? (await measure(sides.without, through, batches));
    runs.push({ withSnapshots, without });
  }
  for (const side of Object.values(sides)) await closeSide(side);
  keeper.stop();
  const restart = await restarted(scratch, sides.withSnapshots.folder, keeper.folder, waiting);
  return describe(waiting, through, runs, restart);
}

async function startSide(
  scratch: Scratch,
  folder: string,
  snapshotSegments: number,
  waiting: number,
): Promise<Side> {
  const segmentBytes = Math.ceil(defaultSegmentBytes * shareOf(waiting, defaultWaiting));
  const master = new Remote<MasterCalls>(scratch, "master", ["--expose-gc"]);
  const address = await master.call("start", {
    directory: folder,
    payloadBudgetBytes: 64 * 1_024 * 1_024,
    segmentBytes,
    snapshotSegments,
  });
  const side = {
    folder,
    master,
    submitter: new Remote<SubmitterCalls>(scratch, "submitter"),
    worker: new Remote<WorkerCalls>(scratch, "worker"),
  };
  await side.submitter.call("connect", address);
  await side.submitter.call("submitHeld", { count: waiting });
  await side.worker.call("start", { ...worker, address });
  return side;
}

async function closeSide({ submitter, worker: ended, master }: Side): Promise<void> {
  await submitter.close();
  await ended.close();
  await master.call("close", null);
  await master.close();
}

/** @param batches how often `count` tasks go through; undefined: until a snapshot was finished meanwhile */
async function measure(side: Side, count: number, batches?: number): Promise<Run> {
  const { master } = side;
  const before = await master.call("snapshots", null);
  await master.call("watchLoop", null);
  let done = 0;
  let ms = 0;
  let snapshots: number;
  do {
    ms += await putThrough(side, count);
    done += 1;
    snapshots = (await master.call("snapshots", null)) - before;
  } while (done < (batches ?? (snapshots === 0 ? batchesMax : 0)));
  const loopDelay = await master.call("loopDelay", null);
  const accepted = done * count;
  return {
    accepted,
    batches: done,
    perSecond: round((accepted / ms) * 1_000),
    loopDelay,
    snapshots,
  };
}

/** @returns milliseconds from the start of the submit to the last result settled */
async function putThrough({ submitter, worker: at }: Side, count: number): Promise<number> {
  const before = await at.call("outcomes", null);
  const done = at.call("succeeded", (before["succeeded"] ?? 0) + count);
  const [times, settledAt] = await Promise.all([submitter.call("submitTasks", { count }), done]);
  const succeeded = await submitter.call("succeededTasks", times.jobId);
  if (times.accepted !== count || succeeded !== count) {
    throw new Error(`of ${String(count)} tasks ${String(succeeded)} succeeded`);
  }
  return settledAt - times.startedAt;
}

/** Keeps every file of a journal under a second name, so that what is cut there is whole here. */
function keepSegments(scratch: Scratch, from: string): { folder: string; stop(): void } {
  const folder = scratch.folder();
  const kept = new Set<string>();
  const keep = () => {
    for (const name of readdirSync(from)) {
      if (!name.endsWith(".segment") || kept.has(name)) continue;
      linkSync(join(from, name), join(folder, name));
      kept.add(name);
    }
  };
  keep();
  const timer = setInterval(keep, keepEveryMs);
  return {
    folder,
    stop: () => {
      clearInterval(timer);
      keep();
    },
  };
}

interface Restart {
  /** From the start of the process until it listens. */
  readonly ms: number;
  readonly snapshotBytes: number;
  readonly journalBytes: number;
  readonly wholeJournalBytes: number;
  /** Of the state from snapshot and tail, and from all entries from the first on: the same. */
  readonly digest: string;
}

async function restarted(
  scratch: Scratch,
  folder: string,
  whole: string,
  waiting: number,
): Promise<Restart> {
  const fromSnapshot = await digestOf(scratch, folder);
  const fromZero = await digestOf(scratch, whole);
  const { snapshot, digest, pending } = fromSnapshot;
  if (digest !== fromZero.digest || fromZero.snapshot !== 0 || pending !== waiting) {
    throw new Error(`snapshot and tail: ${JSON.stringify({ fromSnapshot, fromZero })}`);
  }
  if (snapshot === 0) throw new Error("no snapshot was made: take more tasks");
  const startedAt = monotonicMs();
  const master = new Remote<MasterCalls>(scratch, "master", ["--expose-gc"]);
  await master.call("start", { directory: folder, payloadBudgetBytes: 64 * 1_024 * 1_024 });
  const ms = round(monotonicMs() - startedAt, 1);
  await master.call("close", null);
  await master.close();
  const sizes = (from: string, suffix: string) =>
    readdirSync(from)
      .filter((name) => name.endsWith(suffix))
      .map((name) => statSync(join(from, name)).size);
  const sum = (from: string) => sizes(from, ".segment").reduce((all, size) => all + size, 0);
  return {
    ms,
    digest,
    snapshotBytes: Math.max(...sizes(folder, ".snapshot")),
    journalBytes: sum(folder),
    wholeJournalBytes: sum(whole),
  };
}

async function digestOf(scratch: Scratch, directory: string) {
  const remote = new Remote<ReplayerCalls>(scratch, "replayer");
  const answer = await remote.call("digest", directory);
  await remote.close();
  return answer;
}

function describe(
  waiting: number,
  through: number,
  runs: readonly Pair[],
  restart: Restart,
): Finding {
  const ratios = runs.map(({ withSnapshots: one, without }) => one.perSecond / without.perSecond);
  const value = round(median(runs.map(({ withSnapshots }) => withSnapshots.perSecond)));
  const beside = round(median(runs.map(({ without }) => without.perSecond)));
  const longest = Math.max(...runs.map(({ withSnapshots }) => withSnapshots.loopDelay.max));
  const longestWithout = Math.max(...runs.map(({ without }) => without.loopDelay.max));
  const detail = { waiting, through, ratios, longest, longestWithout, restart, runs };
  const row = (what: string, { accepted, perSecond, loopDelay, snapshots }: Run) => [
    what,
    formatNumber(accepted),
    formatNumber(snapshots),
    formatNumber(loopDelay.max),
    formatNumber(perSecond),
  ];
  return {
    report: {
      bench: "snapshot",
      value,
      unit: "tasks/s",
      ratio: round(median(ratios), 3),
      beside: { what: "without snapshots", value: beside, unit: "tasks/s" },
      detail: { ...detail, machine: machine() },
    },
    table: [
      ["master", "count", "snapshots", "longest stop ms", "tasks/s"],
      ...runs.flatMap(({ withSnapshots, without }) => [
        row("with snapshots", withSnapshots),
        row("without", without),
      ]),
    ],
    notes: [
      `${formatNumber(waiting)} tasks wait meanwhile; all that were submitted were accepted and succeeded.`,
      `Started again from a snapshot of ${formatNumber(restart.snapshotBytes)} bytes and what came after it: ` +
        `${formatNumber(restart.ms)} ms until it listened, the same state as from the first entry on.`,
    ],
  };
}
