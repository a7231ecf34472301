// `npm run -s simulate -- faults --seed N`: installs and compiles on stderr, then runs the simulator.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { requireNode } from "./lib/node-version.mjs";

requireNode();
const { build, ensureInstalled, root } = await import("./lib/set-up.mjs");
try {
  ensureInstalled();
  build(["server"]);
} catch (error) {
  console.error(`Could not get ready: ${error.message}`);
  process.exit(1);
}
const main = join(root, "server/dist/test/sim/simulate.js");
const args = ["--enable-source-maps", main, ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
