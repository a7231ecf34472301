import type { JobState } from "@capstan/sdk";
import type { Command } from "commander";
import { filled } from "../arguments.js";
import { count } from "../output/human.js";
import { serialize } from "../output/plain.js";
import { isOver } from "../output/states.js";
import type { Session } from "../session.js";
import { examples, type Program } from "./command.js";

interface CancelFlags {
  readonly note?: string;
}

/** `capstan job cancel` */
export function addJobCancel(parent: Command, program: Program): void {
  parent
    .command("cancel")
    .description("cancel a job; one that has ended stays as it is")
    .argument("<job>", "the job's id", filled)
    .option("--note <text>", "why, for handlers and for whoever reads it later", filled)
    .addHelpText("after", examples('capstan job cancel JOB --note "wrong input"'))
    .action((jobId: string, flags: CancelFlags, command: Command) =>
      program.connected(command, (session) => cancel(session, jobId, flags)),
    );
}

async function cancel(session: Session, jobId: string, flags: CancelFlags): Promise<void> {
  const { client, out, settings } = session;
  const answer = await client.cancel(jobId, flags.note === undefined ? {} : { note: flags.note });
  if (settings.output !== "table") {
    return out.write(await serialize({ jobId, ...answer }, settings.output));
  }
  out.line(told(jobId, answer.state, answer.stillRunning));
}

function told(jobId: string, state: JobState, stillRunning: number): string {
  if (state === "succeeded" || state === "failed") {
    return `${jobId} had already ${state}: nothing is changed.`;
  }
  const stopping = `${count(stillRunning, "task")} still to stop`;
  if (!isOver(state)) return `${jobId} is being cancelled, ${stopping}.`;
  return `${jobId} is cancelled${stillRunning === 0 ? "" : `, ${stopping}`}.`;
}
