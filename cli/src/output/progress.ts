import type { JobProgress, Stage, TaskCounts } from "@capstan/sdk";
import { MultiBar, type SingleBar } from "cli-progress";
import type { Session } from "../session.js";
import { clock, count, length } from "./human.js";
import { jsonLine } from "./plain.js";

/** Shows how a job goes on. */
export interface ProgressView {
  show(progress: JobProgress): void;
  /** Says something beside the progress. */
  note(text: string): void;
  /** Leaves the terminal in order. */
  stop(): void;
}

/**
 * Bars on a terminal, plain lines elsewhere, both on stderr: stdout is the result's. With `-o jsonl` each
 * news is a line of the result.
 */
export function progressView(session: Session, options: { readonly quiet: boolean }): ProgressView {
  const { settings, err } = session;
  if (options.quiet) return { ...nothing, note: (text) => err.line(text) };
  if (settings.output === "jsonl") return newsLines(session);
  return err.stream.isTTY === true ? bars(session) : plainLines(session);
}

const nothing = { show: () => {}, stop: () => {} };

function newsLines({ out, err }: Session): ProgressView {
  return {
    show: (progress) => void out.stream.write(jsonLine(progress)),
    note: (text) => err.line(text),
    stop: () => {},
  };
}

/** The shortest time between two plain lines of the same state. */
const lineEveryMs = 2_000;

function plainLines({ err, surroundings }: Session): ProgressView {
  let saidAt = -Infinity;
  let saidState = "";
  return {
    show: (progress) => {
      const now = surroundings.now();
      const { state } = progress.job;
      if (state === saidState && now - saidAt < lineEveryMs) return;
      saidAt = now;
      saidState = state;
      const { done, total } = doneOf(progress.job.counts);
      const detail = detailOf(progress.job.counts, progress);
      err.line(`${clock(new Date(now))} ${state}: ${done} of ${count(total, "task")}${detail}`);
    },
    note: (text) => err.line(text),
    stop: () => {},
  };
}

/** More stages than this are shown as one bar. */
const mostBars = 8;

function bars({ err }: Session): ProgressView {
  const { palette, stream } = err;
  const multi = new MultiBar({
    stream,
    format: `${palette.faint("{name}")} ${palette.busy("{bar}")} {done}${palette.faint("{detail}")}`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: Math.max(10, Math.min(30, Math.floor((stream.columns ?? 80) / 4))),
    hideCursor: true,
    linewrap: false,
    emptyOnZero: true,
    forceRedraw: true,
    autopadding: true,
    gracefulExit: false,
    fps: 8,
  });
  const shown = new Map<string, SingleBar>();
  return {
    show: (progress) => {
      const rows = rowsOf(progress);
      const width = Math.max(...rows.map(({ name }) => name.length));
      for (const { name, counts, detail } of rows) {
        const { done, total } = doneOf(counts);
        const payload = {
          name: name.padEnd(width),
          done: `${done.toLocaleString("en-US")}/${total.toLocaleString("en-US")}`,
          detail,
        };
        let bar = shown.get(name);
        if (bar === undefined) shown.set(name, (bar = multi.create(total, done, payload)));
        bar.setTotal(total);
        bar.update(done, payload);
      }
    },
    note: (text) => {
      if (shown.size === 0) return err.line(text);
      multi.log(`${text}\n`);
      // Drawn at once: a bar that stops before its next turn would never tell it.
      multi.update();
    },
    stop: () => (shown.size === 0 ? undefined : multi.stop()),
  };
}

interface Row {
  readonly name: string;
  readonly counts: TaskCounts;
  readonly detail: string;
}

function rowsOf(progress: JobProgress): readonly Row[] {
  const { job } = progress;
  const rowOf = ({ name, counts }: Pick<Stage, "name" | "counts">, alone: boolean): Row => ({
    name,
    counts,
    // The rate is the job's: beside a stage it would mislead.
    detail: detailOf(counts, alone ? progress : undefined),
  });
  if (job.stages.length === 0 || job.stages.length > mostBars) return [rowOf(job, true)];
  const [only] = job.stages;
  if (job.stages.length === 1 && only !== undefined) return [rowOf(only, true)];
  return job.stages.map((stage) => rowOf(stage, false));
}

/** How many tasks have ended, well or not, and how many there are. */
function doneOf(counts: TaskCounts): { readonly done: number; readonly total: number } {
  return { done: counts.succeeded + counts.failed + counts.cancelled, total: counts.total };
}

/** `, 8 running, 2 retries, 12.4 a second, 30 s left`: what is not zero. */
function detailOf(counts: TaskCounts, progress: JobProgress | undefined): string {
  const left = counts.total - doneOf(counts).done;
  const rate = progress?.tasksPerSecond ?? 0;
  const parts = [
    counts.running === 0 ? "" : `${counts.running} running`,
    counts.failed === 0 ? "" : `${counts.failed} failed`,
    counts.cancelled === 0 ? "" : `${counts.cancelled} cancelled`,
    counts.retries === 0 ? "" : count(counts.retries, "retry", "retries"),
    rate === 0 || left === 0 ? "" : `${rate.toFixed(rate < 10 ? 1 : 0)} a second`,
    rate === 0 || left === 0 ? "" : `${length((left / rate) * 1_000)} left`,
    progress?.job.paused === true ? "paused" : "",
  ];
  return parts.map((part) => (part === "" ? "" : `, ${part}`)).join("");
}
