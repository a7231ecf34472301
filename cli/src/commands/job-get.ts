import type { Command } from "commander";
import { filled } from "../arguments.js";
import { jobDetails } from "../output/job-view.js";
import { serialize } from "../output/plain.js";
import type { Session } from "../session.js";
import { examples, type Program } from "./command.js";

/** `capstan job get` */
export function addJobGet(parent: Command, program: Program): void {
  parent
    .command("get")
    .description("show a job with its stages")
    .argument("<job>", "the job's id", filled)
    .addHelpText("after", examples("capstan job get JOB", "capstan job get JOB -o json"))
    .action((jobId: string, _flags: unknown, command: Command) =>
      program.connected(command, (session) => get(session, jobId)),
    );
}

async function get({ client, out, settings, surroundings }: Session, jobId: string): Promise<void> {
  const job = await client.getJob(jobId);
  if (settings.output === "table") out.line(jobDetails(job, out, surroundings.now()));
  else await out.write(await serialize(job, settings.output));
}
