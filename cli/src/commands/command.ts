import type { Command } from "commander";
import { withSession, type Body, type Session } from "../session.js";
import type { Surroundings } from "../surroundings.js";

/** What a command needs of the program that it is part of. */
export interface Program {
  readonly surroundings: Surroundings;
  /** Does a command's work and keeps its exit code. */
  readonly connected: (command: Command, body: Body<Session>) => Promise<void>;
  /** The same for a command that speaks to no master. */
  readonly alone: (body: () => Promise<number | void>) => Promise<void>;
}

/** The program, with a place where exit codes go. */
export function programOf(surroundings: Surroundings, exit: (code: number) => void): Program {
  return {
    surroundings,
    connected: async (command, body) => exit(await withSession(command, surroundings, body)),
    alone: async (body) => exit((await body()) ?? 0),
  };
}

/** Examples under the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}
