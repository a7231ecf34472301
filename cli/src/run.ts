import { CommanderError, type Command } from "commander";
import { explain, Interrupted } from "./errors.js";
import { exitCodes } from "./exit-codes.js";
import { buildProgram } from "./program.js";
import { sides } from "./session.js";
import { nameOfAddress, type Settings } from "./settings.js";
import type { Surroundings } from "./surroundings.js";

/** Runs `capstan` with its arguments and resolves to the exit code. It never rejects. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = buildProgram(surroundings, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    // commander has told it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    return await tell(error, program, surroundings);
  }
}

async function tell(error: unknown, program: Command, surroundings: Surroundings): Promise<number> {
  // Whoever pressed Ctrl-C knows it; the command has said what goes on without it.
  if (error instanceof Interrupted) return error.exitCode;
  const { color, address, verbose } = program.opts<Settings>();
  const { err } = sides({ color }, surroundings);
  const { message, hint, exitCode } = await explain(error, address, nameOfAddress(program));
  err.line(`${err.palette.bad("error:")} ${message}`);
  if (hint !== "") err.line(err.palette.faint(hint));
  if (verbose) err.line(err.palette.faint(inspectError(error)));
  return exitCode;
}

function inspectError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${inspectError(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
