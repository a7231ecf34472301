import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { TaskDefinition, TaskInput } from "../job-definition.js";
import { fieldsOf, refuseUnknown } from "../known-fields.js";

/** A file to split. */
export interface DataFile {
  /** Its path, or a `file:` URL. */
  readonly path: string;
  /** The hosts that hold a copy, as workers name theirs. */
  readonly hosts?: readonly string[];
}

/** How files are split. */
export interface SplitOptions {
  /** How large a range shall be. Bytes, at least 1; default 16 MiB. The last of a file may be a tenth larger. */
  readonly targetBytes?: number;
}

/** How a data set becomes tasks. */
export interface InputTasksOptions extends SplitOptions {
  /** The payload of every task, or what makes it from the task's range. Default none. */
  readonly payload?: unknown;
  /** What all tasks have in common. */
  readonly task?: Omit<TaskDefinition, "payload" | "inputs">;
}

const splitFields = fieldsOf<SplitOptions>({ targetBytes: null });
const inputTasksFields = fieldsOf<InputTasksOptions>({
  targetBytes: null,
  payload: null,
  task: null,
});

const defaultTargetBytes = 16 * 1024 * 1024;

/** A rest of no more than this share of a range is joined to the range before it. */
const slop = 0.1;

/**
 * Cuts files of lines into byte ranges for tasks. The cuts fall anywhere: `readLines` gives each line to
 * the one range that it starts in. Empty files have no range.
 * @param files paths, `file:` URLs, or files with the hosts that hold them
 * @returns the ranges, in the order of the files, each with a `file:` URI
 * @throws InvalidArgumentError for an option that is not known; RangeError for a target below one byte; whatever `stat` throws for a file that is not there
 */
export async function splitLines(
  files: Iterable<string | DataFile>,
  options: SplitOptions = {},
): Promise<TaskInput[]> {
  refuseUnknown(options, splitFields);
  const targetBytes = options.targetBytes ?? defaultTargetBytes;
  if (!Number.isInteger(targetBytes) || targetBytes < 1) {
    throw new RangeError(`targetBytes must be a whole number of at least 1, got ${targetBytes}`);
  }
  const inputs: TaskInput[] = [];
  for (const file of files) {
    const { path, hosts = [] } = typeof file === "string" ? { path: file } : file;
    const { size } = await stat(pathOf(path));
    const uri = uriOf(path);
    for (const { offsetBytes, sizeBytes } of rangesOf(size, targetBytes)) {
      inputs.push({ uri, offsetBytes, sizeBytes, hosts });
    }
  }
  return inputs;
}

/**
 * Turns a data set into the tasks of a stage, one for each range of `splitLines`.
 * @throws as splitLines
 */
export async function inputTasks(
  files: Iterable<string | DataFile>,
  options: InputTasksOptions = {},
): Promise<TaskDefinition[]> {
  refuseUnknown(options, inputTasksFields);
  const { payload, task, targetBytes } = options;
  const inputs = await splitLines(files, targetBytes === undefined ? {} : { targetBytes });
  return inputs.map((input, index) => ({
    ...task,
    inputs: [input],
    payload:
      typeof payload === "function"
        ? (payload as (input: TaskInput, index: number) => unknown)(input, index)
        : payload,
  }));
}

/** The ranges that cover a file of that size: all of the target's size but the last. */
export function rangesOf(
  sizeBytes: number,
  targetBytes: number,
): { readonly offsetBytes: number; readonly sizeBytes: number }[] {
  const ranges = [];
  let offsetBytes = 0;
  while (offsetBytes < sizeBytes) {
    const leftBytes = sizeBytes - offsetBytes;
    const isLast = leftBytes <= targetBytes * (1 + slop);
    const take = isLast ? leftBytes : targetBytes;
    ranges.push({ offsetBytes, sizeBytes: take });
    offsetBytes += take;
  }
  return ranges;
}

/** The path that a path or a `file:` URI names. */
export function pathOf(uriOrPath: string): string {
  return uriOrPath.startsWith("file:") ? fileURLToPath(uriOrPath) : uriOrPath;
}

function uriOf(path: string): string {
  return path.startsWith("file:") ? path : pathToFileURL(resolve(path)).href;
}
