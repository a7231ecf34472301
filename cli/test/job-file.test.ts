import assert from "node:assert/strict";
import { Readable } from "node:stream";
import type { JobDefinition } from "@capstan/sdk";
import { CliError } from "../src/errors.js";
import { fileField } from "../src/job-file/file-field.js";
import { readJobFile } from "../src/job-file/read-job-file.js";

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
      /\n {2}stages\[0\]: there is no field taskTyp here; the fields are name, taskType/,
    );
    assert.match(
      message,
      /\n {2}stages\[0\]\.tasks\[1\]\.demand\.slots: expected number, received string/,
    );
    assert.match(message, /\n {2}stages\[0\]\.tasks\[1\]\.payloadBase64: base64 is wanted/);
    assert.match(message, /\n {2}onTaskFailure: "fail_fast", "continue", /);
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
    assert.match(
      message,
      /\n {2}stages\[0\]\.tasks\[1\]\.delayMs: .* to 4294967295 .* not 4294967296/,
    );
    assert.match(message, /\n {2}retentionMs: a whole number from 0 /);
    assert.match(message, /\n {2}priority: a whole number from -2147483648 .* not 1\.5/);
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
