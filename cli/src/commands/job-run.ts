import type { Command } from "commander";
import { filled, wholeNumber } from "../arguments.js";
import { follow } from "../follow.js";
import { Interrupts } from "../interrupts.js";
import { tellEnd } from "../output/job-end.js";
import { progressView, type ProgressView } from "../output/progress.js";
import type { Session } from "../session.js";
import { traced } from "../traced.js";
import { examples, type Program } from "./command.js";
import { writeOutputs, type OutputFlags } from "./job-outputs.js";
import { isInterrupt, submit, tellWarnings, type SubmitFlags } from "./job-submit.js";

interface RunFlags extends SubmitFlags, OutputFlags {
  readonly outputs?: boolean;
  readonly cancelOnInterrupt?: boolean;
}

/** `capstan job run` */
export function addJobRun(parent: Command, program: Program): void {
  parent
    .command("run")
    .description("submit a job, show its progress, and end with it: code 0 if it succeeded, else 1")
    .argument("<file>", "the job definition, JSON or YAML; - reads the standard input", filled)
    .option("--outputs", "print the outputs when the job has succeeded, as `job outputs` does")
    .option(
      "--stage <name>",
      "with --outputs: the stage (default: the one that no other reads)",
      filled,
    )
    .option("--partition <index>", "with --outputs: only this partition", wholeNumber)
    .option("--task <index>", "with --outputs: only the task of this index", wholeNumber)
    .option("--raw", "with --outputs: the bytes as they are")
    .option("--key <text>", "idempotency key: the same key and content give the same job", filled)
    .option("--cancel-on-interrupt", "Ctrl-C cancels the job; without this it goes on")
    .option("-q, --quiet", "no progress, no hints")
    .addHelpText(
      "after",
      examples(
        "capstan job run flights.json",
        "capstan job run flights.yaml --outputs > answer.json",
      ),
    )
    .action((file: string, flags: RunFlags, command: Command) =>
      program.connected(command, (session) => traced(() => run(session, file, flags))),
    );
}

async function run(session: Session, file: string, flags: RunFlags): Promise<number> {
  const interrupts = new Interrupts(session.surroundings);
  try {
    const { jobId, warnings } = await submit(session, file, flags, interrupts);
    const quiet = flags.quiet === true;
    if (!quiet) session.err.line(`Submitted ${jobId}`);
    tellWarnings(session, warnings);
    const view = progressView(session, { quiet, outputs: flags.outputs === true });
    if (flags.cancelOnInterrupt === true) cancelAtFirst(session, jobId, view, interrupts);
    const job = await follow(session, jobId, view, interrupts, warnings).catch((error: unknown) => {
      if (isInterrupt(error) || session.timeUp.aborted) tellDetached(session, jobId);
      throw error;
    });
    const wantsOutputs = flags.outputs === true && job.state === "succeeded";
    if (quiet && wantsOutputs) return await writeOutputs(session, job, flags);
    const outputs = flags.outputs !== true ? "unwanted" : wantsOutputs ? "follow" : "missing";
    const code = await tellEnd(session, job, { outputs });
    return wantsOutputs ? await writeOutputs(session, job, flags) : code;
  } finally {
    interrupts.stop();
  }
}

/** The first Ctrl-C asks the master to cancel; the command goes on until the job has ended. */
function cancelAtFirst(
  session: Session,
  jobId: string,
  view: ProgressView,
  interrupts: Interrupts,
): void {
  interrupts.onFirst(() => {
    view.note("Cancelling. Ctrl-C once more leaves at once.");
    const note = "interrupted in capstan job run";
    session.client.cancel(jobId, { note }).catch((error: unknown) => {
      view.note(`It could not be cancelled: ${error instanceof Error ? error.message : "?"}`);
    });
    return true;
  });
}

/** Says that the job goes on without its watcher, and what can be done about it. */
export function tellDetached({ err, settings }: Session, jobId: string): void {
  err.line(`Detached: ${jobId} goes on.`);
  err.line(`  watch it   capstan job watch ${jobId}${settings.whereFlags}`);
  err.line(`  cancel it  capstan job cancel ${jobId}${settings.whereFlags}`);
}
