import { spawn } from "node:child_process";
import { join } from "node:path";
import { requireNode } from "./node-version.mjs";

/**
 * Installs and compiles on stderr, so that stdout is the program's alone, then runs a program of a workspace with the
 * arguments of this process, and ends as it does.
 *
 * @param {string} workspace folder of what is compiled
 * @param {string} program its main file, from the root
 * @param {readonly string[]} [flags] of Node
 */
export async function runBuilt(workspace, program, flags = []) {
  requireNode();
  const { build, ensureInstalled, root } = await import("./set-up.mjs");
  try {
    ensureInstalled();
    build([workspace]);
  } catch (error) {
    console.error(`Could not get ready: ${error.message}`);
    process.exit(1);
  }
  const args = [...flags, join(root, program), ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => process.exit(code ?? 1));
}
