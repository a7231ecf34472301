import assert from "node:assert/strict";
import { Worker } from "@capstan/sdk";
import { goneForMs, isStillOfInterest } from "../src/commands/worker-list.js";
import { openHouse, type House } from "./support/house.js";

/** What starts a color, and whatever else drives a terminal. */
const escape = "\u001b";

describe("capstan task, worker and version", function () {
  this.timeout(20_000);
  let house: House;
  let failed: string;
  let large: string;
  const largeCount = 1_050;

  before(async () => {
    house = await openHouse();
    const boom = await house.client.submit({
      name: "boom",
      stages: [{ taskType: "boom", tasks: [{ payload: { row: 1 } }] }],
      policy: { retry: { maxAttempts: 2, backoffBaseMs: 1 } },
    });
    failed = boom.jobId;
    await boom.result().catch(() => undefined);
    const tasks = Array.from({ length: largeCount }, () => ({}));
    const job = { name: "large", stages: [{ taskType: "nobody-does-this", tasks }] };
    large = (await house.client.submit(job)).jobId;
  });
  after(() => house.stop());

  it("list tasks with their state and failure", async () => {
    const [table, json, none] = await Promise.all([
      house.capstan(["task", "list", failed]),
      house.capstan(["task", "list", failed, "--state", "failed", "-o", "json"]),
      house.capstan(["task", "list", failed, "--state", "running,leased"]),
    ]);
    assert.match(table.stdout, /^TASK +TYPE +STATE +ATTEMPT +WORKER +NOTE\n/);
    assert.match(
      table.stdout,
      new RegExp(`${failed}/main/0 +boom +failed +2/2 .*TypeError: row 0`),
    );
    const tasks = JSON.parse(json.stdout) as { taskId: string; state: string }[];
    assert.deepEqual(
      tasks.map(({ taskId, state }) => [taskId, state]),
      [[`${failed}/main/0`, "failed"]],
    );
    assert.equal(none.stdout, "");
    assert.match(none.stderr, /There are no matching tasks in job_/);
  });

  it("show a task with each delivery, its failure and stack, and what it was given", async () => {
    const id = `${failed}/main/0`;
    const [shown, json] = await Promise.all([
      house.capstan(["task", "get", id, "--content"]),
      house.capstan(["task", "get", id, "-o", "json"]),
    ]);
    assert.match(shown.stdout, /^Attempt +2 of 2$/m);
    assert.match(shown.stdout, /^Payload +\{"row":1\}$/m);
    assert.match(shown.stdout, /^DELIVERY +ATTEMPT.*\n +1 +1 +failed +attempt /m);
    assert.match(shown.stdout, /Failure of delivery 2:\n {2}TypeError: row 0 is bad\n/);
    assert.match(shown.stdout, /\n {4}.*at .*house\./);
    const { deliveries } = JSON.parse(json.stdout) as { deliveries: { end: string }[] };
    assert.deepEqual(
      deliveries.map(({ end }) => end),
      ["failed", "failed"],
    );
  });

  it("say of a task that waits because nobody serves its type that it does", async () => {
    const id = `${large}/main/0`;
    const [shown, json] = await Promise.all([
      house.capstan(["task", "get", id]),
      house.capstan(["task", "get", id, "-o", "json"]),
    ]);
    assert.match(shown.stdout, /^State +pending \(no worker serves its type\)$/m);
    const { task } = JSON.parse(json.stdout) as { task: { waitReason: string } };
    assert.equal(task.waitReason, "no_worker");
  });

  it("list everything to a program, over as many pages as it takes", async () => {
    const { stdout } = await house.capstan(["task", "list", large, "-o", "jsonl"]);
    const lines = stdout.trim().split("\n");
    assert.equal(lines.length, largeCount);
    assert.equal(
      new Set(lines.map((line) => (JSON.parse(line) as { taskId: string }).taskId)).size,
      largeCount,
    );
  });

  it("list a hundred to a person, say that there are more, and keep to a limit", async () => {
    const [usual, five, exact] = await Promise.all([
      house.capstan(["task", "list", large]),
      house.capstan(["task", "list", large, "--limit", "5", "-o", "json"]),
      house.capstan(["task", "list", large, "--limit", String(largeCount), "-o", "jsonl"]),
    ]);
    assert.equal(usual.stdout.trim().split("\n").length, 1 + 100);
    assert.match(usual.stderr, /There are more than these 100: --limit 0 lists all/);
    assert.equal((JSON.parse(five.stdout) as unknown[]).length, 5);
    assert.match(five.stderr, /more than these 5/);
    const one = await house.capstan(["task", "list", large, "--limit", "1"]);
    assert.match(one.stderr, /more than this 1:/);
    assert.equal(exact.stderr, "");
  });

  it("list the workers with what they have and do", async () => {
    const [table, json, none] = await Promise.all([
      house.capstan(["worker", "list"]),
      house.capstan(["worker", "list", "--all-namespaces", "-o", "json"]),
      house.capstan(["worker", "list", "--namespace", "empty"]),
    ]);
    assert.match(table.stdout, /^WORKER +HOST +RACK +STATE +USED/);
    assert.match(table.stdout, /\nw1 +host-a +r1 +connected +0\/4 slots /);
    const [worker] = JSON.parse(json.stdout) as { workerId: string; capacity: object }[];
    assert.equal(worker?.workerId, "w1");
    assert.deepEqual(worker?.capacity, { slots: 4 });
    assert.equal(none.stderr, "There are no workers for the namespace empty.\n");
  });

  it("tell the leases of a worker that were taken away and go on", async () => {
    const started = house.worker.once("started");
    const job = { name: "deaf", stages: [{ taskType: "deaf", tasks: [{}] }] };
    const { jobId } = await house.client.submit(job);
    await started;
    await house.client.cancel(jobId);
    const { stdout } = await house.capstan(["worker", "list"]);
    house.release();
    assert.match(stdout, /RUNNING +STOPPING +DONE/);
    assert.match(stdout, /^w1 .* connected +1\/4 slots +0 +1 +\d+ /m);
  });

  it("leave out workers that have been gone for long, unless all are asked for", async () => {
    const shown = isStillOfInterest(2 * goneForMs);
    assert.ok(shown({ connection: "lost", silentMs: goneForMs - 1 }));
    assert.ok(!shown({ connection: "lost", silentMs: goneForMs }));
    assert.ok(!shown({ connection: "left", silentMs: goneForMs }));
    assert.ok(shown({ connection: "connected", silentMs: goneForMs }));
    // Not heard since the master started: for as long as it runs, at least.
    assert.ok(!shown({ connection: "lost" }));
    assert.ok(isStillOfInterest(1_000)({ connection: "lost" }));
    const { code, stdout } = await house.capstan(["worker", "list", "--all"]);
    assert.deepEqual([code, /^w1 /m.test(stdout)], [0, true]);
  });

  it("tell a worker that has left from one that is there", async () => {
    const leaver = new Worker({
      address: house.address,
      workerId: "w0",
      installSignalHandlers: false,
      onDrain: () => undefined,
    }).handle("nothing", () => undefined);
    const connected = leaver.once("connected");
    const running = leaver.run();
    await connected;
    await leaver.drain();
    await running;
    const { stdout } = await house.capstan(["worker", "list"]);
    assert.match(stdout, /^w0 .* left +0\/1 slots .* (just now|.* ago) +nothing$/m);
    assert.match(stdout, /^w1 +host-a +r1 +connected /m);
  });

  it("tell the master's version beside the command's", async () => {
    const { stdout } = await house.capstan(["version"]);
    assert.match(
      stdout,
      /^capstan +0\.1\.0\nMaster +\S+ at 127\.0\.0\.1:\d+ \(leader, protocol 1, up /,
    );
  });

  it("color only a terminal, unless they are told otherwise", async () => {
    const args = ["task", "list", failed];
    const [piped, always, never] = await Promise.all([
      house.capstan(args),
      house.capstan([...args, "--color", "always"], { env: { NO_COLOR: "1" } }),
      house.capstan([...args, "--color", "never"], { env: { CAPSTAN_COLOR: "always" } }),
    ]);
    assert.ok(!piped.stdout.includes(escape));
    assert.ok(always.stdout.includes(`${escape}[31mfailed${escape}[39m`));
    assert.ok(!never.stdout.includes(escape));
  });
});
