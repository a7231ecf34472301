// `npm run generate`: from proto/**/*.proto to proto/gen. With --check it fails when that changed anything.
// The generators live in tools/generate with a lock of their own, outside the workspace.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { requireNode } from "./lib/node-version.mjs";

requireNode();
const { isInstalled, npm, root, run } = await import("./lib/set-up.mjs");

const home = join(root, "tools/generate");
const proto = join(root, "proto");

/** buf from npm exists here for Linux on x64; elsewhere the variable BUF, or PATH, says where buf is. */
function findBuf() {
  if (process.env.BUF) return process.env.BUF;
  const own = join(home, "node_modules/@bufbuild/buf-linux-x64/bin/buf");
  return existsSync(own) ? own : "buf";
}

/** The hash of every file of the contract, written or generated. */
function fingerprint() {
  const skipped = /^(node_modules|dist|src)(\/|$)/;
  const files = readdirSync(proto, { recursive: true })
    .filter((name) => !skipped.test(name) && statSync(join(proto, name)).isFile())
    .sort();
  const hash = (name) =>
    createHash("sha256")
      .update(readFileSync(join(proto, name)))
      .digest("hex");
  return new Map(files.map((name) => [name, hash(name)]));
}

function differences(before, after) {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => {
      const what = !before.has(name) ? "missing" : !after.has(name) ? "left over" : "differs";
      return `  ${what.padEnd(9)} proto/${name}`;
    });
}

function generate() {
  if (!isInstalled(home)) npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: home });
  const buf = findBuf();
  const at = { cwd: proto };
  run(buf, ["format", "-w", "--path", "capstan"], at);
  run(buf, ["lint"], at);
  run(buf, ["generate"], at);
  // What server reflection serves: every file with its imports, but for the journal's, which is nobody
  // else's business; no comments, which would only add bytes.
  const descriptors = ["--as-file-descriptor-set", "--exclude-source-info"];
  descriptors.push("--exclude-path", "capstan/journal");
  run(buf, ["build", ...descriptors, "-o", "gen/descriptors.binpb"], at);
}

try {
  const before = fingerprint();
  generate();
  const changed = differences(before, fingerprint());
  if (process.argv.includes("--check") && changed.length > 0) {
    console.error("The committed contract is not what the generators make of it:");
    console.error(changed.join("\n"));
    console.error("Run `npm run generate` and commit the result.");
    process.exit(1);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
