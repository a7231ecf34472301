import type { Job, TaskOutput } from "@capstan/sdk";
import type { Command } from "commander";
import { filled, wholeNumber } from "../arguments.js";
import { CliError } from "../errors.js";
import { exitCodes } from "../exit-codes.js";
import { count, firstLine, number, size } from "../output/human.js";
import { widthOf } from "../output/job-view.js";
import { serialize } from "../output/plain.js";
import { isOver } from "../output/states.js";
import { table } from "../output/table.js";
import type { Session } from "../session.js";
import { examples, type Program } from "./command.js";

/** Which outputs, and how. */
export interface OutputFlags {
  readonly stage?: string;
  readonly partition?: number;
  readonly task?: number;
  readonly raw?: boolean;
}

/** `capstan job outputs` */
export function addJobOutputs(parent: Command, program: Program): void {
  parent
    .command("outputs")
    .description(
      "print the outputs of a job: a table on a terminal, the bytes as they are elsewhere",
    )
    .argument("<job>", "the job's id", filled)
    .option("--stage <name>", "the stage (default: the one that no other reads)", filled)
    .option("--partition <index>", "only this partition", wholeNumber)
    .option("--task <index>", "only the task of this index", wholeNumber)
    .option("--raw", "the bytes as they are, one output after the other, also on a terminal")
    .addHelpText(
      "after",
      examples(
        "capstan job outputs JOB",
        "capstan job outputs JOB --task 7 > seven.bin",
        "capstan job outputs JOB -o jsonl | jq .value",
      ),
    )
    .action((jobId: string, flags: OutputFlags, command: Command) =>
      program.connected(command, async (session) => {
        return writeOutputs(session, await session.client.getJob(jobId), flags);
      }),
    );
}

/**
 * Writes the outputs of a job in the way that flags, format and stream ask for.
 * @returns the exit code: not 0 where outputs are missing because the job did not succeed
 */
export async function writeOutputs(
  session: Session,
  job: Job,
  flags: OutputFlags,
): Promise<number> {
  const stage = flags.stage ?? lastStage(job);
  try {
    await write(session, job, stage, flags);
  } catch (error) {
    throw await asNeverReady(error, session, job, stage, flags);
  }
  return flags.task === undefined ? tellMissing(session, job, stage) : exitCodes.ok;
}

/** Says how many tasks of the stage put out nothing and never will. */
function tellMissing(session: Session, job: Job, name: string): number {
  const counts = job.stages.find((stage) => stage.name === name)?.counts;
  const missing = (counts?.failed ?? 0) + (counts?.cancelled ?? 0);
  if (counts === undefined || missing === 0) return exitCodes.ok;
  const { err } = session;
  const { succeeded, total } = counts;
  err.line(
    err.palette.warn(
      `warning: ${job.jobId} ${job.state}: these are the outputs of ${number(succeeded)} of ` +
        `${count(total, "task")} of stage ${name}`,
    ),
  );
  // Failures that the job tolerates are part of its success.
  return job.state === "succeeded" ? exitCodes.ok : exitCodes.failed;
}

/** Of a job that is over nothing comes any more: there is nothing to wait for. */
async function asNeverReady(
  error: unknown,
  { settings }: Session,
  job: Job,
  stage: string,
  { task }: OutputFlags,
): Promise<unknown> {
  const { CapstanError } = await import("@capstan/sdk");
  const isNotReady = error instanceof CapstanError && error.reason === "OUTPUT_NOT_READY";
  if (!isNotReady || !isOver(job.state) || task === undefined) return error;
  const taskId = `${job.jobId}/${stage}/${task}`;
  return new CliError(`${taskId} has no outputs and never will: ${job.jobId} ${job.state}`, {
    exitCode: exitCodes.failed,
    hint: `\`capstan task get ${taskId}${settings.whereFlags}\` tells what became of it`,
    cause: error,
  });
}

async function write(session: Session, job: Job, stage: string, flags: OutputFlags): Promise<void> {
  const outputs = session.client.outputs(job.jobId, {
    stage,
    signal: session.timeUp,
    ...(flags.partition === undefined ? {} : { partition: flags.partition }),
    ...(flags.task === undefined ? {} : { taskIndex: flags.task }),
  });
  const { output: format, outputChosen } = session.settings;
  const asTable = outputChosen || session.out.stream.isTTY === true;
  if (flags.raw === true || (format === "table" && !asTable)) return writeRaw(session, outputs);
  if (format === "jsonl") {
    for await (const output of outputs)
      await session.out.write(await serialize(record(output), format));
    return;
  }
  const all: TaskOutput[] = [];
  for await (const output of outputs) all.push(output);
  if (format !== "table") return session.out.write(await serialize(all.map(record), format));
  if (all.length === 0) session.err.line("There are no outputs.");
  else session.out.line(outputTable(session, all));
}

/** The stage whose outputs are the job's: the one that no other waits for. */
function lastStage(job: Job): string {
  const read = new Set(job.stages.flatMap(({ dependsOn }) => dependsOn.map(({ stage }) => stage)));
  const last = job.stages.map(({ name }) => name).filter((name) => !read.has(name));
  const [only] = last;
  if (only !== undefined && last.length === 1) return only;
  throw new CliError(`${job.jobId} has several last stages: ${last.join(", ")}`, {
    hint: "--stage names the one whose outputs are wanted",
  });
}

async function writeRaw(session: Session, outputs: AsyncIterable<TaskOutput>): Promise<void> {
  for await (const output of outputs) {
    if (output.reference === undefined) await session.out.write(output.bytes);
    else session.err.line(`task ${output.taskIndex}: its output is at ${output.reference.uri}`);
  }
}

/** An output for programs: its value where it is JSON, else its bytes, else where it lies. */
function record(output: TaskOutput): unknown {
  const { taskIndex, partition, attempt, generation } = output;
  return { taskIndex, partition, attempt, generation, ...contentOf(output) };
}

function contentOf(output: TaskOutput): object {
  if (output.reference !== undefined) return { reference: output.reference };
  try {
    return { value: output.value() };
  } catch {
    return { bytesBase64: output.bytes };
  }
}

function outputTable(session: Session, outputs: readonly TaskOutput[]): string {
  const { out } = session;
  const head = ["TASK", "PARTITION", "SIZE", "OUTPUT"];
  const rows = outputs.map((output) => [
    String(output.taskIndex),
    String(output.partition),
    size(output.reference?.sizeBytes ?? output.bytes.byteLength),
    output.reference?.uri ?? preview(output.bytes),
  ]);
  return table(head, rows, { palette: out.palette, columns: widthOf(out), right: [0, 1, 2] });
}

/** The text of an output, or a word for bytes that are none. */
function preview(bytes: Uint8Array): string {
  try {
    return firstLine(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return "(binary)";
  }
}
