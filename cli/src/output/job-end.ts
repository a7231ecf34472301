import type { Job, TaskRecord } from "@capstan/sdk";
import { exitCodes } from "../exit-codes.js";
import type { Session, Side } from "../session.js";
import { failureText } from "./failures.js";
import { number, words } from "./human.js";
import { endLine } from "./job-view.js";
import { serialize } from "./plain.js";

const mostFailures = 5;

const final = { stack: false, isFinal: true };

/**
 * Tells how a job ended, with its failures, and says the exit code for it.
 * @param options.outputs whether stdout is for the outputs, and, if so, whether there will be any
 */
export async function tellEnd(
  session: Session,
  job: Job,
  options: { readonly outputs: "unwanted" | "follow" | "missing" },
): Promise<number> {
  const { settings, surroundings } = session;
  const { output: format } = settings;
  // Whoever wanted outputs keeps them in a file: no words for people there.
  const side = format === "table" && options.outputs === "unwanted" ? session.out : session.err;
  if ((format === "json" || format === "yaml") && options.outputs !== "follow") {
    await session.out.write(await serialize(job, format));
  }
  side.line(endLine(job, side.palette, surroundings.now()));
  if (job.state === "succeeded") return exitCodes.ok;
  if (job.state === "failed") await tellFailures(session, job, side);
  return exitCodes.failed;
}

async function tellFailures(session: Session, job: Job, side: Side): Promise<void> {
  const page = await session.client.listTasks(job.jobId, {
    states: ["failed"],
    pageSize: mostFailures,
  });
  for (const task of page.items) side.line(`\n${failedTask(task, side)}`);
  const more = job.counts.failed - page.items.length;
  if (page.items.length === 0) {
    if (job.failure !== undefined) {
      const of = job.failedTaskId === "" ? "" : `${job.failedTaskId}\n`;
      side.line(`\n${of}${failureText(job.failure, side.palette, final)}`);
    }
    return;
  }
  const [first] = page.items;
  const { whereFlags } = session.settings;
  const rest =
    more > 0
      ? `; all ${number(job.counts.failed)}: capstan task list ${job.jobId} --state failed${whereFlags}`
      : "";
  side.line(
    side.palette.faint(
      `\nThe whole story: capstan task get ${first?.taskId ?? ""}${whereFlags}${rest}`,
    ),
  );
}

function failedTask(task: TaskRecord, side: Side): string {
  const { lastFailure } = task;
  if (lastFailure === undefined) return `${task.taskId}: ${words(task.cause)}`;
  return `${task.taskId}\n${failureText(lastFailure, side.palette, final)}`;
}
