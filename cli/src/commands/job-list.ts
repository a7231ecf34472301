import type { JobState } from "@capstan/sdk";
import type { Command } from "commander";
import { filled, label, oneOf, wholeNumber } from "../arguments.js";
import { jobTable } from "../output/job-view.js";
import { writeList } from "../output/list.js";
import { jobStates } from "../output/states.js";
import type { Session } from "../session.js";
import { examples, type Program } from "./command.js";

interface ListFlags {
  readonly state?: readonly JobState[];
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly limit?: number;
}

/** The description of `--limit`, the same for each list. */
export const limitText = "show at most so many; 0 means all (default: 100 in a table, else all)";

/** `capstan job list` */
export function addJobList(parent: Command, program: Program): void {
  parent
    .command("list")
    .alias("ls")
    .description("list jobs, the newest first")
    .option(
      "--state <state>",
      `only in this state, repeatable: ${jobStates.join(", ")}`,
      oneOf(jobStates),
    )
    .option("--name <name>", "only of this name", filled)
    .option("--label <key=value>", "only with this label, repeatable", label)
    .option("--limit <count>", limitText, wholeNumber)
    .addHelpText(
      "after",
      examples("capstan job list --state running", "capstan job list --label team=maps -o json"),
    )
    .action((flags: ListFlags, command: Command) =>
      program.connected(command, (session) => list(session, flags)),
    );
}

function list(session: Session, flags: ListFlags): Promise<void> {
  const { client, out, settings, surroundings } = session;
  const filter = {
    ...(flags.state === undefined ? {} : { states: flags.state }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.label === undefined ? {} : { labels: flags.label }),
  };
  const filtered = Object.keys(filter).length > 0 ? "matching " : "";
  return writeList(session, {
    read: (page) => client.listJobs({ ...filter, ...page }),
    table: (jobs) => jobTable(jobs, out, surroundings.now()),
    none: `There are no ${filtered}jobs in the namespace ${settings.namespace}.`,
    limit: flags.limit,
  });
}
