import type { WorkerRecord } from "@capstan/sdk";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.js";
import { agoOf, count, number } from "../output/human.js";
import { widthOf } from "../output/job-view.js";
import { writeList } from "../output/list.js";
import { workerState } from "../output/states.js";
import { table, type Cell } from "../output/table.js";
import type { Session, Side } from "../session.js";
import { examples, type Program } from "./command.js";
import { limitText } from "./job-list.js";

interface ListFlags {
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
  readonly limit?: number;
}

/** `capstan worker list` */
export function addWorkerList(parent: Command, program: Program): void {
  parent
    .command("list")
    .alias("ls")
    .description("list the workers that serve the namespace")
    .option("--all", "also those that have been gone for more than an hour")
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

async function list(session: Session, flags: ListFlags): Promise<void> {
  const { client, out, err, settings } = session;
  const allNamespaces = flags.allNamespaces === true;
  const isShown =
    flags.all === true ? () => true : isStillOfInterest((await client.getMaster()).uptimeMs);
  let hidden = 0;
  await writeList(session, {
    read: async (page) => {
      const { items, ...rest } = await client.listWorkers({ allNamespaces, ...page });
      const shown = items.filter(isShown);
      hidden += items.length - shown.length;
      return { ...rest, items: shown };
    },
    table: (workers) => workerTable(workers, out),
    none: allNamespaces
      ? "There are no workers."
      : `There are no workers for the namespace ${settings.namespace}.`,
    limit: flags.limit,
  });
  if (hidden === 0) return;
  const who = count(hidden, "worker that has been gone", "workers that have been gone");
  err.line(err.palette.faint(`${who} for more than an hour: --all shows them too.`));
}

/** After this long without a word a worker that is lost or has left is nobody's concern any more. */
export const goneForMs = 3_600_000;

/** Of whom a master has not heard since it started, it knows that they have been silent for as long as it runs. */
export function isStillOfInterest(uptimeMs: number) {
  return ({ connection, silentMs = uptimeMs }: Pick<WorkerRecord, "connection" | "silentMs">) =>
    (connection !== "lost" && connection !== "left") || silentMs < goneForMs;
}

function workerTable(workers: readonly WorkerRecord[], side: Side): string {
  const head = [
    "WORKER",
    "HOST",
    "RACK",
    "STATE",
    "USED",
    "RUNNING",
    "STOPPING",
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
    number(worker.leases.running),
    // Taken away and not ended: what holds resources beside what runs.
    number(worker.leases.stopping),
    number(worker.succeeded),
    number(worker.failed),
    heardText(worker),
    worker.taskTypes.join(", "),
  ]);
  return table(head, rows, {
    palette: side.palette,
    columns: widthOf(side),
    right: [5, 6, 7, 8],
    spare: [2, 1, 9, 7, 6],
  });
}

/** A master that was started anew knows nothing of what was heard before. */
function heardText({ silentMs }: WorkerRecord): string {
  return silentMs === undefined ? "before restart" : agoOf(silentMs);
}

/** `2/4 slots, 512/2048 memory` */
function usedOf({ capacity, used }: WorkerRecord): string {
  return Object.entries(capacity)
    .map(([kind, amount]) => `${used[kind] ?? 0}/${amount} ${kind}`)
    .join(", ");
}
