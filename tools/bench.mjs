// `npm run -s bench -- NAME --json`: installs and compiles on stderr, so that stdout is the bench's alone.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { requireNode } from "./lib/node-version.mjs";

requireNode();
const { build, ensureInstalled, root } = await import("./lib/set-up.mjs");
try {
  ensureInstalled();
  build(["bench"]);
} catch (error) {
  console.error(`Could not get ready: ${error.message}`);
  process.exit(1);
}
const main = join(root, "bench/dist/src/main.js");
const child = spawn(process.execPath, [main, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
