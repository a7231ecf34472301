import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMaster } from "@capstan/server";
import { defaultLeaseTermMs } from "../src/commands/server.js";
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

  it("stops in order at a signal that comes while it still loads the master", async () => {
    // Asked where the package is, a hook of Node's loader sends the signal before it answers.
    const hook = `
      export async function resolve(name, context, next) {
        if (name === "@capstan/server") process.kill(process.pid, "SIGTERM");
        return next(name, context);
      }`;
    const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
    const register = url(
      `import { register } from "node:module"; register(${JSON.stringify(url(hook))});`,
    );
    const server = start(["server", "--memory", "--address", "127.0.0.1:0"], {
      env: { NODE_OPTIONS: `--import ${register}` },
    });
    running.push(server);
    const { code, stdout, stderr } = await server.ended;
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "" }, stderr);
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
    assert.equal(code, 2);
    assert.match(stderr, /error: the master could not start: .*insecure/);
  });

  it("says what it has not got of an address: a host of that name, or that place", async () => {
    const [name, place] = await Promise.all(
      ["nowhere.invalid:0", "192.0.2.1:0"].map((address) =>
        capstan([
          "server",
          "--memory",
          "--insecure",
          "--address",
          address,
          "--log-level",
          "silent",
        ]),
      ),
    );
    const told = (address: string, why: string) =>
      `error: the master could not start: cannot listen at ${address}: ${why}\n` +
      "--address names the place; 127.0.0.1:0 takes a free one of this machine\n";
    assert.equal(name?.stderr, told("nowhere.invalid:0", "no host of that name is known"));
    assert.equal(place?.stderr, told("192.0.2.1:0", "that address is not one of this machine"));
    assert.deepEqual([name?.code, place?.code], [1, 1]);
  });

  it("refuses numbers that make no sense, naming the flag and its range", async () => {
    const refused: readonly (readonly [string, string, RegExp])[] = [
      ["--lease-term", "1ms", /--lease-term is 100 ms to 1 h, got 1 ms/],
      ["--lease-term", "2h", /--lease-term is 100 ms to 1 h, got 2 h/],
      ["--ping-interval", "1ms", /--ping-interval is 50 ms to 10 min, got 1 ms/],
      ["--keep-succeeded", "1ms", /--keep-succeeded is 1\.0 s to 3650 d, got 1 ms/],
      ["--keep-failed", "4000d", /--keep-failed is 1\.0 s to 3650 d, got 4000 d/],
      ["--segment-mib", "0", /--segment-mib is 1 to 1024, got 0/],
      ["--segment-mib", "4096", /--segment-mib is 1 to 1024, got 4096/],
      ["--snapshot-segments", "10001", /--snapshot-segments is 0 to 10000, got 10001/],
    ];
    const checks = refused.map(async ([flag, value, message]) => {
      const { code, stderr } = await capstan(["server", "--memory", flag, value]);
      assert.equal(code, 2, flag);
      assert.match(stderr, message);
    });
    await Promise.all(checks);
    const journal = { kind: "memory" } as const;
    await assert.rejects(startMaster({ journal, settings: { leaseTermMs: 1 } }), {
      name: "RangeError",
      message: "the lease term is 100 to 3600000 ms, got 1",
    });
  });

  it("refuses flags that cannot both be meant", async () => {
    const [both, long, own] = await Promise.all([
      capstan(["server", "--memory", "--data", data]),
      capstan(["server", "--memory", "--ping-interval", "20s"]),
      capstan(["server", "--memory", "--ping-interval", "2s", "--lease-term", "2s"]),
    ]);
    assert.deepEqual([both.code, long.code, own.code], [2, 2, 2]);
    assert.match(both.stderr, /^error: --memory keeps nothing in --data: say one of them\n$/);
    assert.match(
      long.stderr,
      /^error: --ping-interval 20 s is not shorter than the lease term 15 s/,
    );
    assert.match(own.stderr, /^error: --ping-interval 2\.0 s .* than --lease-term 2\.0 s/);
    await assert.rejects(
      startMaster({ journal: { kind: "memory" }, pingIntervalMs: defaultLeaseTermMs }),
      { name: "RangeError", message: /interval \(15000 ms\) .* lease term \(15000 ms\)/ },
    );
    // The folder of the environment is for whoever wants one.
    const server = start(["server", "--memory", "--address", "127.0.0.1:0"], {
      env: { CAPSTAN_DATA: data },
    });
    running.push(server);
    await server.says(/^capstan master listening on /);
    server.child.kill("SIGTERM");
    await server.ended;
  });

  it("says what to do about a journal that is damaged, with a code of its own", async () => {
    const folder = join(data, "damaged");
    mkdirSync(folder);
    writeFileSync(join(folder, "0000000000000001.segment"), "garbage");
    const { code, stdout, stderr } = await capstan([
      ...["server", "--address", "127.0.0.1:0", "--data", folder],
    ]);
    assert.deepEqual([code, stdout], [74, ""]);
    assert.match(
      stderr,
      /^error: the master could not start: DATA_LOSS: .*0000000000000001\.segment/,
    );
    assert.ok(stderr.includes(`\n\`capstan journal verify --data ${folder}\` reads all of it`));
    assert.match(stderr, /Restore the folder from a copy.*docs\/journal-format\.md/);
  });

  it("names the file in its folder that it cannot use, in a sentence, and so does a verification", async () => {
    const folder = join(data, "odd");
    mkdirSync(join(folder, "lock-holder.json"), { recursive: true });
    const server = start([
      "server",
      "--address",
      "127.0.0.1:0",
      "--data",
      folder,
      "--log-level",
      "warn",
    ]);
    running.push(server);
    const { code, stderr } = await server.ended;
    assert.equal(code, 74);
    assert.match(
      stderr,
      /^error: .*lock-holder\.json: it is a folder, not a file\n--data or .*\n$/,
    );
    writeFileSync(join(folder, "0000000000000001.segment"), "");
    const verified = await capstan(["journal", "verify", "--data", folder]);
    assert.equal(verified.code, 1);
    assert.match(verified.stderr, /^error: .*lock-holder\.json: it is a folder, not a file\n$/);
  });

  it("ends at once, with a sentence, where its folder cannot be made", async function () {
    if (process.platform !== "linux") this.skip();
    const file = join(data, "file");
    writeFileSync(file, "");
    const folders = ["/proc/capstan/deep", "/proc/1", "/dev/null/capstan", file];
    const reasons = [
      "the system makes no folder there",
      "this user may not write into it, or not its file /proc/1/lock",
      "a part of its path is a file, not a folder",
      "it is a file, not a folder",
    ];
    const ended = folders.map((folder) => {
      const server = start(["server", "--address", "127.0.0.1:0", "--data", folder]);
      running.push(server);
      return server.ended;
    });
    for (const [i, { code, stdout, stderr }] of (await Promise.all(ended)).entries()) {
      assert.deepEqual({ code, stdout }, { code: 74, stdout: "" });
      assert.equal(
        stderr,
        `error: the master could not start: ${folders[i]} cannot hold a journal: ${reasons[i]}\n` +
          "--data or CAPSTAN_DATA names another folder: one that this user may write\n",
      );
    }
  });

  it("refuses a journal that another master holds", async () => {
    const first = await serve("--data", data);
    const second = await capstan(["server", "--address", "127.0.0.1:0", "--data", data]);
    assert.equal(second.code, 74);
    assert.match(second.stderr, /error: the master could not start: /);
    first.child.kill("SIGTERM");
    await first.ended;
  });
});
