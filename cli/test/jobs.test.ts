import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Worker, type Job } from "@capstan/sdk";
import { start } from "./support/capstan.js";
import { oddBytes, openHouse, type House } from "./support/house.js";

/** What starts a color, and whatever else drives a terminal. */
const escape = "\u001b";

const jobOf = (taskType: string, tasks: readonly object[] = [{}], rest: object = {}) =>
  JSON.stringify({ name: `of-${taskType}`, stages: [{ taskType, tasks }], ...rest });

const failing = jobOf("boom", [{}, {}], {
  policy: { retry: { maxAttempts: 2, backoffBaseMs: 1 } },
  onTaskFailure: "continue",
});

describe("capstan job", function () {
  this.timeout(20_000);
  let house: House;
  before(async () => {
    house = await openHouse();
  });
  after(() => house.stop());

  const submit = async (input: string, ...flags: string[]) => {
    const { code, stdout, stderr } = await house.capstan(["job", "submit", "-", ...flags], {
      input,
    });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const env = () => ({ CAPSTAN_ADDRESS: house.address });

  describe("submit", () => {
    it("prints the job's id, and nothing else, on stdout", async () => {
      const input = jobOf("echo");
      const { stdout, stderr } = await house.capstan(["job", "submit", "-"], { input });
      assert.match(stdout, /^job_[0-9A-Z]{26}\n$/i);
      assert.match(stderr, new RegExp(`capstan job watch ${stdout.trim()}`));
    });

    it("gives the same job for the same key, and refuses the key for another", async () => {
      const first = await submit(jobOf("echo"), "--key", "k1");
      assert.equal(await submit(jobOf("echo"), "--key", "k1", "-q"), first);
      const args = ["job", "submit", "-", "--key", "k1"];
      const { code, stdout, stderr } = await house.capstan(args, { input: jobOf("wait") });
      assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
      assert.match(stderr, /^error: key k1 was used/);
    });

    it("takes the job definitions of docs/cli.md", async () => {
      // This file is compiled to cli/dist/test.
      const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
      const definitions = [
        ...page.matchAll(/^```yaml\n(name: [^]*?)```$/gm),
        ...page.matchAll(/^(\{"name".*\})$/gm),
      ];
      assert.equal(definitions.length, 2);
      for (const [, text = ""] of definitions) assert.match(await submit(text, "-q"), /^job_/);
    });

    it("says with code 2 what the master does not serve yet", async () => {
      const input = jobOf("echo", [{}], { deadlineMs: 60_000 });
      const { code, stdout, stderr } = await house.capstan(["job", "submit", "-"], { input });
      assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
      assert.match(stderr, /deadlineMs: .*not there yet/);
    });

    it("refuses what docs/cli.md marks as not there yet, and nothing else is marked", async () => {
      const later = { ...{ priority: 1, deadlineMs: 60_000 }, placement: { strategy: "pack" } };
      const patience = { hostPatienceMs: 1, rackPatienceMs: 1 };
      const retry = { classes: [{ type: "E" }] };
      const policy = { retry, deadlineMs: 1_000, queueTtlMs: 1_000, speculate: true };
      const more = { budgets: { breaker: 1 }, recordFailures: "dead_letter" };
      const required = [
        { key: "a", operator: "exists" },
        { key: "b", values: ["1", "2"] },
      ];
      const preferred = [{ key: "a", values: ["1"], weight: 1 }];
      const task = { deadlineMs: 1_000, priority: 1, constraints: { required, preferred } };
      const input = jobOf("echo", [task], {
        ...later,
        placement: { ...later.placement, ...patience },
        policy: { ...policy, ...more },
      });
      const { code, stderr } = await house.capstan(["job", "submit", "-"], { input });
      assert.equal(code, 2);
      const named = [...stderr.matchAll(/^ {2}([^:\s]+): .*(?:not there|there) yet/gm)].map(
        ([, path = ""]) => path.replace(/\[\d+\]/g, "[]"),
      );
      const refused = named.map((path) => path.replace(/^.*\.constraints\./, "constraints."));
      const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
      const rows = [...page.matchAll(/^\| `([^`]+)` .*\*\*Not yet\*\*/gm)];
      const marked = rows.map(([, path = ""]) => path.replace(/\[\]$/, ""));
      assert.deepEqual([...new Set(refused)].sort(), marked.sort());
    });

    it("tells what is too large, with code 2, and where it can go instead", async () => {
      const input = jobOf("echo", [{ payload: "x".repeat(300_000) }]);
      const { code, stderr } = await house.capstan(["job", "submit", "-"], { input });
      assert.equal(code, 2);
      assert.match(stderr, /: stages\[0\]\.tasks\[0\]\.payload: .* at most 262144/);
      assert.match(stderr, /by reference/);
    });

    it("tells all fields that the master refuses, in the words of the file, with code 2", async () => {
      const more = { name: "not a name!", uploadTtlMs: 1, onTaskFailure: { tolerateShare: 2 } };
      const input = jobOf("echo", [{ demand: { "b@d": 1 } }], more);
      const { code, stderr } = await house.capstan(["job", "submit", "-"], { input });
      assert.equal(code, 2);
      assert.match(stderr, /^error: the master refuses the standard input:\n {2}name: must match /);
      for (const field of ["uploadTtlMs", "onTaskFailure.tolerateShare"]) {
        assert.ok(stderr.includes(`\n  ${field}: `), stderr);
      }
      assert.ok(stderr.includes('\n  stages[0].tasks[0].demand["b@d"]: must match '), stderr);
    });

    it("tells which task of a job in parts the master refuses", async () => {
      const tasks = Array.from({ length: 5_000 }, (_, i) =>
        i < 4_990 ? {} : { inputs: [{ uri: "" }] },
      );
      const input = jobOf("echo", tasks);
      const { code, stderr } = await house.capstan(["job", "submit", "-"], { input });
      assert.equal(code, 2);
      assert.match(stderr, /\n {2}stages\[0\]\.tasks\[4990\]\.inputs\[0\]\.uri: is missing\n/);
    });

    it("answers a program in JSON", async () => {
      const args = ["job", "submit", "-", "-q", "-o", "json"];
      const { stdout, stderr } = await house.capstan(args, { input: jobOf("echo") });
      const answer = JSON.parse(stdout) as { jobId: string; existing: boolean };
      assert.match(answer.jobId, /^job_/);
      assert.equal(answer.existing, false);
      assert.equal(stderr, "");
    });

    it("warns where no worker serves the type", async () => {
      const { stdout, stderr } = await house.capstan(["job", "submit", "-"], {
        input: jobOf("nobody-does-this"),
      });
      assert.match(stderr, /warning: /);
      await house.client.cancel(stdout.trim());
    });
  });

  describe("run", () => {
    it("ends with the job, its progress in plain lines on stderr where there is no terminal", async () => {
      const input = jobOf("echo", [{ payload: 1 }, { payload: 2 }]);
      const { code, stdout, stderr } = await house.capstan(["job", "run", "-"], { input });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^job_\w+ \(of-echo\) succeeded in .*: 2 tasks\n$/);
      assert.match(stderr, /^Submitted job_\w+\n/);
      assert.ok(!stderr.includes(escape));
    });

    it("writes the outputs to stdout byte for byte, and all else to stderr", async () => {
      const input = jobOf("bytes", [{}, {}]);
      const { code, bytes, stderr } = await house.capstan(["job", "run", "-", "--outputs"], {
        input,
      });
      assert.equal(code, 0);
      assert.deepEqual(bytes, Buffer.concat([oddBytes, oddBytes]));
      assert.match(stderr, /succeeded in/);
    });

    it("says nothing else when it is quiet", async () => {
      const input = jobOf("echo", [{ payload: "a" }]);
      const args = ["job", "run", "-", "-q", "--outputs"];
      const { stdout, stderr } = await house.capstan(args, { input });
      assert.deepEqual({ stdout, stderr }, { stdout: '"a"', stderr: "" });
    });

    it("ends with code 1 when the job fails, and shows what failed, how often and where", async () => {
      const { code, stdout } = await house.capstan(["job", "run", "-"], { input: failing });
      assert.equal(code, 1);
      assert.match(
        stdout,
        /\(of-boom\) failed after .*: 0 of 2 tasks succeeded, 2 failed, 2 retries\n/,
      );
      assert.match(stdout, /\/main\/0\n {2}TypeError: row 0 is bad\n/);
      assert.match(stdout, /\/main\/1\n {2}TypeError: row 1 is bad\n/);
      assert.match(
        stdout,
        /error, attempt 2 of 2 \(the last\), delivery 2, on worker w1 \(host-a\)/,
      );
      assert.match(stdout, /capstan task get job_\w+\/main\/0/);
    });

    it("says of an error that no attempt can mend that it is not retried", async () => {
      const { stdout } = await house.capstan(["job", "run", "-"], { input: jobOf("never") });
      assert.match(stdout, /error, attempt 1 of 3 \(not retried\), delivery 1, on worker w1/);
      const [taskId = ""] = /job_\w+\/main\/0/.exec(stdout) ?? [];
      const task = await house.capstan(["task", "get", taskId]);
      assert.match(task.stdout, /Attempt +1 of 3 \(not retried\)\n/);
      assert.match(task.stdout, /error, attempt 1 of 3 \(not retried\)/);
    });

    it("writes the job as it ended in JSON, also when it fails", async () => {
      const args = ["job", "run", "-", "-o", "json"];
      const { code, stdout, stderr } = await house.capstan(args, { input: failing });
      const job = JSON.parse(stdout) as Job;
      assert.equal(code, 1);
      assert.equal(job.state, "failed");
      assert.equal(job.failure?.type, "TypeError");
      assert.match(stderr, /row \d is bad/);
    });

    it("writes the job in JSON when it fails and the outputs were wanted", async () => {
      const args = ["job", "run", "-", "--outputs"];
      const [json, people] = await Promise.all([
        house.capstan([...args, "-o", "json"], { input: failing }),
        house.capstan(args, { input: failing }),
      ]);
      const job = JSON.parse(json.stdout) as Job;
      assert.deepEqual([json.code, job.state], [1, "failed"]);
      assert.match(job.failedTaskId, /^job_\w+\/main\/[01]$/);
      assert.deepEqual([people.code, people.stdout], [1, ""]);
      assert.match(people.stderr, /failed after /);
    });

    it("says once when the last worker goes that serves a type of the job", async () => {
      const solo = () =>
        new Worker({
          address: house.address,
          installSignalHandlers: false,
          onDrain: () => undefined,
        }).handle("solo", () => undefined);
      const first = solo();
      const connected = first.once("connected");
      const running = first.run();
      await connected;
      const stages = [
        { name: "gate", taskType: "wait", tasks: [{}] },
        { name: "then", taskType: "solo", tasks: [{}], dependsOn: [{ stage: "gate" }] },
      ];
      const input = JSON.stringify({ name: "left-alone", stages });
      const started = house.worker.once("started");
      const run = start(["job", "run", "-", "-q"], { input, env: env() });
      await Promise.race([started, run.ended]);
      await first.drain();
      await running;
      await run.says(/^warning: no worker serves the type solo now: 1 that served it has left$/m);
      const second = solo();
      const again = second.run();
      house.release();
      const { code, stderr } = await run.ended;
      await second.drain();
      await again;
      assert.equal(code, 0);
      assert.equal(stderr.match(/warning/g)?.length, 1);
    });

    it("leaves the job alone at Ctrl-C, and says how to go on", async () => {
      const run = start(["job", "run", "-"], { input: jobOf("wait"), env: env() });
      const [, jobId = ""] = await run.says(/Submitted (job_\w+)[^]*running: 0 of 1/);
      run.child.kill("SIGINT");
      const { code, stdout, stderr } = await run.ended;
      assert.deepEqual({ code, stdout }, { code: 130, stdout: "" });
      assert.match(
        stderr,
        new RegExp(`capstan job watch ${jobId}\n.*capstan job cancel ${jobId}\n$`),
      );
      assert.equal((await house.client.getJob(jobId)).state, "running");
      await house.client.cancel(jobId);
    });

    it("cancels the job at Ctrl-C if it was told to", async () => {
      const args = ["job", "run", "-", "--cancel-on-interrupt"];
      const run = start(args, { input: jobOf("wait"), env: env() });
      await run.says(/running: 0 of 1/);
      run.child.kill("SIGINT");
      const { code, stdout } = await run.ended;
      assert.equal(code, 1);
      assert.match(stdout, /cancelled after .*\(requested: interrupted in capstan job run\)/);
    });

    it("ends with code 6 when its time is up", async () => {
      const args = ["job", "run", "-", "--command-timeout", "1s"];
      const { code, stderr } = await house.capstan(args, { input: jobOf("wait") });
      assert.equal(code, 6);
      assert.match(stderr, /error: the command took longer than 1\.0 s/);
      house.release();
    });

    it("says, also when it is quiet, that the job goes on when the command's time is up", async () => {
      for (const args of [["-q"], []]) {
        const run = ["job", "run", "-", "--command-timeout", "1s", ...args];
        const { stderr } = await house.capstan(run, { input: jobOf("wait") });
        const [, jobId = ""] = /Detached: (job_\w+) goes on\./.exec(stderr) ?? [];
        assert.ok(stderr.includes(`\n  watch it   capstan job watch ${jobId}\n`), stderr);
        assert.ok(stderr.includes(`\n  cancel it  capstan job cancel ${jobId}\n`));
        assert.doesNotMatch(stderr, /deadlineMs/);
        assert.equal((await house.client.getJob(jobId)).state, "running");
        house.release();
      }
    });

    it("names the namespace and the master that its flags named in every command that it hints at", async () => {
      const { address } = house;
      const capstan = (args: string[], input: string) =>
        house.capstan(args, { input, env: { CAPSTAN_ADDRESS: "127.0.0.1:1" } });
      const flags = ["-n", "elsewhere", "--address", address];
      const kept = ` --address ${address} --namespace elsewhere`;
      const run = ["job", "run", "-", "--command-timeout", "2s"];
      const { stderr } = await capstan([...flags, ...run], jobOf("nobody"));
      assert.match(stderr, /^Submitted job_\w+\nwarning: .*\n/);
      assert.match(stderr, new RegExp(`watch it   capstan job watch job_\\w+${kept}\n`));
      const [, cancel = ""] = /cancel it {2}capstan (.*)\n/.exec(stderr) ?? [];
      const seen = await capstan([...flags, "job", "get", cancel.split(" ")[2] ?? ""], "");
      assert.match(seen.stdout, /^So far +\d/m);
      assert.doesNotMatch(seen.stdout, /^Took/m);
      const followed = await capstan(cancel.split(" "), "");
      assert.equal(followed.code, 0, followed.stderr);
      const submitted = await capstan([...flags, "job", "submit", "-"], jobOf("nobody"));
      assert.match(submitted.stderr, new RegExp(`Watch it: capstan job watch job_\\w+${kept}\n`));
    });

    it("prints outputs and nothing else on stdout where they are asked for as lines of JSON", async () => {
      const args = ["job", "run", "-", "--outputs", "-o", "jsonl"];
      const { code, stdout, stderr } = await house.capstan(args, {
        input: jobOf("echo", [{ payload: 1 }]),
      });
      assert.equal(code, 0);
      const lines = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as object);
      assert.ok(lines.length > 0 && lines.every((line) => "taskIndex" in line), stdout);
      assert.match(stderr, /succeeded: 1 of 1 task done/);
      const failed = await house.capstan(args, { input: failing });
      assert.deepEqual([failed.code, failed.stdout], [1, ""]);
    });
  });

  describe("list and get", () => {
    it("show whose failure it is that a job failed of", async () => {
      const id = await submit(failing);
      await house.client.waitForJob(id).catch(() => undefined);
      const [shown, got] = await Promise.all([
        house.capstan(["job", "get", id]),
        house.capstan(["job", "get", id, "-o", "json"]),
      ]);
      const { failedTaskId } = JSON.parse(got.stdout) as Job;
      assert.match(failedTaskId, new RegExp(`^${id}/main/[01]$`));
      assert.ok(shown.stdout.includes(`\nFailure of ${failedTaskId}:\n  TypeError: row `));
    });

    it("show a job to a person and to a program", async () => {
      const labels = { team: "maps" };
      const id = await submit(jobOf("echo", [{}], { name: "shown", labels }));
      await house.client.waitForJob(id);
      const [list, listed, get, got] = await Promise.all([
        house.capstan(["job", "list", "--name", "shown"]),
        house.capstan([
          "job",
          "list",
          "--label",
          "team=maps",
          "--state",
          "succeeded",
          "-o",
          "json",
        ]),
        house.capstan(["job", "get", id]),
        house.capstan(["job", "get", id, "-o", "yaml"]),
      ]);
      assert.match(list.stdout, /^JOB +STATE +TASKS +FAILED +CREATED +TOOK +NAME\n/);
      assert.match(list.stdout, new RegExp(`${id} +succeeded +1/1 +0 .* shown\n$`));
      const jobs = JSON.parse(listed.stdout) as Job[];
      assert.deepEqual(
        jobs.map(({ jobId }) => jobId),
        [id],
      );
      assert.equal(new Date(jobs[0]?.createdAt ?? "").toISOString(), jobs[0]?.createdAt);
      assert.match(get.stdout, /^Name +shown$/m);
      assert.match(get.stdout, /^Labels +team=maps$/m);
      assert.match(get.stdout, /^STAGE +TYPE.*\nmain +echo +1\/1/m);
      assert.match(got.stdout, new RegExp(`^jobId: ${id}\n`));
    });

    it("say that there is nothing, and leave stdout empty", async () => {
      const [people, program, lines] = await Promise.all([
        house.capstan(["job", "list", "--namespace", "empty"]),
        house.capstan(["job", "list", "--namespace", "empty", "-o", "json"]),
        house.capstan(["job", "list", "--namespace", "empty", "-o", "jsonl"]),
      ]);
      assert.equal(people.code, 0);
      assert.equal(people.stdout, "");
      assert.equal(people.stderr, "There are no jobs in the namespace empty.\n");
      assert.equal(program.stdout, "[]\n");
      assert.equal(lines.stdout, "");
    });

    it("answer an id that is not there with code 5", async () => {
      const id = `job_${"0".repeat(26)}`;
      const [job, task, watch] = await Promise.all([
        house.capstan(["job", "get", id]),
        house.capstan(["task", "get", `${id}/main/0`]),
        house.capstan(["job", "watch", id]),
      ]);
      for (const { code, stdout, stderr } of [job, task, watch]) {
        assert.deepEqual({ code, stdout }, { code: 5, stdout: "" });
        assert.match(stderr, /^error: .*\n`capstan \w+ list/);
      }
    });
  });

  describe("watch", () => {
    it("shows where the job is and ends with it", async () => {
      const id = await submit(jobOf("wait", [{}, {}]));
      const watch = start(["job", "watch", id], { env: env() });
      await watch.says(/running: 0 of 2 tasks/);
      house.release();
      const { code, stdout } = await watch.ended;
      assert.equal(code, 0);
      assert.match(stdout, /succeeded in .*: 2 tasks\n$/);
    });

    it("gives a program each news in a line", async () => {
      const id = await submit(jobOf("echo"));
      const { code, stdout } = await house.capstan(["job", "watch", id, "-o", "jsonl"]);
      assert.equal(code, 0);
      const news = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { job: Job });
      assert.equal(news.at(-1)?.job.state, "succeeded");
    });
  });

  describe("cancel", () => {
    it("cancels a job once, and says so the second time", async () => {
      const id = await submit(jobOf("wait"));
      const { code, stdout } = await house.capstan(["job", "cancel", id, "--note", "wrong input"]);
      assert.equal(code, 0);
      assert.match(stdout, /^job_\w+ is (being cancelled|cancelled)/);
      const watch = await house.capstan(["job", "watch", id, "-q"]);
      assert.equal(watch.code, 1);
      assert.match(watch.stdout, /cancelled after .*\(requested: wrong input\)/);
      assert.match((await house.capstan(["job", "cancel", id])).stdout, /is cancelled\.\n/);
    });

    it("leaves a job that has ended as it is", async () => {
      const id = await submit(jobOf("echo"));
      await house.client.waitForJob(id);
      const [people, program] = await Promise.all([
        house.capstan(["job", "cancel", id]),
        house.capstan(["job", "cancel", id, "-o", "json"]),
      ]);
      assert.match(people.stdout, /had already succeeded: nothing is changed/);
      assert.deepEqual(JSON.parse(program.stdout), {
        jobId: id,
        state: "succeeded",
        stillRunning: 0,
      });
    });
  });

  describe("outputs", () => {
    let id: string;
    before(async () => {
      const stages = [
        { name: "first", taskType: "bytes", tasks: [{}] },
        {
          name: "last",
          taskType: "copy",
          tasks: [{ payload: { a: 1 } }, { payload: "b\u001b[2J" }, { payloadBase64: "/w==" }],
          dependsOn: [{ stage: "first" }],
        },
      ];
      id = await submit(JSON.stringify({ name: "staged", stages }));
      await house.client.waitForJob(id);
    });

    it("are the bytes as they are where stdout is no terminal", async () => {
      const { code, bytes } = await house.capstan(["job", "outputs", id, "--stage", "first"]);
      assert.equal(code, 0);
      assert.deepEqual(bytes, oddBytes);
    });

    it("are those of the last stage, as values where they are JSON", async () => {
      const { stdout } = await house.capstan(["job", "outputs", id, "-o", "jsonl"]);
      const values = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object);
      const place = (taskIndex: number) => ({ taskIndex, partition: 0, attempt: 1, generation: 1 });
      assert.deepEqual(values, [
        { ...place(0), value: { a: 1 } },
        { ...place(1), value: "b\u001b[2J" },
        { ...place(2), bytesBase64: "/w==" },
      ]);
    });

    it("are a table for people, which no output can disturb", async () => {
      const [table, one] = await Promise.all([
        house.capstan(["job", "outputs", id, "-o", "table"]),
        house.capstan(["job", "outputs", id, "-o", "table", "--stage", "first"]),
      ]);
      assert.match(table.stdout, /^TASK +PARTITION +SIZE +OUTPUT\n +0 +0 +7 B +\{"a":1\}\n/);
      assert.match(one.stdout, /\(binary\)\n$/);
      assert.ok(!(table.stdout + one.stdout).includes(escape));
    });

    it("of a job that failed are those there are, with a word and code 1", async () => {
      const stages = [
        { name: "good", taskType: "copy", tasks: [{ payload: 1 }] },
        {
          taskType: "copy",
          tasks: [{ payload: 2 }, { taskType: "boom" }],
          dependsOn: [{ stage: "good" }],
        },
      ];
      const policy = { retry: { maxAttempts: 1 } };
      const id = await submit(
        JSON.stringify({ name: "half", stages, policy, onTaskFailure: "continue" }),
      );
      await house.client.waitForJob(id).catch(() => undefined);
      const [all, whole, one, none] = await Promise.all([
        house.capstan(["job", "outputs", id]),
        house.capstan(["job", "outputs", id, "--stage", "good"]),
        house.capstan(["job", "outputs", id, "--task", "0"]),
        house.capstan(["job", "outputs", id, "--task", "1"]),
      ]);
      assert.deepEqual([all.code, all.stdout], [1, "2"]);
      assert.equal(
        all.stderr,
        `warning: ${id} failed: these are the outputs of 1 of 2 tasks of stage main\n`,
      );
      assert.deepEqual([whole.code, whole.stdout, whole.stderr], [0, "1", ""]);
      assert.deepEqual([one.code, one.stdout, one.stderr], [0, "2", ""]);
      // There is nothing to wait for.
      assert.deepEqual([none.code, none.stdout], [1, ""]);
      assert.equal(
        none.stderr,
        `error: ${id}/main/1 has no outputs and never will: ${id} failed\n` +
          `\`capstan task get ${id}/main/1\` tells what became of it\n`,
      );
    });

    it("of a stage that is not there are an error of code 5", async () => {
      const { code, stderr } = await house.capstan(["job", "outputs", id, "--stage", "middle"]);
      assert.equal(code, 5);
      assert.match(stderr, /`capstan job get JOB` shows the job's stages/);
    });
  });
});
