import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@capstan/sdk";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const main = fileURLToPath(new URL("../src/flights/main.js", import.meta.url));

/** Runs what `npm start` runs, in a folder of its own for all that it writes. */
class Run {
  output = "";
  readonly folder = mkdtempSync(join(tmpdir(), "capstan-flights-test-"));
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcess;
  readonly #waits = new Set<() => void>();

  constructor(...args: string[]) {
    this.#process = spawn(process.execPath, [main, ...args], {
      env: { ...process.env, TMPDIR: this.folder, TEMP: this.folder, TMP: this.folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        for (const look of this.#waits) look();
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.#process.once("error", reject);
      this.#process.once("close", (code, signal) => resolve(code ?? signal ?? "?"));
    });
  }

  /** Resolves when the output matches; rejects when the program ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const said = new Promise<RegExpExecArray>((resolve) => {
      const look = () => {
        const match = pattern.exec(this.output);
        if (match === null) return;
        this.#waits.delete(look);
        resolve(match);
      };
      this.#waits.add(look);
      look();
    });
    const ended = this.ended.then((how) => {
      throw new Error(`ended (${how}) without ${pattern}:\n${this.output}`);
    });
    return Promise.race([said, ended]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The processes that it has started: one line each, with its id and its command. */
  started(): string[] {
    return processes()
      .filter(({ parent }) => parent === this.#process.pid)
      .map(({ line }) => line);
  }

  /** What it has left in the folder for temporary files. */
  leftOnDisk(): string[] {
    return readdirSync(this.folder);
  }

  /** Ends it, should a test have failed halfway: what it has started ends with it. */
  async dispose(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function processes(): { parent: number; line: string }[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "ppid=,pid=,args="], { encoding: "utf8" });
  return stdout.split("\n").map((line) => {
    const [, parent, rest = ""] = /^ *(\d+) +(.*)$/.exec(line) ?? [];
    return { parent: Number(parent), line: rest };
  });
}

function stillRunning(some: readonly string[]): string[] {
  const now = new Set(processes().map(({ line }) => line));
  return some.filter((line) => now.has(line));
}

/** Runs a line as a reader would, in the project's folder. */
async function shell(line: string): Promise<{ code: unknown; output: string }> {
  const child = spawn("bash", ["-c", line], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as unknown[];
  return { code, output };
}

/** A slice that is enough for a few dozen tasks. */
const slice = ["--rows", "20000"];

// Each of these starts a master and four workers: seconds, most of them spent by Node starting up.
describe("npm start, the flights job", function () {
  this.timeout(120_000);
  let run: Run;
  afterEach(() => run.dispose());

  it("comes to the answer of a plain loop, exits 0 and leaves nothing running", async () => {
    run = new Run(...slice);
    await run.says(/near its data/);
    const started = run.started();
    assert.equal(started.length, 5, `a master and four workers: ${started.join("\n")}`);
    assert.equal(await run.ended, 0, run.output);
    assert.match(run.output, /in all \d+ groups, as a plain loop over the 20,000 rows finds/);
    assert.match(run.output, /nothing is left running/);
    assert.deepEqual(stillRunning(started), []);
    assert.deepEqual(run.leftOnDisk(), []);
  });

  it("refuses a number of flights that there is not, with the range", async () => {
    run = new Run("--rows", "200001");
    assert.equal(await run.ended, 2);
    assert.match(run.output, /--rows takes a whole number of flights from 1 to 200000, not 200001/);
  });

  it("exits 1 and names the group when the answer is not that of a plain loop", async () => {
    run = new Run(...slice, "--tamper");
    assert.equal(await run.ended, 1, run.output);
    assert.match(run.output, /FAILED: the answer is not that of a plain loop: hour 0, /);
    assert.deepEqual(run.leftOnDisk(), []);
  });

  it("ends everything when it is interrupted halfway", async () => {
    run = new Run();
    await run.says(/near its data/);
    const started = run.started();
    assert.equal(started.length, 5);
    run.signal("SIGINT");
    assert.equal(await run.ended, 130, run.output);
    assert.deepEqual(stillRunning(started), []);
    assert.deepEqual(run.leftOnDisk(), []);
  });

  it("takes the master and the workers with it when it is killed", async () => {
    run = new Run();
    await run.says(/near its data/);
    const started = run.started();
    run.signal("SIGKILL");
    await run.ended;
    // Nobody is left to tell of their end, so this looks again and again.
    while (stillRunning(started).length > 0) await sleep(100);
  });

  it("with --keep stays up for others until it is interrupted, and then exits 0", async () => {
    run = new Run(...slice, "--keep");
    const [, address = ""] = await run.says(/the master at (\S+) [^]*MasterService\/GetJob\n/);
    const started = run.started();
    const client = new Client({ address });
    try {
      const workers = await client.listWorkers();
      assert.deepEqual(workers.items.map(({ workerId }) => workerId).sort(), [
        ...["elm", "fir", "oak", "yew"],
      ]);
    } finally {
      client.close();
    }
    for (const [command] of run.output.matchAll(/^ {2}npx capstan .*$/gm)) {
      const said = await shell(`export CAPSTAN_ADDRESS=${address}; ${command}`);
      assert.equal(said.code, 0, `${command}: ${said.output}`);
      assert.notEqual(said.output, "");
    }
    run.signal("SIGTERM");
    assert.equal(await run.ended, 0, run.output);
    assert.deepEqual(stillRunning(started), []);
  });

  if (process.env["CAPSTAN_VERIFY"] === "1") {
    // The promises are about time, so they need all flights and a quiet machine.
    it("keeps its promises about speed on all flights", async () => {
      run = new Run();
      assert.equal(await run.ended, 0, run.output);
    });
  }
});
