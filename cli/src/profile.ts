import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { duration } from "./arguments.js";
import { CliError } from "./errors.js";
import type { Profiles } from "./profile-file.js";
import { systemReason } from "./system-reason.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the profiles are: `$XDG_CONFIG_HOME/capstan/config.yaml`. */
export function configurationPath(env: Environment): string {
  const base = env["XDG_CONFIG_HOME"];
  const folder = base === undefined || base === "" ? join(homedir(), ".config") : base;
  return join(folder, "capstan", "config.yaml");
}

/**
 * Puts the values of the profile where neither flag nor environment said anything. Without `--profile` the
 * one called `default` is used, if there is one.
 */
export async function applyProfile(program: Command, env: Environment): Promise<void> {
  const path = configurationPath(env);
  const profiles = await readProfiles(path);
  const name = program.opts<{ profile?: string }>().profile;
  const chosen = profiles[name ?? "default"];
  if (chosen === undefined) {
    if (name === undefined) return;
    throw new CliError(`there is no profile ${name} in ${path}`, { hint: known(profiles) });
  }
  for (const [key, value] of Object.entries(chosen)) {
    if (!unsaid.has(program.getOptionValueSource(key))) continue;
    const parsed = key === "commandTimeout" ? lengthOf(path, String(value)) : value;
    program.setOptionValueWithSource(key, parsed, "config");
  }
}

const unsaid: ReadonlySet<string | undefined> = new Set([undefined, "default"]);

function known(profiles: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(profiles);
  return names.length === 0 ? "it has no profiles" : `it has: ${names.join(", ")}`;
}

function lengthOf(path: string, text: string): number {
  try {
    return duration(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError(`${path}: commandTimeout: ${message}`, { cause: error });
  }
}

async function readProfiles(path: string): Promise<Profiles> {
  const text = readIfThere(path);
  if (text === undefined) return {};
  // Loaded only where there is a file: what reads and checks it takes longer than a whole command.
  const { parseProfiles } = await import("./profile-file.js");
  return parseProfiles(text, path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CliError(`the configuration file ${path} cannot be read: ${systemReason(error)}`, {
      hint: "mend it or move it away; $XDG_CONFIG_HOME/capstan is the folder that it is looked for in",
      cause: error,
    });
  }
}
