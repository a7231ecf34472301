import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

// The page shows sdk/typescript/examples/worker.ts and submit.ts, and this is how it says to run them. This
// file is compiled to examples/dist/test.
const root = fileURLToPath(new URL("../../../", import.meta.url));
const sdk = join(root, "sdk/typescript");
const page = readFileSync(join(sdk, "README.md"), "utf8");

describe("the commands of the SDK's README", () => {
  it("name files that the package has when it is published", () => {
    const { files } = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8")) as {
      files: string[];
    };
    const paths = [...page.matchAll(/node_modules\/@capstan\/sdk\/(\S+\.js)/g)];
    assert.equal(paths.length, 2);
    for (const [, path = ""] of paths) {
      assert.ok(
        files.some((folder) => path.startsWith(`${folder}/`)),
        path,
      );
    }
  });

  it("start a master and a worker, and count the words of a file", async function () {
    // Three processes, each of which loads all of Node's gRPC.
    this.timeout(30_000);
    const [, block = ""] = /^```sh\n([^]*?)^```$/m.exec(page) ?? [];
    const [server = "", worker = "", submit = "", ...others] = block.trim().split("\n");
    assert.deepEqual(others, [], "each command is run here");
    const data = mkdtempSync(join(tmpdir(), "capstan-sdk-readme-"));
    // As `npm install FOLDER` leaves it.
    const project = join(data, "project");
    mkdirSync(join(project, "node_modules/@capstan"), { recursive: true });
    symlinkSync(sdk, join(project, "node_modules/@capstan/sdk"));
    const running: ChildProcess[] = [];
    try {
      const env = { CAPSTAN_ADDRESS: "127.0.0.1:0", CAPSTAN_DATA: data };
      const master = start(server, root, env);
      running.push(master);
      const [CAPSTAN_ADDRESS = ""] = await saying(master, /127\.0\.0\.1:\d+/);
      const serving = start(worker, project, { CAPSTAN_ADDRESS });
      running.push(serving);
      const submitter = start(submit, project, { CAPSTAN_ADDRESS });
      running.push(submitter);
      const counted: string[] = [];
      const ended = once(submitter, "exit");
      for await (const line of createInterface({ input: submitter.stdout })) counted.push(line);
      assert.deepEqual(await ended, [0, null]);
      assert.deepEqual(counted, mostFrequent(page));
      const drained = once(serving, "exit");
      signal(serving);
      assert.deepEqual(await drained, [0, null]);
    } finally {
      await Promise.all(running.reverse().map(stop));
      rmSync(data, { recursive: true });
    }
  });
});

/** Runs a line of the page, in a process group of its own: npx is two processes. */
function start(line: string, cwd: string, env: NodeJS.ProcessEnv) {
  return spawn("bash", ["-c", `exec ${line}`], {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

async function saying({ stdout }: { stdout: NodeJS.ReadableStream }, text: RegExp) {
  for await (const line of createInterface({ input: stdout })) {
    const found = text.exec(line);
    if (found !== null) return found;
  }
  throw new Error(`it ended without saying ${text}`);
}

function signal({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, "SIGTERM");
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  signal(child);
  await ended;
}

/** What submit.ts is to print of a text, by a plain loop. */
function mostFrequent(text: string): string[] {
  const totals = new Map<string, number>();
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
    totals.set(word, (totals.get(word) ?? 0) + 1);
  }
  const top = [...totals].sort(([, a], [, b]) => b - a).slice(0, 10);
  return top.map(([word, count]) => `${count}\t${word}`);
}
