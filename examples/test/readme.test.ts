import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

// The README shows examples/src/readme/worker.ts and examples/src/readme/client.ts.
const start = (path: string, env: NodeJS.ProcessEnv, args: string[] = []) =>
  spawn(process.execPath, [fileURLToPath(new URL(path, import.meta.url)), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });

describe("the README's worker and client", () => {
  it("run a job together, and the worker ends by itself when it is told to", async function () {
    this.timeout(30_000);
    const main = import.meta.resolve("@capstan/server").replace(/index\.js$/, "main.js");
    const args = ["--memory", "--address", "127.0.0.1:0"];
    const master = start(main, { CAPSTAN_LOG_LEVEL: "error" }, args);
    try {
      const env = { CAPSTAN_ADDRESS: await addressOf(master.stdout) };
      const worker = start("../src/readme/worker.js", env);
      const client = start("../src/readme/client.js", env);
      const lines: string[] = [];
      for await (const line of createInterface({ input: client.stdout })) lines.push(line);
      assert.deepEqual(lines, ["0 { words: 6 }", "1 { words: 4 }"]);
      worker.kill("SIGTERM");
      assert.deepEqual(await once(worker, "exit"), [0, null]);
    } finally {
      master.kill("SIGTERM");
      await once(master, "exit");
    }
  });
});

async function addressOf(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const address = /127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (address !== undefined) return address;
  }
  throw new Error("the master ended before it listened");
}
