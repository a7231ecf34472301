// A master for the README's examples: the real command, on a free port, with a journal that goes away.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./set-up.mjs";

/** How long a master may take until it says where it listens. */
const startMs = 20_000;

/** Starts `capstan server` and resolves, once it listens, to its address and a way to stop it. */
export async function startMaster() {
  const data = mkdtempSync(join(tmpdir(), "capstan-master-"));
  const args = ["server", "--address", "127.0.0.1:0", "--data", data];
  const child = spawn(process.execPath, [join(root, "cli/bin/capstan.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
    rmSync(data, { recursive: true, force: true });
  };
  try {
    return { address: await addressOf(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function addressOf(child) {
  return new Promise((resolve, reject) => {
    let output = "";
    const look = (text) => {
      output += text;
      const address = /127\.0\.0\.1:\d+/.exec(output)?.[0];
      if (address !== undefined) resolve(address);
    };
    child.stdout.setEncoding("utf8").on("data", look);
    child.stderr.setEncoding("utf8").on("data", look);
    child.once("exit", (code) => reject(new Error(`the master ended with ${code}:\n${output}`)));
    setTimeout(() => reject(new Error(`no address said:\n${output}`)), startMs).unref();
  });
}
