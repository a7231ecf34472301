import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Scratch } from "./scratch.js";

/** A master in a process of its own, as `capstan server` would start it. */
export interface MasterProcess {
  readonly address: string;
  /** Where its journal lies. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Starts a master on a free port, with the file journal in a fresh folder and every other setting as it comes. */
export async function startMasterProcess(scratch: Scratch): Promise<MasterProcess> {
  const folder = scratch.folder();
  const main = fileURLToPath(new URL("./main.js", import.meta.resolve("@capstan/server")));
  const child = spawn(process.execPath, [main, "--address", "127.0.0.1:0", "--data", folder], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, CAPSTAN_LOG_LEVEL: "warn" },
  });
  scratch.keep(child);
  const exited = once(child, "exit");
  const address = await Promise.race([
    addressOf(createInterface({ input: child.stdout })),
    exited.then(() => Promise.reject(new Error("the master ended before it listened"))),
  ]);
  // Nobody reads on: what it may still print must not fill the pipe.
  child.stdout.resume();
  return {
    address,
    folder,
    close: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function addressOf(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const match = /^capstan master listening on (\S+)$/.exec(line);
    if (match?.[1] !== undefined) return match[1];
  }
  throw new Error("the master did not say where it listens");
}
