import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.js", import.meta.url));

/** Sends a master SIGTERM as soon as it has said something. @returns how it ended */
async function stopAt(stream: "stdout" | "stderr", text: string): Promise<unknown[]> {
  const args = [main, "--memory", "--address", "127.0.0.1:0"];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, CAPSTAN_LOG_LEVEL: "info" },
  });
  const ended = once(child, "exit");
  let said = "";
  child[stream].on("data", (chunk: Buffer) => {
    if (said.includes(text)) return;
    said += chunk.toString();
    if (said.includes(text)) child.kill("SIGTERM");
  });
  return ended;
}

describe("the master's process", function () {
  this.timeout(20_000);

  it("stops in order at a signal that comes as soon as it listens", async () => {
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await stopAt("stdout", "capstan master listening on "), [0, null]);
    }
  });

  it("stops at a signal that comes before it listens", async () => {
    assert.deepEqual(await stopAt("stderr", "replayed the journal"), [0, null]);
  });
});
