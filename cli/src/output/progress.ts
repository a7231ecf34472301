import type { JobProgress, Stage, TaskCounts } from "@capstan/sdk";
import { MultiBar, type SingleBar } from "cli-progress";
import type { Session } from "../session.js";
import type { OutputStream } from "../surroundings.js";
import { clock, count, length, number, wrapped } from "./human.js";
import type { Palette } from "./palette.js";
import { doneOf } from "./job-view.js";
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
 * news is a line of the result, unless that is something else.
 * @param options.outputs whether the result is the job's outputs
 */
export function progressView(
  session: Session,
  options: { readonly quiet: boolean; readonly outputs?: boolean },
): ProgressView {
  const { settings, err } = session;
  if (options.quiet) return { ...nothing, note: (text) => err.line(text) };
  if (settings.output === "jsonl" && options.outputs !== true) return newsLines(session);
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
      const { succeeded, total } = progress.job.counts;
      const done = `${number(succeeded)} of ${count(total, "task")} done`;
      const detail = detailOf(progress.job.counts, progress);
      err.line(`${clock(new Date(now))} ${state}: ${done}${detail}`);
    },
    note: (text) => err.line(text),
    stop: () => {},
  };
}

/** More stages than this are shown as one bar. */
const mostBars = 8;

function bars({ err }: Session): ProgressView {
  const { palette, stream } = err;
  // The last column stays free: a terminal that is told to clear what follows would take the character there.
  const columns = () => (stream.columns ?? 80) - 1;
  const multi = new MultiBar({
    stream: unmeasured(stream),
    format: (_options, _params, row: Row) => barLine(row, columns(), palette),
    hideCursor: true,
    linewrap: false,
    emptyOnZero: true,
    forceRedraw: true,
    gracefulExit: false,
    fps: 8,
  });
  const shown = new Map<string, SingleBar>();
  return {
    show: (progress) => {
      const rows = rowsOf(progress);
      const width = Math.max(...rows.map(({ name }) => name.length));
      for (const row of rows) {
        const payload = { ...row, name: row.name.padEnd(width) };
        const { succeeded, total } = row.counts;
        let bar = shown.get(row.name);
        if (bar === undefined) shown.set(row.name, (bar = multi.create(total, succeeded, payload)));
        bar.setTotal(total);
        bar.update(succeeded, payload);
      }
    },
    note: (text) => {
      if (shown.size === 0) return err.line(text);
      // What is drawn beside bars is cut at the edge, not wrapped.
      multi.log(`${wrapped(text, columns())}\n`);
      // Drawn at once: a bar that stops before its next turn would never tell it.
      multi.update();
    },
    stop: () => (shown.size === 0 ? undefined : multi.stop()),
  };
}

/**
 * A terminal that tells no width. The bars' library cuts what it draws last to the width, and counts what sets colors as
 * text, so that the end of the line would be lost for good; the lines that it is given fit as they are.
 */
function unmeasured(stream: OutputStream): NodeJS.WritableStream {
  const measured = {
    isTTY: stream.isTTY,
    columns: Infinity,
    write: (text: string, done?: (error?: Error | null) => void) => stream.write(text, done),
  };
  return measured as unknown as NodeJS.WritableStream;
}

/** `map ██████▒░░░ 45/120, 2 failed, 8 running`, in one line of the terminal: what is last is cut first. */
function barLine({ name, counts, detail }: Row, columns: number, palette: Palette): string {
  const { succeeded, failed, total } = counts;
  const shortName = cutTo(name, Math.floor(columns / 3));
  const done = doneOf(counts);
  const usual = Math.max(10, Math.min(30, Math.floor(columns / 4)));
  const size = Math.max(0, Math.min(usual, columns - shortName.length - done.length - 2));
  const bar = barOf({ succeeded, failed, total }, size, palette);
  const room = columns - shortName.length - size - done.length - 2;
  return `${palette.faint(shortName)} ${bar} ${done}${palette.faint(cutTo(detail, room))}`;
}

/** What succeeded, what failed, and the rest: a failure, however small its share, is seen. */
function barOf(
  { succeeded, failed, total }: Pick<TaskCounts, "succeeded" | "failed" | "total">,
  size: number,
  palette: Palette,
): string {
  const cells = (part: number) => (total === 0 ? 0 : Math.round((part / total) * size));
  const bad = failed === 0 ? 0 : Math.min(size, Math.max(1, cells(failed)));
  const good = Math.min(size - bad, succeeded < total ? cells(succeeded) : size);
  const rest = size - good - bad;
  return `${palette.busy("█".repeat(good))}${palette.bad("▒".repeat(bad))}${palette.busy("░".repeat(rest))}`;
}

function cutTo(text: string, room: number): string {
  if (text.length <= room) return text;
  return room < 1 ? "" : `${text.slice(0, room - 1)}…`;
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

/** `, 2 failed, 8 running, 2 retries, 12.4 a second, 30 s left`: what is not zero. */
function detailOf(counts: TaskCounts, progress: JobProgress | undefined): string {
  const left = counts.total - counts.succeeded - counts.failed - counts.cancelled;
  const rate = progress?.tasksPerSecond ?? 0;
  const parts = [
    counts.failed === 0 ? "" : `${number(counts.failed)} failed`,
    counts.cancelled === 0 ? "" : `${number(counts.cancelled)} cancelled`,
    counts.running === 0 ? "" : `${number(counts.running)} running`,
    counts.retries === 0 ? "" : count(counts.retries, "retry", "retries"),
    rate === 0 || left === 0
      ? ""
      : `${rate < 10 ? rate.toFixed(1) : number(Math.round(rate))} a second`,
    rate === 0 || left === 0 ? "" : `${length((left / rate) * 1_000)} left`,
    progress?.job.paused === true ? "paused" : "",
  ];
  return parts.map((part) => (part === "" ? "" : `, ${part}`)).join("");
}
