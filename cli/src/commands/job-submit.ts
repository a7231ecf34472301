import type { JobHandle, Warning } from "@capstan/sdk";
import type { Command } from "commander";
import { filled } from "../arguments.js";
import { Interrupted } from "../errors.js";
import { Interrupts } from "../interrupts.js";
import { serialize } from "../output/plain.js";
import { warningLine } from "../output/troubles.js";
import type { Session } from "../session.js";
import { traced } from "../traced.js";
import { examples, type Program } from "./command.js";

/** What is needed to submit a job. */
export interface SubmitFlags {
  readonly key?: string;
  readonly quiet?: boolean;
}

/** `capstan job submit` */
export function addJobSubmit(parent: Command, program: Program): void {
  parent
    .command("submit")
    .description("submit a job and print its id")
    .argument("<file>", "the job definition, JSON or YAML; - reads the standard input", filled)
    .option("--key <text>", "idempotency key: the same key and content give the same job", filled)
    .option("-q, --quiet", "no hints")
    .addHelpText(
      "after",
      examples("capstan job submit flights.json", "id=$(capstan job submit -q - < flights.yaml)"),
    )
    .action((file: string, flags: SubmitFlags, command: Command) =>
      program.connected(command, (session) => traced(() => submitOnly(session, file, flags))),
    );
}

async function submitOnly(session: Session, file: string, flags: SubmitFlags): Promise<void> {
  const interrupts = new Interrupts(session.surroundings);
  try {
    const handle = await submit(session, file, flags, interrupts);
    const { jobId, state, existing, warnings } = handle;
    tellWarnings(session, warnings);
    const format = session.settings.output;
    if (format === "table") session.out.line(jobId);
    else await session.out.write(await serialize({ jobId, state, existing, warnings }, format));
    if (flags.quiet !== true) hintAt(session, handle);
  } finally {
    interrupts.stop();
  }
}

/**
 * Reads a job and submits it. What stands in its way is the caller's to tell, with {@link tellWarnings}.
 * @throws Interrupted when somebody ends the command before the job is whole
 */
export async function submit(
  session: Session,
  file: string,
  flags: SubmitFlags,
  interrupts: Interrupts,
): Promise<JobHandle> {
  // Loaded here for the sake of every other command's start.
  const [{ readJobFile }, { inWordsOfFile }] = await Promise.all([
    import("../job-file/read-job-file.js"),
    import("../job-file/refused-by-master.js"),
  ]);
  const job = await readJobFile(file, session.surroundings.stdin);
  const signal = AbortSignal.any([session.timeUp, interrupts.signal]);
  try {
    return await session.client.submit(job, {
      signal,
      ...(flags.key === undefined ? {} : { idempotencyKey: flags.key }),
    });
  } catch (error) {
    if (signal.aborted) tellUnfinished(session, flags);
    throw signal.aborted ? signal.reason : inWordsOfFile(error, file, job);
  }
}

/** Says what the master warned of when the job came. */
export function tellWarnings({ err }: Session, warnings: readonly Warning[]): void {
  for (const warning of warnings) err.line(warningLine(warning, err));
}

function tellUnfinished({ err, settings }: Session, flags: SubmitFlags): void {
  err.line(
    flags.key === undefined
      ? `The job may not be submitted whole: \`capstan job list${settings.whereFlags}\` shows it. An upload that stops lapses.`
      : `The job may not be submitted whole. The same call with --key ${flags.key} goes on with it.`,
  );
}

function hintAt({ err, settings }: Session, { jobId, existing }: JobHandle): void {
  const word = existing ? "That key was used before: this is the job of that time." : "Submitted.";
  const watch = `capstan job watch ${jobId}${settings.whereFlags}`;
  err.line(err.palette.faint(`${word} Watch it: ${watch}`));
}

/** Whether an error is somebody's Ctrl-C. */
export function isInterrupt(error: unknown): error is Interrupted {
  return error instanceof Interrupted;
}
