import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { JobDefinition } from "@capstan/sdk";
import { YAMLParseError } from "yaml";
import { CliError, exampleHint, lines } from "../errors.js";
import { systemReason } from "../system-reason.js";
import { whereJsonBreaks } from "./broken-json.js";
import { describeIssues } from "./describe-issues.js";
import { readJson, readYaml, type Read } from "./lossless.js";
import { jobFile } from "./schema.js";
import { TooDeep } from "./too-deep.js";

/** Whoever mends a file wants to see all of it; of a million bad tasks a hundred will do. */
export const mostIssues = 100;

/**
 * Reads a job definition, JSON or YAML, from a file or, as `-`, from the standard input.
 * @throws CliError when it cannot be read or is no job: every wrong field is named
 */
export async function readJobFile(path: string, stdin: Readable): Promise<JobDefinition> {
  const name = nameOfFile(path);
  const text = await readText(path, name, stdin);
  const { value, losses } = parseText(text, name);
  if (losses.length > 0)
    throw new CliError(lines(`${name} says what would be lost`, losses, mostIssues));
  const checked = jobFile.safeParse(value);
  if (checked.success) return checked.data;
  const issues = describeIssues(checked.error);
  const isNoJobAtAll = checked.error.issues.some(
    ({ path: place, code }) => place.length === 0 && code !== "unrecognized_keys",
  );
  throw new CliError(lines(`${name} is no job definition`, issues, mostIssues), {
    hint: isNoJobAtAll ? exampleHint : "docs/cli.md describes job definitions",
  });
}

/** How a job file is called in messages. */
export function nameOfFile(path: string): string {
  return path === "-" ? "the standard input" : path;
}

async function readText(path: string, name: string, stdin: Readable): Promise<string> {
  try {
    const bytes = path === "-" ? await buffer(stdin) : await readFile(path);
    return bytes.toString("utf8");
  } catch (error) {
    throw new CliError(`${name} cannot be read: ${systemReason(error)}`, { cause: error });
  }
}

/**
 * JSON first, since it is the faster of the two; what is no JSON may be YAML, unless its name says that it is
 * JSON. Either way the error names the line, and nothing that is written is lost.
 */
function parseText(text: string, name: string): Read {
  if (text.trim() === "") throw new CliError(`${name} is empty`, { hint: exampleHint });
  try {
    return readJson(text);
  } catch (jsonError) {
    if (jsonError instanceof TooDeep) throw tooDeep(name, jsonError);
    if (/\.json$/i.test(name)) throw noJson(text, name, jsonError);
    try {
      return readYaml(text);
    } catch (error) {
      if (error instanceof TooDeep) throw tooDeep(name, error);
      const isTwice = error instanceof YAMLParseError && error.code === "DUPLICATE_KEY";
      const what = isTwice ? "has a field twice" : "is neither JSON nor YAML";
      throw new CliError(`${name} ${what}: ${messageOf(error)}`, { cause: error });
    }
  }
}

const tooDeep = (name: string, cause: TooDeep): CliError =>
  new CliError(`${name} ${cause.message}`, { cause });

function noJson(text: string, name: string, cause: unknown): CliError {
  const found = whereJsonBreaks(text);
  const why =
    found === undefined
      ? messageOf(cause)
      : `line ${found.line}, column ${found.column}: ${found.problem}`;
  return new CliError(`${name} is no JSON: ${why}`, { cause });
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim();
}
