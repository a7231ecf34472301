import { open, type FileHandle } from "node:fs/promises";
import type { TaskInput } from "../job-definition.js";
import { fieldsOf, refuseUnknown } from "../known-fields.js";
import { pathOf } from "./split-lines.js";

/** How a range is read. */
export interface ReadOptions {
  /** How much is read at once. Bytes, at least 1; default 64 KiB. */
  readonly chunkBytes?: number;
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with the size of each piece that was read, and awaited: a place to throttle or to count. */
  readonly onRead?: (bytes: number) => void | Promise<void>;
}

const readFields = fieldsOf<ReadOptions>({ chunkBytes: null, signal: null, onRead: null });

const defaultChunkBytes = 64 * 1024;
const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Reads the lines of a byte range, without their ends (LF or CRLF), as UTF-8. A range owns the lines that
 * start in it: it skips the rest of a line that began before, and reads past its own end to finish its last
 * one, so that over all ranges of a file every line is read exactly once, wherever the cuts fall. A last
 * line without an end is a line.
 *
 * The rule is that of Hadoop's TextInputFormat.
 * Source: https://hadoop.apache.org/docs/stable/api/org/apache/hadoop/mapred/TextInputFormat.html
 *
 * @param input a `file:` URI or a path; `sizeBytes` 0 or unset means to the end of the file
 * @throws whatever opening and reading the file throws; the signal's reason
 */
export async function* readLines(
  input: TaskInput,
  options: ReadOptions = {},
): AsyncGenerator<string, void, undefined> {
  refuseUnknown(options, readFields);
  const start = input.offsetBytes ?? 0;
  const size = input.sizeBytes ?? 0;
  const end = size === 0 ? Infinity : start + size;
  const file = await open(pathOf(input.uri));
  try {
    // The byte before the range tells whether its first byte starts a line.
    const chunks = readChunks(file, Math.max(0, start - 1), options);
    yield* linesOf(chunks, { start, end });
  } finally {
    await file.close();
  }
}

/**
 * Reads the values of a byte range of JSON lines: as readLines, each line parsed, blank lines left out.
 * @throws SyntaxError for a line that is not JSON, naming the file and the byte where the range starts
 */
export async function* readJsonLines<T = unknown>(
  input: TaskInput,
  options: ReadOptions = {},
): AsyncGenerator<T, void, undefined> {
  let place = 0;
  for await (const line of readLines(input, options)) {
    place += 1;
    if (line.trim() === "") continue;
    try {
      yield JSON.parse(line) as T;
    } catch (error) {
      const where = `${input.uri} from byte ${input.offsetBytes ?? 0}, line ${place} of the range`;
      throw new SyntaxError(`${where}: ${(error as Error).message}`, { cause: error });
    }
  }
}

interface Chunk {
  readonly bytes: Buffer;
  /** Where in the file it starts. */
  readonly position: number;
}

async function* readChunks(
  file: FileHandle,
  from: number,
  { chunkBytes = defaultChunkBytes, signal, onRead }: ReadOptions,
): AsyncGenerator<Chunk, void, undefined> {
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1) {
    throw new RangeError(`chunkBytes must be a whole number of at least 1, got ${chunkBytes}`);
  }
  let position = from;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead, buffer } = await file.read(
      Buffer.allocUnsafe(chunkBytes),
      0,
      chunkBytes,
      position,
    );
    if (bytesRead === 0) return;
    await onRead?.(bytesRead);
    yield { bytes: buffer.subarray(0, bytesRead), position };
    position += bytesRead;
  }
}

async function* linesOf(
  chunks: AsyncIterable<Chunk>,
  range: { readonly start: number; readonly end: number },
): AsyncGenerator<string, void, undefined> {
  // Where the line that is being read starts; undefined while the rest of an earlier line is skipped.
  let lineStart = range.start === 0 ? 0 : undefined;
  let begun: Buffer[] = [];
  for await (const { bytes, position } of chunks) {
    // Whatever line ends from here on, the next one starts beyond the range.
    if (lineStart === undefined && position + 1 >= range.end) return;
    let at = 0;
    for (;;) {
      if (lineStart !== undefined && lineStart >= range.end) return;
      const found = bytes.indexOf(newline, at);
      if (found === -1) break;
      if (lineStart !== undefined) {
        yield lineText(begun, bytes.subarray(at, found));
        begun = [];
      }
      at = found + 1;
      lineStart = position + at;
    }
    if (lineStart !== undefined && at < bytes.length) begun.push(bytes.subarray(at));
  }
  if (lineStart !== undefined && lineStart < range.end && begun.length > 0) {
    yield lineText(begun, emptyBytes);
  }
}

const emptyBytes = Buffer.alloc(0);

function lineText(begun: readonly Buffer[], last: Buffer): string {
  const line = begun.length === 0 ? last : Buffer.concat([...begun, last]);
  const hasReturn = line.length > 0 && line[line.length - 1] === carriageReturn;
  return line.toString("utf8", 0, hasReturn ? line.length - 1 : line.length);
}
