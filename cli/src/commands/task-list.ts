import type { TaskRecord, TaskState } from "@capstan/sdk";
import type { Command } from "commander";
import { filled, oneOf, wholeNumber } from "../arguments.js";
import { whatFailed } from "../output/failures.js";
import { firstLine } from "../output/human.js";
import { causeText, widthOf } from "../output/job-view.js";
import { writeList } from "../output/list.js";
import { taskState, taskStates } from "../output/states.js";
import { table, type Cell } from "../output/table.js";
import type { Session, Side } from "../session.js";
import { examples, type Program } from "./command.js";
import { limitText } from "./job-list.js";

interface ListFlags {
  readonly stage?: string;
  readonly state?: readonly TaskState[];
  readonly limit?: number;
}

/** `capstan task list` */
export function addTaskList(parent: Command, program: Program): void {
  parent
    .command("list")
    .alias("ls")
    .description("list the tasks of a job, by stage and index")
    .argument("<job>", "the job's id", filled)
    .option("--stage <name>", "only of this stage", filled)
    .option(
      "--state <state>",
      `only in this state, repeatable: ${taskStates.join(", ")}`,
      oneOf(taskStates),
    )
    .option("--limit <count>", limitText, wholeNumber)
    .addHelpText(
      "after",
      examples("capstan task list JOB --state failed", "capstan task list JOB -o jsonl"),
    )
    .action((jobId: string, flags: ListFlags, command: Command) =>
      program.connected(command, (session) => list(session, jobId, flags)),
    );
}

function list(session: Session, jobId: string, flags: ListFlags): Promise<void> {
  const { client, out } = session;
  const filter = {
    ...(flags.state === undefined ? {} : { states: flags.state }),
    ...(flags.stage === undefined ? {} : { stage: flags.stage }),
  };
  const filtered = Object.keys(filter).length > 0 ? "matching " : "";
  return writeList(session, {
    read: (page) => client.listTasks(jobId, { ...filter, ...page }),
    table: (tasks) => taskTable(tasks, out),
    none: `There are no ${filtered}tasks in ${jobId}.`,
    limit: flags.limit,
  });
}

function taskTable(tasks: readonly TaskRecord[], side: Side): string {
  const head = ["TASK", "TYPE", "STATE", "ATTEMPT", "WORKER", "NOTE"];
  const rows = tasks.map((task): readonly Cell[] => [
    task.taskId,
    task.taskType,
    taskState(task, side.palette),
    `${task.attempt}/${task.maxAttempts}`,
    task.workerId,
    noteOf(task),
  ]);
  return table(head, rows, {
    palette: side.palette,
    columns: widthOf(side),
    right: [3],
    spare: [1, 4],
  });
}

/** What is worth a look: the failure, how far it is, why it was cancelled. */
function noteOf(task: TaskRecord): string {
  if (task.state === "succeeded") return "";
  if (task.lastFailure !== undefined) return firstLine(whatFailed(task.lastFailure));
  if (task.cause !== "none") return causeText(task.cause);
  const share = task.progress === undefined ? "" : `${Math.floor(task.progress * 100)} %`;
  return [share, task.progressNote].filter((part) => part !== "").join(" ");
}
