import type { EndCause, Job, Stage, TaskCounts } from "@capstan/sdk";
import type { Side } from "../session.js";
import { failureText } from "./failures.js";
import { ago, count, length, moment, number, safe, words } from "./human.js";
import type { Palette } from "./palette.js";
import { isOver, jobState } from "./states.js";
import { facts, table, type Cell } from "./table.js";

/** Jobs, a row each. */
export function jobTable(jobs: readonly Job[], side: Side, now: number): string {
  const head = ["JOB", "STATE", "TASKS", "FAILED", "CREATED", "TOOK", "NAME"];
  const rows = jobs.map((job): readonly Cell[] => [
    job.jobId,
    jobState(job, side.palette),
    doneOf(job.counts),
    { text: number(job.counts.failed), paint: job.counts.failed > 0 ? side.palette.bad : String },
    job.createdAt === undefined ? "" : ago(job.createdAt, now),
    tookOf(job, now),
    job.name,
  ]);
  return table(head, rows, {
    palette: side.palette,
    columns: widthOf(side),
    right: [2, 3],
    spare: [5, 4],
  });
}

/** `45/1,200`: how many tasks have succeeded, of how many. */
export function doneOf({ succeeded, total }: Pick<TaskCounts, "succeeded" | "total">): string {
  return `${number(succeeded)}/${number(total)}`;
}

/** The width to which tables are cut: a terminal's. Elsewhere nothing is cut. */
export function widthOf(side: Side): number | undefined {
  return side.stream.isTTY === true ? side.stream.columns : undefined;
}

/** All of a job that a person may want to know. */
export function jobDetails(job: Job, side: Side, now: number): string {
  const { palette } = side;
  const labels = Object.entries(job.labels).map(([key, value]) => `${key}=${value}`);
  const at = (date: Date | undefined) => (date === undefined ? "" : moment(date, now));
  const head = facts(
    [
      ["Job", job.jobId],
      ["Name", job.name],
      ["Namespace", job.namespace],
      ["State", jobState(job, palette)],
      ["Cause", causeText(job.cause)],
      ["Note", job.note],
      ["Tasks", countsText(job.counts)],
      ["Created", at(job.createdAt)],
      ["Started", at(job.startedAt)],
      ["Finished", at(job.finishedAt)],
      [isOver(job.state) ? "Took" : "So far", tookOf(job, now)],
      ["Time left", isOver(job.state) ? "" : lengthOrNothing(job.deadlineRemainingMs)],
      ["Priority", job.priority === 0 ? "" : String(job.priority)],
      ["Run", job.run > 1 ? String(job.run) : ""],
      ["Labels", labels.join(", ")],
      ["Key", job.idempotencyKey],
      ["Dead letters", job.deadLetterCount === 0 ? "" : number(job.deadLetterCount)],
    ],
    palette,
  );
  const parts = [head, stageTable(job.stages, side)];
  if (job.failure !== undefined) {
    const of = job.failedTaskId === "" ? "" : ` of ${job.failedTaskId}`;
    parts.push(
      `Failure${of}:\n${failureText(job.failure, palette, { stack: false, isFinal: true })}`,
    );
  }
  for (const warning of job.warnings) parts.push(palette.warn(`Warning: ${warning.message}`));
  return parts.filter((part) => part !== "").join("\n\n");
}

function stageTable(stages: readonly Stage[], side: Side): string {
  if (stages.length === 0) return "";
  const head = ["STAGE", "TYPE", "DONE", "WAITING", "RUNNING", "FAILED", "PARTITIONS", "AFTER"];
  const rows = stages.map(({ name, taskType, counts, partitions, dependsOn }): readonly Cell[] => [
    name,
    taskType === "" ? "various" : taskType,
    doneOf(counts),
    number(counts.blocked + counts.scheduled + counts.pending),
    number(counts.leased + counts.running),
    number(counts.failed),
    number(partitions),
    dependsOn.map(({ stage, kind }) => `${stage} (${kind})`).join(", "),
  ]);
  return table(head, rows, {
    palette: side.palette,
    columns: widthOf(side),
    right: [2, 3, 4, 5, 6],
    spare: [6, 1],
  });
}

/** `45 of 120 tasks succeeded, 8 at work, 2 failed, 3 retries`; `120 tasks` when all succeeded. */
function countsText(counts: TaskCounts): string {
  const waiting = counts.blocked + counts.scheduled + counts.pending;
  const active = counts.leased + counts.running;
  const allWell = counts.succeeded === counts.total && counts.total > 0;
  const total = count(counts.total, "task");
  const parts = [
    allWell ? total : `${number(counts.succeeded)} of ${total} succeeded`,
    active === 0 ? "" : `${number(active)} at work`,
    waiting === 0 ? "" : `${number(waiting)} waiting`,
    counts.failed === 0 ? "" : `${number(counts.failed)} failed`,
    counts.cancelled === 0 ? "" : `${number(counts.cancelled)} cancelled`,
    counts.dropped === 0 ? "" : `${number(counts.dropped)} dropped`,
    counts.retries === 0 ? "" : count(counts.retries, "retry", "retries"),
    counts.deadRecords === 0 ? "" : count(counts.deadRecords, "dead record"),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** How long a job has taken, from its acceptance to its end or till now. */
function tookOf(job: Job, now: number): string {
  if (job.createdAt === undefined) return "";
  const end = job.finishedAt?.getTime() ?? now;
  return length(end - job.createdAt.getTime());
}

function lengthOrNothing(ms: number | undefined): string {
  return ms === undefined ? "" : length(ms);
}

/** `job_… (flights) succeeded in 12.4 s: 120 tasks`: how a job ended, in a line. */
export function endLine(job: Job, palette: Palette, now: number): string {
  const state = jobState(job, palette);
  const word = typeof state === "string" ? state : state.paint(state.text);
  const how = job.state === "succeeded" ? "in" : "after";
  const why = [causeText(job.cause), safe(job.note)].filter((part) => part !== "").join(": ");
  const because = why === "" ? "" : ` (${why})`;
  const name = safe(job.name);
  return `${job.jobId} (${name}) ${word} ${how} ${tookOf(job, now)}${because}: ${countsText(job.counts)}`;
}

/** Why it ended so, unless the failure that follows says it better. */
export function causeText(cause: EndCause): string {
  return cause === "none" || cause === "failure" ? "" : words(cause);
}
