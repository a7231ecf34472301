import type { Command } from "commander";
import { filled } from "../arguments.js";
import { follow } from "../follow.js";
import { Interrupts } from "../interrupts.js";
import { tellEnd } from "../output/job-end.js";
import { progressView } from "../output/progress.js";
import { warningLine } from "../output/troubles.js";
import type { Session } from "../session.js";
import { examples, type Program } from "./command.js";
import { tellDetached } from "./job-run.js";
import { isInterrupt } from "./job-submit.js";

interface WatchFlags {
  readonly quiet?: boolean;
}

/** `capstan job watch` */
export function addJobWatch(parent: Command, program: Program): void {
  parent
    .command("watch")
    .description("show a job's progress and end with it: code 0 if it succeeded, else 1")
    .argument("<job>", "the job's id", filled)
    .option("-q, --quiet", "no progress: only wait, and tell the end")
    .addHelpText(
      "after",
      examples(
        "capstan job watch JOB",
        "capstan job watch JOB -o jsonl | jq .job.counts.succeeded",
      ),
    )
    .action((jobId: string, flags: WatchFlags, command: Command) =>
      program.connected(command, (session) => watch(session, jobId, flags)),
    );
}

async function watch(session: Session, jobId: string, flags: WatchFlags): Promise<number> {
  // The watch repeats for ever while no master answers. This call does not, and says what is wrong.
  const { warnings } = await session.client.getJob(jobId);
  for (const warning of warnings) session.err.line(warningLine(warning, session.err));
  const interrupts = new Interrupts(session.surroundings);
  try {
    const view = progressView(session, { quiet: flags.quiet === true });
    const job = await follow(session, jobId, view, interrupts, warnings);
    return await tellEnd(session, job, { outputs: "unwanted" });
  } catch (error) {
    if (isInterrupt(error) || session.timeUp.aborted) tellDetached(session, jobId);
    throw error;
  } finally {
    interrupts.stop();
  }
}
