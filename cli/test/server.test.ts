import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capstan, start, type Running } from "./support/capstan.js";

const jobText = '{"name": "kept", "stages": [{"taskType": "later", "tasks": [{}]}]}';

describe("capstan server", function () {
  this.timeout(20_000);
  let data: string;
  const running: Running[] = [];
  before(() => {
    data = mkdtempSync(join(tmpdir(), "capstan-cli-"));
  });
  after(async () => {
    for (const { child, ended } of running) {
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(data, { recursive: true, force: true });
  });

  const serve = async (...args: string[]) => {
    const server = start(["server", "--address", "127.0.0.1:0", ...args]);
    running.push(server);
    const [, address = ""] = await server.says(/^capstan master listening on (\S+)\n/);
    return { ...server, address };
  };

  it("says where it listens, stops in order at SIGTERM, and keeps its jobs in its folder", async () => {
    const first = await serve("--data", data);
    const args = ["job", "submit", "-", "-q", "--address", first.address];
    const id = (await capstan(args, { input: jobText })).stdout.trim();
    first.child.kill("SIGTERM");
    const stopped = await first.ended;
    assert.equal(stopped.code, 0, stopped.stderr);

    const second = await serve("--data", data);
    const { stdout } = await capstan(["job", "list", "--address", second.address]);
    assert.match(stdout, new RegExp(`${id} +running .* kept`));
    second.child.kill("SIGINT");
    const { code, stdout: said, stderr } = await second.ended;
    assert.equal(code, 0, stderr);
    assert.equal(said, `capstan master listening on ${second.address}\n`);
  });

  it("is waited for by those who watch, who say once that it is away and once that it is back", async () => {
    const folder = join(data, "away");
    const first = await serve("--data", folder);
    const at = ["--address", first.address];
    const id = (await capstan(["job", "submit", "-", "-q", ...at], { input: jobText })).stdout;
    const watch = start(["job", "watch", id.trim(), ...at]);
    running.push(watch);
    await watch.says(/running: 0 of 1 task/);
    first.child.kill("SIGKILL");
    await watch.says(/cannot reach/);
    const second = start(["server", "--data", folder, ...at]);
    running.push(second);
    await watch.says(/again\n[^]*again\n/);
    await capstan(["job", "cancel", id.trim(), ...at]);
    const { stderr } = await watch.ended;
    const told = stderr.split("\n").filter((line) => /reach/.test(line));
    assert.deepEqual(told, [
      `cannot reach ${first.address}, trying again`,
      `reached ${first.address} again`,
    ]);
  });

  it("stops in order at a signal that comes as soon as it listens, or before", async () => {
    const moments = [
      /replayed the journal/,
      ...Array<RegExp>(5).fill(/^capstan master listening on /),
    ];
    for (const moment of moments) {
      const server = start(["server", "--memory", "--address", "127.0.0.1:0"]);
      running.push(server);
      // At the very chunk: a promise would leave it time.
      for (const stream of [server.child.stdout, server.child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          if (moment.test(chunk.toString())) server.child.kill("SIGTERM");
        });
      }
      const { code, stderr } = await server.ended;
      assert.equal(code, 0, stderr);
    }
  });

  it("logs a line of JSON for each entry where stderr is no terminal", async () => {
    const server = await serve("--memory");
    server.child.kill("SIGTERM");
    const { stderr } = await server.ended;
    for (const line of stderr.trim().split("\n")) assert.ok("msg" in (JSON.parse(line) as object));
  });

  it("says in a sentence that its address is in use", async () => {
    const { address, child, ended } = await serve("--memory");
    const second = await capstan(["server", "--memory", "--address", address]);
    assert.equal(second.code, 1);
    assert.equal(second.stdout, "");
    assert.match(
      second.stderr,
      new RegExp(`error: the master could not start: ${address} is in use\n`),
    );
    // Nothing else but log entries: no lines of a library's own.
    const others = second.stderr.split("\n").filter((line) => !/^(\{.*\}|)$/.test(line));
    assert.equal(others.length, 2, second.stderr);
    child.kill("SIGTERM");
    await ended;
  });

  it("refuses to listen off loopback in the clear unless it is told to", async () => {
    const { code, stderr } = await capstan(["server", "--memory", "--address", "0.0.0.0:0"]);
    assert.equal(code, 1);
    assert.match(stderr, /error: the master could not start: .*insecure/);
  });

  it("ends at once, with a sentence, where its folder cannot be made", async function () {
    if (process.platform !== "linux") this.skip();
    const folders = ["/proc/capstan/deep", "/proc/1", "/dev/null/capstan"];
    const ended = folders.map((folder) => {
      const server = start(["server", "--address", "127.0.0.1:0", "--data", folder]);
      running.push(server);
      return server.ended;
    });
    for (const [i, { code, stdout, stderr }] of (await Promise.all(ended)).entries()) {
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      const why = `error: the master could not start: ${folders[i]} cannot hold a journal: `;
      assert.ok(stderr.startsWith(why), stderr);
    }
  });

  it("refuses a journal that another master holds", async () => {
    const first = await serve("--data", data);
    const second = await capstan(["server", "--address", "127.0.0.1:0", "--data", data]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /error: the master could not start: /);
    first.child.kill("SIGTERM");
    await first.ended;
  });
});
