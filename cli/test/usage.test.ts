import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, defaultAddress as addressOfSdk, Worker } from "@capstan/sdk";
import { startMaster } from "@capstan/server";
import { defaultAddress } from "../src/settings.js";
import { capstan } from "./support/capstan.js";

describe("the command line", function () {
  this.timeout(20_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "capstan-cli-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("shows its help on stdout, with the exit codes", async () => {
    const { code, stdout, stderr } = await capstan(["--help"]);
    assert.equal(code, 0);
    assert.match(stdout, /job .*run jobs/);
    assert.match(stdout, /Exit codes: 0 done/);
    assert.equal(stderr, "");
  });

  it("shows the help of a command at any depth, also by `help`", async () => {
    mkdirSync(join(folder, "no-config/capstan/config.yaml"), { recursive: true });
    const env = { XDG_CONFIG_HOME: join(folder, "no-config") };
    const [whole, group, leaf, wrong] = await Promise.all([
      capstan(["help"]),
      capstan(["help", "job"]),
      // A configuration that cannot be read is no reason to give none.
      capstan(["help", "job", "run"], { env }),
      capstan(["help", "job", "rnu"]),
    ]);
    assert.match(whole.stdout, /^Usage: capstan \[options\] \[command\]\n/);
    assert.match(group.stdout, /^Usage: capstan job \[options\] \[command\]\n/);
    assert.match(leaf.stdout, /^Usage: capstan job run \[options\] <file>\n/);
    assert.deepEqual([whole.code, group.code, leaf.code], [0, 0, 0]);
    assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
    assert.match(wrong.stderr, /unknown command 'rnu'\n\(Did you mean run\?\)/);
  });

  it("says in words which file it cannot read, and why", async () => {
    mkdirSync(join(folder, "unreadable/capstan/config.yaml"), { recursive: true });
    const env = { XDG_CONFIG_HOME: join(folder, "unreadable") };
    const [config, job] = await Promise.all([
      capstan(["job", "list"], { env }),
      capstan(["job", "run", folder]),
    ]);
    const path = join(folder, "unreadable/capstan/config.yaml");
    assert.equal(config.code, 2);
    assert.ok(
      config.stderr.startsWith(
        `error: the configuration file ${path} cannot be read: it is a folder\nmend it or move it away`,
      ),
      config.stderr,
    );
    assert.deepEqual(
      [job.code, job.stderr],
      [2, `error: ${folder} cannot be read: it is a folder\n`],
    );
  });

  it("names the flag and the host when no host of that name is known", async () => {
    // The top-level domain that is promised to have no hosts.
    const [flag, variable] = await Promise.all([
      capstan(["job", "list", "--address", "nowhere.invalid:7410"]),
      capstan(["job", "list"], { env: { CAPSTAN_ADDRESS: "nowhere.invalid:7410" } }),
    ]);
    const why = "no host of that name is known: nowhere.invalid:7410\nis it spelled right?";
    assert.equal(flag.code, 3);
    assert.ok(flag.stderr.startsWith(`error: --address: ${why}`), flag.stderr);
    assert.ok(variable.stderr.startsWith(`error: CAPSTAN_ADDRESS: ${why}`), variable.stderr);
  });

  it("takes a name that it does not know for wrong usage, and suggests the right one", async () => {
    const { code, stdout, stderr } = await capstan(["job", "wach", "job_1"]);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /unknown command 'wach'\n\(Did you mean watch\?\)/);
  });

  it("names the flag and the choices when a value is wrong", async () => {
    const [format, state, limit, time, label] = await Promise.all([
      capstan(["job", "list", "-o", "xml"]),
      capstan(["job", "list", "--state", "done"]),
      capstan(["job", "list", "--limit", "-1"]),
      capstan(["job", "list", "--command-timeout", "30"]),
      capstan(["job", "list", "--label", "red"]),
    ]);
    for (const { code, stdout } of [format, state, limit, time, label]) {
      assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    }
    assert.match(format.stderr, /--output .*'xml' is invalid.*table, json, jsonl, yaml/);
    assert.match(state.stderr, /--state .*'done' is invalid.*running.*succeeded/);
    assert.match(limit.stderr, /--limit/);
    assert.match(time.stderr, /--command-timeout .*30s/);
    assert.match(label.stderr, /--label .*key=value/);
  });

  it("says that what answers is no master where it is another service, with code 3", async () => {
    const server = http.createServer((_request, response) => response.end("hi"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const { code, stderr } = await capstan(["job", "list", "--address", address]);
      assert.equal(code, 3);
      assert.match(
        stderr,
        new RegExp(`^error: what answers at ${address} is no Capstan master\\n`),
      );
      assert.match(stderr, /is it the right port\?/);
    } finally {
      server.close();
    }
  });

  it("refuses a flag with nothing in it, by its name: it would mean none, silently", async () => {
    const cases: readonly [flag: string, args: readonly string[]][] = [
      ["--key", ["job", "run", "-", "--key", ""]],
      ["--key", ["job", "submit", "-", "--key", " "]],
      ["--stage", ["job", "outputs", "JOB", "--stage", ""]],
      ["--stage", ["task", "list", "JOB", "--stage", ""]],
      ["--name", ["job", "list", "--name", ""]],
      ["--note", ["job", "cancel", "JOB", "--note", ""]],
      ["--namespace", ["job", "list", "-n", ""]],
      ["--address", ["job", "list", "--address", ""]],
      ["--profile", ["job", "list", "--profile", ""]],
      ["--data", ["server", "--data", ""]],
      ["--data", ["journal", "verify", "--data", ""]],
    ];
    const ended = await Promise.all(cases.map(([, args]) => capstan(args)));
    for (const [i, { code, stdout, stderr }] of ended.entries()) {
      const flag = cases[i]?.[0] ?? "";
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(
        stderr,
        new RegExp(`option '.*${flag} .*' argument ' ?' is invalid. It is empty`),
      );
    }
  });

  it("refuses an argument with nothing in it, without asking a master", async () => {
    const cases = [
      ["job", "run", ""],
      ["job", "get", ""],
      ["task", "get", " "],
      ["task", "list", ""],
    ];
    for (const { code, stderr } of await Promise.all(cases.map((args) => capstan(args)))) {
      assert.equal(code, 2);
      assert.match(stderr, /argument value ' ?' is invalid for argument '\w+'\. It is empty/);
    }
  });

  it("tells a bad address in the same words wherever it was given, as the SDK and the server do", async () => {
    const config = { profiles: { default: { address: "nowhere" } } };
    mkdirSync(join(folder, "bad/capstan"), { recursive: true });
    writeFileSync(join(folder, "bad/capstan/config.yaml"), JSON.stringify(config));
    const wanted = (name: string, portMin: number) =>
      `${name}: "nowhere" is no address; HOST:PORT is wanted, like 127.0.0.1:7410 or [::1]:7410, ` +
      `with a port from ${portMin} to 65535`;
    const env = { CAPSTAN_ADDRESS: "nowhere" };
    const said = await Promise.all([
      capstan(["job", "list", "--address", "nowhere"]),
      capstan(["version", "--address", "127.0.0.1:1,nowhere"]),
      capstan(["worker", "list"], { env }),
      capstan(["job", "list"], { env: { XDG_CONFIG_HOME: join(folder, "bad") } }),
      capstan(["server", "--memory", "--address", "nowhere"]),
      capstan(["server", "--memory"], { env }),
    ]);
    assert.deepEqual(
      said.map(({ code, stdout, stderr }) => [code, stdout, stderr]),
      [
        [2, "", `error: ${wanted("--address", 1)}\n`],
        [2, "", `error: ${wanted("--address", 1)}\n`],
        [2, "", `error: ${wanted("CAPSTAN_ADDRESS", 1)}\n`],
        [2, "", `error: ${wanted("address of the profile", 1)}\n`],
        [2, "", `error: ${wanted("--address", 0)}\n`],
        [2, "", `error: ${wanted("CAPSTAN_ADDRESS", 0)}\n`],
      ],
    );
    const bySdk = { name: "InvalidArgumentError", message: wanted("address", 1) };
    assert.throws(() => new Client({ address: "nowhere" }), bySdk);
    assert.throws(() => new Worker({ address: ["127.0.0.1:1", "nowhere"] }), bySdk);
    await assert.rejects(startMaster({ address: "nowhere", journal: { kind: "memory" } }), {
      name: "RangeError",
      message: wanted("address", 0),
    });
  });

  it("says with code 3 where no master answers and how to start one", async () => {
    const { code, stdout, stderr } = await capstan(["job", "list", "--address", "127.0.0.1:1"]);
    assert.equal(code, 3);
    assert.equal(stdout, "");
    assert.match(stderr, /^error: no master answers at 127\.0\.0\.1:1\n.*`capstan server`/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });

  it("tells an error with its stack only if asked", async () => {
    const args = ["job", "list", "--address", "127.0.0.1:1", "--verbose"];
    assert.match((await capstan(args)).stderr, /\n {4}at /);
  });

  it("tells its own version, and why it does not know the master's", async () => {
    const { code, stdout } = await capstan(["version", "--address", "127.0.0.1:1", "-o", "json"]);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), {
      capstan: "0.1.0",
      address: "127.0.0.1:1",
      master: { error: "no master answers at 127.0.0.1:1" },
    });
  });

  it("has the default address of the SDK", () => {
    assert.equal(defaultAddress, addressOfSdk);
  });

  describe("settings", () => {
    const origins = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
      const shown = await capstan(["config", "show", "-o", "json", ...args], { env });
      assert.equal(shown.code, 0, shown.stderr);
      const rows = JSON.parse(shown.stdout) as {
        setting: string;
        value: unknown;
        origin: string;
      }[];
      return Object.fromEntries(
        rows.map(({ setting, value, origin }) => [setting, `${value} (${origin})`]),
      );
    };

    before(() => {
      mkdirSync(join(folder, "capstan"));
      const profiles = {
        default: { address: "profile:1", namespace: "of-profile" },
        slow: { commandTimeout: "2m" },
      };
      writeFileSync(join(folder, "capstan/config.yaml"), JSON.stringify({ profiles }));
    });

    it("come from the flag, then the environment, then the profile, then the default", async () => {
      const [shown, bare] = await Promise.all([
        origins(["--address", "flag:1"], {
          XDG_CONFIG_HOME: folder,
          CAPSTAN_ADDRESS: "env:1",
          CAPSTAN_COLOR: "never",
        }),
        origins([], {}),
      ]);
      assert.equal(shown["address"], "flag:1 (flag)");
      assert.equal(shown["color"], "never (environment)");
      assert.equal(shown["namespace"], "of-profile (profile)");
      assert.equal(shown["commandTimeout"], "null (default)");
      assert.equal(bare["address"], "127.0.0.1:7410 (default)");
    });

    it("come from the profile that is named", async () => {
      const shown = await origins(["--profile", "slow"], { XDG_CONFIG_HOME: folder });
      assert.equal(shown["commandTimeout"], "120000 (profile)");
      assert.equal(shown["namespace"], "default (default)");
    });

    it("name the profiles that there are when one is asked for that is not", async () => {
      const env = { XDG_CONFIG_HOME: folder };
      const { code, stderr } = await capstan(["job", "list", "--profile", "fast"], { env });
      assert.equal(code, 2);
      assert.match(stderr, /no profile fast in .*config\.yaml\nit has: default, slow/);
    });
  });
});
