import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { JobDefinition } from "@capstan/sdk";
import fc from "fast-check";
import { CliError } from "../src/errors.js";
import { whereJsonBreaks } from "../src/job-file/broken-json.js";
import { fileField } from "../src/job-file/file-field.js";
import { mostIssues, readJobFile } from "../src/job-file/read-job-file.js";

const read = (text: string) => readJobFile("-", Readable.from([Buffer.from(text)]));

async function refused(text: string): Promise<CliError> {
  const error: unknown = await read(text).then(
    () => assert.fail("it was taken for a job"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CliError);
  assert.equal(error.exitCode, 2);
  return error;
}

describe("a job file", () => {
  it("is the SDK's job definition in JSON", async () => {
    const job = {
      name: "flights",
      stages: [
        { name: "map", taskType: "count", partitions: 4, tasks: [{ payload: { part: 1 } }, {}] },
        { taskType: "sum", tasks: [{}], dependsOn: [{ stage: "map", kind: "partition" }] },
      ],
      policy: { retry: { maxAttempts: 5, classes: [{ type: "Busy", backoffBaseMs: 10 }] } },
      onTaskFailure: { tolerateShare: 0.1 },
      labels: { team: "maps" },
      placement: { locality: "ignore" },
    };
    assert.deepEqual(await read(JSON.stringify(job)), job);
  });

  it("is the same in YAML", async () => {
    const yaml = "name: hello\nstages:\n  - taskType: greet\n    tasks: [{ payload: you }]\n";
    assert.deepEqual(await read(yaml), {
      name: "hello",
      stages: [{ taskType: "greet", tasks: [{ payload: "you" }] }],
    });
  });

  it("gives raw bytes as base64", async () => {
    const tasks = [{ payloadBase64: "AP8K" }];
    const job = await read(JSON.stringify({ name: "raw", stages: [{ taskType: "t", tasks }] }));
    const [task] = [...(job.stages[0]?.tasks as Iterable<{ payload: unknown }>)];
    assert.deepEqual(task, { payload: Buffer.from([0, 255, 10]) });
  });

  it("is refused with every wrong field by its path", async () => {
    const { message } = await refused(
      JSON.stringify({
        stages: [{ taskTyp: "t", tasks: [{}, { demand: { slots: "1" }, payloadBase64: "?" }] }],
        onTaskFailure: "retry",
      }),
    );
    assert.match(message, /^the standard input is no job definition:\n/);
    assert.match(message, /\n {2}name: it is missing/);
    assert.match(
      message,
      /\n {2}stages\[0\]: there is no field taskTyp here, taskType may be meant; the fields are name, taskType/,
    );
    assert.match(
      message,
      /\n {2}stages\[0\]\.tasks\[1\]\.demand\.slots: expected number, received string/,
    );
    assert.match(message, /\n {2}stages\[0\]\.tasks\[1\]\.payloadBase64: base64 is wanted/);
    assert.match(message, /\n {2}onTaskFailure: "fail_fast", "continue", /);
  });

  it("is told of the flag where a field is none of a job", async () => {
    const { message } = await refused(
      JSON.stringify({ name: "x", stages: [{ taskType: "t", tasks: [{}] }], idempotencyKey: "k" }),
    );
    assert.match(message, /: there is no field idempotencyKey here, it is the flag --key$/);
  });

  it("is refused with every number that the contract cannot carry", async () => {
    const { message } = await refused(
      JSON.stringify({
        name: "numbers",
        stages: [
          {
            taskType: "t",
            tasks: [
              { inputs: [{ uri: "file:///x", sizeBytes: 0.5 }] },
              { demand: { slots: -1 }, delayMs: 2 ** 32 },
            ],
          },
        ],
        retentionMs: -1,
        priority: 1.5,
      }),
    );
    assert.match(message, /\n {2}stages\[0\]\.tasks\[0\]\.inputs\[0\]\.sizeBytes: a whole number /);
    assert.match(
      message,
      /\n {2}stages\[0\]\.tasks\[1\]\.demand\.slots: an amount from 0 .* not -1/,
    );
    assert.match(message, /\n {2}stages\[0\]\.tasks\[1\]\.delayMs: 4294967296 is too large/);
    assert.match(message, /\n {2}retentionMs: /);
    assert.match(message, /\n {2}priority: a whole number is wanted, not 1\.5/);
  });

  it("is shown every violation, however many there are", async () => {
    const tasks = Array.from({ length: 40 }, () => ({ delay: 1 }));
    const { message } = await refused(JSON.stringify({ name: "x", stages: [{ tasks }] }));
    assert.equal(message.match(/there is no field delay/g)?.length, 40);
  });

  it("has each field of the contract under its own name", () => {
    const job: JobDefinition = {
      name: "names",
      stages: [
        {
          demand: { slots: 1, "b@d": 2 },
          tasks: [{ payload: Buffer.from([0]) }, { payload: "text" }],
        },
      ],
    };
    const names = {
      "job.name": "name",
      "job.stages[0].task_type": "stages[0].taskType",
      "job.stages[0].depends_on[1].stage": "stages[0].dependsOn[1].stage",
      "job.stages[0].demand[1].name": 'stages[0].demand["b@d"]',
      "job.stages[0].demand[0].milli": "stages[0].demand.slots",
      "job.stages[0].tasks[0].payload": "stages[0].tasks[0].payloadBase64",
      "job.stages[0].tasks[1].payload": "stages[0].tasks[1].payload",
      "job.stages[0].constraints.preferred[0].condition.key":
        "stages[0].constraints.preferred[0].key",
      "job.on_task_failure.tolerate.share": "onTaskFailure.tolerateShare",
      'job.type_policies["word_count"].retry.max_attempts':
        "typePolicies.word_count.retry.maxAttempts",
      'job.labels["a b"]': 'labels["a b"]',
      idempotency_key: "--key",
      job: "",
    };
    for (const [wire, own] of Object.entries(names)) assert.equal(fileField(wire, job), own);
  });

  it("has one range for a field, which is the master's to tell", async () => {
    const policy = (maxAttempts: number) => ({
      name: "x",
      stages: [{ taskType: "t", tasks: [{}] }],
      policy: { retry: { maxAttempts } },
    });
    for (const value of [-1, 5_000_000_000, 1.5]) {
      const { message } = await refused(JSON.stringify(policy(value)));
      assert.match(message, /policy\.retry\.maxAttempts: /);
      assert.doesNotMatch(message, /\bfrom\b|\bto\b/);
    }
    // What the contract can carry is asked of the master.
    assert.equal((await read(JSON.stringify(policy(5_000)))).policy?.retry?.maxAttempts, 5_000);
  });

  it("says at which line and column it stops being JSON, if its name says that it is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "capstan-cli-"));
    const told = async (text: string) => {
      const path = join(folder, "job.json");
      writeFileSync(path, text);
      const error = await readJobFile(path, Readable.from([])).then(
        () => undefined,
        (reason: unknown) => reason as Error,
      );
      return error?.message.replace(`${path} is no JSON: `, "");
    };
    try {
      const cut = '{\n  "name": "x",\n  "stages": [{"tasks": [';
      assert.equal(
        await told(cut),
        "line 3, column 25: the file ends here, where a value or ] is wanted",
      );
      assert.equal(await told('{"name": "x",}'), 'line 1, column 14: a name in "quotes" is wanted');
      assert.equal(await told('{"name": x}'), "line 1, column 10: a value is wanted");
      assert.match((await told('{"name": "x')) ?? "", /^line 1, column 10: the text that begins /);
      assert.equal(
        await told('{"name": "x"} 1'),
        "line 1, column 15: there is more after the value",
      );
      // Good YAML, but that is not what the file's name says.
      assert.equal(await told("name: x\n"), "line 1, column 1: a value is wanted");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("finds a place where a text stops being JSON exactly when JSON.parse finds that it does", () => {
    const pieces = fc.constantFrom(
      ...["{", "}", "[", "]", ":", ",", '"a"', '"\\u00e9"', '"', "\\", "1", "-", "0", ".5", "e3"],
      ...["true", "null", "nul", " ", "\n", "\t"],
    );
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join("")),
      fc.json(),
      fc.json().chain((text) => fc.nat(text.length).map((length) => text.slice(0, length))),
    );
    const isJson = (text: string) => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(texts, (text) => {
        assert.equal(whereJsonBreaks(text) === undefined, isJson(text), text);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is refused without a search for the place of each of 20,000 numbers that would be rounded", async () => {
    const task = "      - payload: { id: 9007199254740993 }\n";
    const head = "name: x\nstages:\n  - taskType: t\n    tasks:\n";
    const { message } = await refused(head + task.repeat(20_000));
    const told = message.split("\n  ").slice(1);
    assert.equal(told.length, mostIssues + 1);
    assert.match(told[99] ?? "", /tasks\[99\]\.payload\.id: .* \(line 104, column 24\)/);
    assert.equal(told.at(-1), "and 19900 more");
  });

  it("is refused where a number of it would be rounded or a field stands twice, with the place", async () => {
    const json = `{"name": "x", "stages": [{"taskType": "t",
      "tasks": [{"payload": {"id": 9007199254740993, "far": 1e999}}, {"payload": {"a": 1, "a": 2}}]
    }], "labels": {"a": "1", "a": "1"}}`;
    const { message } = await refused(json);
    assert.deepEqual(message.split("\n  ").slice(1), [
      "stages[0].tasks[0].payload.id: 9007199254740993 cannot be kept as a number, write it as a text in quotes (line 2, column 36)",
      "stages[0].tasks[0].payload.far: 1e999 cannot be kept as a number, write it as a text in quotes (line 2, column 61)",
      "stages[0].tasks[1].payload.a: it stands twice (line 2, column 91)",
      "labels.a: it stands twice (line 3, column 30)",
    ]);
    const yaml =
      "name: x\nstages:\n  - taskType: t\n    tasks:\n      - payload: { id: -9007199254740993 }\n";
    assert.match(
      (await refused(yaml)).message,
      /stages\[0\]\.tasks\[0\]\.payload\.id: -9007199254740993 cannot .* \(line 5, column 24\)/,
    );
    assert.match(
      (await refused("name: x\nname: y\n")).message,
      /^the standard input has a field twice: .* at line 2, column 1/,
    );
  });

  it("keeps numbers that can be kept, in JSON and in YAML", async () => {
    const payload = { most: 9007199254740991, least: -9007199254740991, part: 0.1, large: 1e300 };
    const text = JSON.stringify({ name: "x", stages: [{ taskType: "t", tasks: [{ payload }] }] });
    const [stage] = (await read(text)).stages;
    assert.deepEqual(stage?.tasks, [{ payload }]);
    // A comment makes it YAML.
    assert.deepEqual((await read(`# a job\n${text}`)).stages[0]?.tasks, [{ payload }]);
  });

  it("is refused where it is nested too deep, at any depth, before anything calls itself for each level", async () => {
    const nest = (open: string, inner: string, close: string) => (levels: number) =>
      open.repeat(levels) + inner + close.repeat(levels);
    const lines = (levels: number) =>
      Array.from({ length: levels }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
    // What stands in quotes opens nothing.
    const quoted = JSON.stringify('"]}\\');
    const ways: Readonly<Record<string, (levels: number) => string>> = {
      arrays: nest("[", quoted, "]"),
      objects: nest(`{${quoted}:`, "1", "}"),
      "flow sequences": nest("[", "a", "]"),
      "flow mappings": nest("{a: ", "b", "}"),
      "sequences in a line": (levels) => `${"- ".repeat(levels)}a\n`,
      "explicit keys": (levels) => `${"? ".repeat(levels)}a\n`,
      mappings: lines,
    };
    for (const [way, text] of Object.entries(ways)) {
      for (const levels of [501, 2_000, 20_000]) {
        // A text of this grows with the square of its depth.
        if (way === "mappings" && levels > 2_000) continue;
        const { message } = await refused(text(levels));
        assert.match(message, /is nested more than 500 deep: line \d+, column \d+$/, way);
      }
      // The library makes a text of a key that is a collection, and of all keys in it for each.
      if (way === "explicit keys") continue;
      assert.match((await refused(text(500))).message, /is no job definition/, way);
    }
    const { message } = await refused(`\n${"[".repeat(501)}${"]".repeat(501)}`);
    assert.match(message, /: line 2, column 501$/);
  });

  it("is taken with text in quotes that looks nested", async () => {
    const brackets = "[{".repeat(1_000);
    const job = { name: brackets, stages: [{ taskType: "t", tasks: [{ payload: brackets }] }] };
    assert.deepEqual(await read(JSON.stringify(job)), job);
    assert.equal((await read(`# ${brackets}\n${JSON.stringify(job)}`)).name, brackets);
  });

  it("says on which line it is broken", async () => {
    const { message } = await refused('{\n  "name": "x",\n  "stages": [}\n');
    assert.match(message, /neither JSON nor YAML: .* line 3, column 14/s);
  });

  it("is refused with the least job as an example when it is none at all", async () => {
    for (const text of ["", "hello", "[1]", "null"]) {
      const { hint } = await refused(text);
      const example = hint.slice(hint.indexOf("{"));
      assert.equal((await read(example)).name, "hello", text);
    }
  });

  it("is refused when it is not there", async () => {
    await assert.rejects(readJobFile("/nonexistent/job.json", Readable.from([])), {
      message: "/nonexistent/job.json cannot be read: there is no such file",
    });
  });
});
