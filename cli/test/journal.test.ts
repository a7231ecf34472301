import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capstan, start } from "./support/capstan.js";

const jobText = '{"name": "kept", "stages": [{"taskType": "later", "tasks": [{"payload": 1}]}]}';

describe("capstan journal", function () {
  this.timeout(20_000);
  let kept: string;
  let data: string;

  // One master writes the journal; each test has a copy of its own to damage.
  before(async () => {
    kept = mkdtempSync(join(tmpdir(), "capstan-cli-"));
    const { child, says, ended } = start(["server", "--address", "127.0.0.1:0", "--data", kept]);
    const [, address = ""] = await says(/^capstan master listening on (\S+)\n/);
    const { code, stderr } = await capstan(["job", "submit", "-", "--address", address], {
      input: jobText,
    });
    assert.equal(code, 0, stderr);
    child.kill("SIGTERM");
    await ended;
  });
  after(() => rmSync(kept, { recursive: true, force: true }));

  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), "capstan-cli-"));
    cpSync(kept, data, { recursive: true });
  });
  afterEach(() => {
    rmSync(data, { recursive: true, force: true });
  });

  /** The segments of the journal. */
  const files = () => readdirSync(data).filter((name) => name.endsWith(".segment"));
  const bytes = () => files().map((name) => readFileSync(join(data, name)).toString("hex"));

  it("says that a journal is whole, how much there is of it, and changes nothing", async () => {
    const before = bytes();
    const { code, stdout, stderr } = await capstan(["journal", "verify", "--data", data]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Journal +[0-9a-f]{32}$/m);
    assert.match(stdout, /^Entries +1 to 2, /m);
    assert.deepEqual(bytes(), before);
    const { stdout: json } = await capstan(["journal", "verify", "--data", data, "-o", "json"]);
    const survey = JSON.parse(json) as {
      verdict: string;
      lastIndex: number;
      segments: { name: string }[];
    };
    assert.deepEqual(
      [survey.verdict, survey.lastIndex, survey.segments.map(({ name }) => name)],
      ["whole", 2, files()],
    );
  });

  it("says what a crash left unfinished, and leaves it to the next start", async () => {
    const [name = ""] = files();
    const whole = readFileSync(join(data, name));
    const torn = Buffer.concat([whole, Buffer.alloc(20)]);
    writeFileSync(join(data, name), torn);
    const { code, stdout } = await capstan(["journal", "verify", "--data", data]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      new RegExp(`20 bytes at byte ${whole.length} of ${name} are no whole entry`),
    );
    assert.match(stdout, /Entry 2, the last that its history or a snapshot has seen, is there/);
    assert.doesNotMatch(stdout, /nothing acknowledged is lost/);
    assert.deepEqual(readFileSync(join(data, name)), torn);
  });

  it("names the place of any damage, and exits with 1", async () => {
    const [name = ""] = files();
    const flipped = readFileSync(join(data, name));
    // In the first entry, of which the second has the hash.
    const at = 100;
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    writeFileSync(join(data, name), flipped);
    for (const command of ["verify", "inspect"]) {
      const { code, stderr } = await capstan(["journal", command, "--data", data]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^error: DATA_LOSS: .*segment ${name}, byte \\d+`));
    }
  });

  it("prints one object for programs, of what is damaged too, with the place and the reason", async () => {
    const [name = ""] = files();
    const flipped = readFileSync(join(data, name));
    flipped[100] = (flipped[100] ?? 0) ^ 1;
    writeFileSync(join(data, name), flipped);
    const { code, stdout } = await capstan(["journal", "verify", "--data", data, "-o", "json"]);
    assert.equal(code, 1);
    const { verdict, reason, place } = JSON.parse(stdout) as {
      verdict: string;
      reason: string;
      place: { segment: string; offset: number; index: number };
    };
    assert.equal(verdict, "damaged");
    assert.match(reason, /^DATA_LOSS: /);
    assert.deepEqual([place.segment, place.index], [name, 1]);
  });

  it("says of what a start refuses since the history has seen more that it is damaged, and changes nothing", async () => {
    const before = readdirSync(data).sort();
    const [name = ""] = files();
    const path = join(data, name);
    // The last entry, which the history has seen, is cut off: what is left is whole in itself.
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    const cut = await verifiedAndStarted();
    assert.match(
      cut.verified,
      /ends at entry 1, but entry 2 had been durable.*history\.db has seen it/,
    );
    rmSync(path);
    const gone = await verifiedAndStarted();
    assert.match(
      gone.verified,
      /ends at entry 0, but entry 2 had been durable.*history\.db has seen it/,
    );
    const after = readdirSync(data).filter((one) => !one.startsWith("history.db-"));
    assert.deepEqual(
      after.sort(),
      before.filter((one) => one !== name),
    );
  });

  /** @returns what both say, a verification and a start */
  async function verifiedAndStarted(): Promise<{ verified: string; started: string }> {
    const verified = await capstan(["journal", "verify", "--data", data]);
    assert.equal(verified.code, 1, verified.stdout);
    const started = await capstan(["server", "--address", "127.0.0.1:0", "--data", data]);
    assert.equal(started.code, 74);
    const [said = ""] = verified.stderr.split("\n");
    assert(started.stderr.includes(said.replace(/^error: /, "")), started.stderr);
    return { verified: verified.stderr, started: started.stderr };
  }

  it("says that there are no snapshots, and leaves stdout empty", async () => {
    const args = ["journal", "inspect", "--data", data, "--snapshots"];
    const { code, stdout, stderr } = await capstan(args);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "" });
    assert.match(stderr, /^There are no snapshots in /);
  });

  describe("with snapshots", () => {
    let made: string;
    before(async () => {
      made = mkdtempSync(join(tmpdir(), "capstan-cli-"));
      cpSync(kept, made, { recursive: true });
      const flags = ["--segment-mib", "1", "--snapshot-segments", "1", "--log-level", "info"];
      const where = ["--address", "127.0.0.1:0", "--data", made];
      const { child, says, ended } = start(["server", ...where, ...flags]);
      const [, address = ""] = await says(/^capstan master listening on (\S+)$/m);
      const tasks = Array.from({ length: 25 }, () => ({ payload: "x".repeat(100_000) }));
      const job = { name: "large", stages: [{ taskType: "later", tasks }] };
      const submit = ["job", "submit", "-", "--address", address];
      await capstan(submit, { input: JSON.stringify(job) });
      await says(/made a snapshot/);
      await capstan(submit, { input: JSON.stringify(job) });
      await says(/cut the journal/);
      child.kill("SIGTERM");
      await ended;
    });
    after(() => rmSync(made, { recursive: true, force: true }));

    beforeEach(() => {
      rmSync(data, { recursive: true });
      cpSync(made, data, { recursive: true });
    });

    it("lists snapshots, and calls a journal whole whose first entries they cover", async () => {
      const verified = await capstan(["journal", "verify", "--data", data]);
      assert.equal(verified.code, 0, verified.stderr);
      assert.match(verified.stdout, /^Snapshots +of entry \d+, /m);
      const args = ["journal", "inspect", "--data", data, "--snapshots"];
      const listed = await capstan(args);
      assert.match(listed.stdout, /^ENTRY +BYTES +FILE +SHA-256$/m);
      assert.match(listed.stdout, /^ +\d+ +\d+ +\d{16}\.snapshot +[0-9a-f]{64}$/m);
      const json = (await capstan([...args, "-o", "json"])).stdout;
      const snapshots = JSON.parse(json) as { index: number }[];
      assert.equal(snapshots.length, 2);
      const lines = await capstan([...args, "-o", "jsonl"]);
      assert.deepEqual(jsonLines(lines.stdout), snapshots);
      assert.equal((await capstan([...args, "--from", "1"])).code, 2);
    });

    it("says what to do about a snapshot that is damaged, and without it all is there", async () => {
      const names = readdirSync(data).filter((name) => name.endsWith(".snapshot"));
      const [older = "", newest = ""] = names.sort().map((name) => join(data, name));
      const bytes = readFileSync(newest);
      // In the middle are payloads.
      const at = bytes.length >> 1;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(newest, bytes);
      const { verified, started } = await verifiedAndStarted();
      assert.match(verified, /section "payloads" fails its checksum/);
      for (const text of [verified, started]) {
        assert(text.includes(`\nmove ${newest} to another folder`), text);
      }
      rmSync(newest);
      const without = await capstan(["journal", "verify", "--data", data]);
      assert.equal(without.code, 0, without.stderr);
      writeFileSync(older, readFileSync(older).subarray(0, -100));
      const cut = await verifiedAndStarted();
      assert(cut.verified.includes(`\nmove ${older} to another folder`), cut.verified);
    });
  });

  const jsonLines = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);

  it("lists entries with what they say", async () => {
    const { stdout } = await capstan(["journal", "inspect", "--data", data]);
    const [head, claim, submit] = stdout.split("\n");
    assert.match(head ?? "", /^ENTRY +EPOCH +TIME +BYTES +BLOBS +EVENTS$/);
    assert.match(claim ?? "", /^ +1 +1 +0 +0 +claim/);
    assert.match(submit ?? "", /^ +2 +1 +20\S+Z +\d+ +1 +1 job_submitted$/);
    const args = ["journal", "inspect", "--data", data, "--from", "2", "-o", "json"];
    const entries = JSON.parse((await capstan(args)).stdout) as {
      index: number;
      events: { type: string; spec: { name: string } }[];
    }[];
    assert.deepEqual(
      entries.map(({ index, events }) => [index, events[0]?.type, events[0]?.spec.name]),
      [[2, "job_submitted", "kept"]],
    );
    const { stdout: one, stderr } = await capstan([...args.slice(0, 4), "--limit", "1"]);
    assert.equal(one.trim().split("\n").length, 2);
    assert.match(stderr, /There are more: --from 2/);
    const every = await capstan([...args.slice(0, 4), "--limit", "0", "-o", "jsonl"]);
    assert.deepEqual(
      jsonLines(every.stdout).map((entry) => (entry as { index: number }).index),
      [1, 2],
    );
    assert.equal(every.stderr, "");
    const none = await capstan([...args.slice(0, 4), "--from", "3"]);
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    assert.match(none.stderr, /^There are no entries in .* from 3 on\.$/m);
  });

  it("refuses while a master runs on the journal, and where there is none", async () => {
    const server = start(["server", "--address", "127.0.0.1:0", "--data", data]);
    await server.says(/^capstan master listening on (\S+)\n/);
    const held = await capstan(["journal", "verify", "--data", data]);
    assert.equal(held.code, 1);
    assert.match(held.stderr, /is held by process \d+/);
    server.child.kill("SIGTERM");
    await server.ended;
    const none = await capstan(["journal", "verify", "--data", join(data, "nowhere")]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /^error: there is no journal in .*nowhere$/m);
  });
});
