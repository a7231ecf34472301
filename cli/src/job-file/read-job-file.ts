import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { JobDefinition } from "@capstan/sdk";
import { parse } from "yaml";
import { CliError, exampleHint, lines } from "../errors.js";
import { systemReason } from "../system-reason.js";
import { whereJsonBreaks } from "./broken-json.js";
import { describeIssues } from "./describe-issues.js";
import { jobFile } from "./schema.js";

/** Whoever mends a file wants to see all of it; of a million bad tasks a hundred will do. */
export const mostIssues = 100;

/**
 * Reads a job definition, JSON or YAML, from a file or, as `-`, from the standard input.
 * @throws CliError when it cannot be read or is no job: every wrong field is named
 */
export async function readJobFile(path: string, stdin: Readable): Promise<JobDefinition> {
  const name = nameOfFile(path);
  const text = await readText(path, name, stdin);
  const checked = jobFile.safeParse(parseText(text, name));
  if (checked.success) return checked.data;
  const issues = describeIssues(checked.error);
  const isNoJobAtAll = checked.error.issues.some(({ path: place }) => place.length === 0);
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
 * JSON. Either way the error names the line.
 */
function parseText(text: string, name: string): unknown {
  if (text.trim() === "") throw new CliError(`${name} is empty`, { hint: exampleHint });
  try {
    return JSON.parse(text) as unknown;
  } catch (jsonError) {
    if (/\.json$/i.test(name)) throw noJson(text, name, jsonError);
    try {
      return parse(text) as unknown;
    } catch (error) {
      throw new CliError(`${name} is neither JSON nor YAML: ${messageOf(error)}`, { cause: error });
    }
  }
}

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
