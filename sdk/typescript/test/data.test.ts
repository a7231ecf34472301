import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { inputTasks, readJsonLines, readLines, splitLines, type TaskInput } from "../src/index.js";
import { drained } from "./support/fixtures.js";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "capstan-split-"));
});
after(() => rm(folder, { recursive: true }));

async function fileOf(content: string | Uint8Array, name = "lines"): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function linesOf(input: TaskInput, chunkBytes?: number): Promise<string[]> {
  const lines: string[] = [];
  const options = chunkBytes === undefined ? {} : { chunkBytes };
  for await (const line of readLines(input, options)) lines.push(line);
  return lines;
}

/** Every line of all ranges, in order. */
async function readAll(path: string, targetBytes: number, chunkBytes?: number): Promise<string[]> {
  const all: string[] = [];
  for (const input of await splitLines([path], { targetBytes })) {
    all.push(...(await linesOf(input, chunkBytes)));
  }
  return all;
}

describe("splitting files of lines", () => {
  it("reads every line exactly once, whatever the size of ranges and reads", async () => {
    // Lines of any length, some longer than a range, with characters of one to four bytes.
    const text = fc.stringMatching(/^[a-zé漢😀 \t]*$/u);
    const line = fc.oneof(text, text, fc.constant(""), fc.constant("x".repeat(97)));
    const file = fc.record({
      lines: fc.array(line, { maxLength: 30 }),
      ends: fc.infiniteStream(fc.constantFrom("\n", "\r\n")),
      endsWithNewline: fc.boolean(),
      targetBytes: fc.integer({ min: 1, max: 60 }),
      chunkBytes: fc.integer({ min: 1, max: 50 }),
    });
    let splits = 0;
    await fc.assert(
      fc.asyncProperty(file, async ({ lines, ends, endsWithNewline, targetBytes, chunkBytes }) => {
        const last = lines.length - 1;
        const content = lines
          .map((one, at) => one + (at === last && !endsWithNewline ? "" : ends.next().value!))
          .join("");
        // An empty last line without an end is no line.
        const expected = !endsWithNewline && lines[last] === "" ? lines.slice(0, -1) : lines;
        const path = await fileOf(content);
        const inputs = await splitLines([path], { targetBytes });
        if (inputs.length > 1) splits += 1;
        assert.deepEqual(await readAll(path, targetBytes, chunkBytes), expected);
      }),
      { numRuns: 200 },
    );
    assert.ok(splits > 100, "most files were split");
  });

  it("covers each file without gaps, with its hosts, and leaves out empty ones", async () => {
    const a = await fileOf("x".repeat(1_000), "a");
    const b = await fileOf("", "b");
    const inputs = await splitLines([{ path: a, hosts: ["h1"] }, b], { targetBytes: 300 });
    const uri = pathToFileURL(a).href;
    const ranges = [
      [0, 300],
      [300, 300],
      [600, 300],
      [900, 100],
    ];
    assert.deepEqual(
      inputs,
      ranges.map(([offsetBytes, sizeBytes]) => ({ uri, offsetBytes, sizeBytes, hosts: ["h1"] })),
    );
  });

  it("joins a small rest to the range before it", async () => {
    const path = await fileOf("x".repeat(1_050));
    const inputs = await splitLines([path], { targetBytes: 500 });
    assert.deepEqual(
      inputs.map(({ sizeBytes }) => sizeBytes),
      [500, 550],
    );
  });

  it("makes a task of each range", async () => {
    const path = await fileOf("1\n2\n3\n4\n");
    const tasks = await inputTasks([path], {
      targetBytes: 4,
      payload: (input: TaskInput, index: number) => ({ index, from: input.offsetBytes }),
      task: { attemptTimeoutMs: 5 },
    });
    assert.deepEqual(
      tasks.map(({ payload, attemptTimeoutMs }) => ({ payload, attemptTimeoutMs })),
      [
        { payload: { index: 0, from: 0 }, attemptTimeoutMs: 5 },
        { payload: { index: 1, from: 4 }, attemptTimeoutMs: 5 },
      ],
    );
  });

  it("reads a whole file when the input has no size, and JSON lines as values", async () => {
    const path = await fileOf('{"a":1}\n\n  \n{"a":2}');
    const values: unknown[] = [];
    for await (const value of readJsonLines({ uri: path })) values.push(value);
    assert.deepEqual(values, [{ a: 1 }, { a: 2 }]);
  });

  it("names the place of a line that is not JSON", async () => {
    const path = await fileOf("1\n{\n");
    await assert.rejects(async () => {
      await drained(readJsonLines({ uri: pathToFileURL(path).href }));
    }, /line 2 of the range/);
  });

  it("tells how much it reads, and stops when its signal says so", async () => {
    const path = await fileOf("12\n".repeat(100));
    const controller = new AbortController();
    let bytes = 0;
    const reading = async (): Promise<void> => {
      const options = {
        chunkBytes: 30,
        signal: controller.signal,
        onRead: (read: number) => {
          bytes += read;
          if (bytes === 90) controller.abort(new Error("enough"));
        },
      };
      await drained(readLines({ uri: path }, options));
    };
    await assert.rejects(reading(), /enough/);
    assert.equal(bytes, 90);
  });

  it("refuses a target below one byte", async () => {
    await assert.rejects(splitLines([], { targetBytes: 0 }), RangeError);
  });
});
