// `npm start`: from a fresh clone to a real job over four workers. Plain Node, no dependencies.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { requireNode } from "./lib/node-version.mjs";

requireNode();
// Loaded late: an old Node is to meet the message above first.
const { build, ensureInstalled, root } = await import("./lib/set-up.mjs");
try {
  ensureInstalled();
  console.error("Compiling ...");
  build(["examples", "cli"]);
} catch (error) {
  console.error(`Could not get ready: ${error.message}`);
  process.exit(1);
}

const main = join(root, "examples/dist/src/flights/main.js");
const child = spawn(process.execPath, ["--enable-source-maps", main, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
// A terminal sends its interrupt to the whole group, so the child has it already; this only keeps
// us here until the child has cleaned up.
process.on("SIGINT", () => {
  if (!process.stdin.isTTY) child.kill("SIGINT");
});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
