import type { WorkerRecord } from "@capstan/sdk";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.js";
import { length } from "../output/human.js";
import { widthOf } from "../output/job-view.js";
import { writeList } from "../output/list.js";
import { workerState } from "../output/states.js";
import { table, type Cell } from "../output/table.js";
import type { Session, Side } from "../session.js";
import { examples, type Program } from "./command.js";
import { limitText } from "./job-list.js";

interface ListFlags {
  readonly allNamespaces?: boolean;
  readonly limit?: number;
}

/** `capstan worker list` */
export function addWorkerList(parent: Command, program: Program): void {
  parent
    .command("list")
    .alias("ls")
    .description("list the workers that serve the namespace")
    .option("--all-namespaces", "those of all namespaces")
    .option("--limit <count>", limitText, wholeNumber)
    .addHelpText(
      "after",
      examples("capstan worker list", "capstan worker list --all-namespaces -o json"),
    )
    .action((flags: ListFlags, command: Command) =>
      program.connected(command, (session) => list(session, flags)),
    );
}

function list(session: Session, flags: ListFlags): Promise<void> {
  const { client, out, settings } = session;
  const all = flags.allNamespaces === true;
  return writeList(session, {
    read: (page) => client.listWorkers({ allNamespaces: all, ...page }),
    table: (workers) => workerTable(workers, out),
    none: all
      ? "There are no workers."
      : `There are no workers for the namespace ${settings.namespace}.`,
    limit: flags.limit,
  });
}

function workerTable(workers: readonly WorkerRecord[], side: Side): string {
  const head = [
    "WORKER",
    "HOST",
    "RACK",
    "STATE",
    "USED",
    "RUNNING",
    "DONE",
    "FAILED",
    "HEARD",
    "TYPES",
  ];
  const rows = workers.map((worker): readonly Cell[] => [
    worker.workerId,
    worker.host,
    worker.rack,
    workerState(worker, side.palette),
    usedOf(worker),
    String(worker.leases.running),
    String(worker.succeeded),
    String(worker.failed),
    heardText(worker),
    worker.taskTypes.join(", "),
  ]);
  return table(head, rows, { palette: side.palette, columns: widthOf(side), right: [5, 6, 7] });
}

/** A master that was started anew knows nothing of what was heard before. */
function heardText({ silentMs }: WorkerRecord): string {
  return silentMs === undefined ? "before restart" : `${length(silentMs)} ago`;
}

/** `2/4 slots, 512/2048 memory` */
function usedOf({ capacity, used }: WorkerRecord): string {
  return Object.entries(capacity)
    .map(([kind, amount]) => `${used[kind] ?? 0}/${amount} ${kind}`)
    .join(", ");
}
