import { CapstanError, type JobDefinition } from "@capstan/sdk";
import { CliError, exitCodeOfCall, hintOf, lines } from "../errors.js";
import { fileField } from "./file-field.js";
import { mostIssues, nameOfFile } from "./read-job-file.js";

/**
 * What the master said of a job, in the words of the file that it was read from. What names no field comes
 * back as it is.
 */
export function inWordsOfFile(error: unknown, path: string, job: JobDefinition): unknown {
  if (!(error instanceof CapstanError)) return error;
  const points = pointsOf(error, job);
  if (points.length === 0) return error;
  return new CliError(lines(`the master refuses ${nameOfFile(path)}`, points, mostIssues), {
    exitCode: exitCodeOfCall(error),
    hint: hintOf(error),
    cause: error,
  });
}

function pointsOf(error: CapstanError, job: JobDefinition): string[] {
  const { violations, metadata } = error;
  const named = metadata["field"];
  const fields = violations.map(({ field, description }) => {
    return `${fileField(field, job)}: ${description}`;
  });
  if (fields.length > 0 || named === undefined) return fields;
  // The sentence of a limit begins with the field.
  const [, what = error.message] = error.message.split(`${named}: `);
  const place = fileField(named, job);
  return [place === "" ? what : `${place}: ${what}`];
}
