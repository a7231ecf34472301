// What `npm start`, `npm test` and `npm run bench` do first: install what is missing, compile what has changed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** The packages of the workspace, in the order in which they build. */
export const packages = [
  "proto",
  "server",
  "sdk/typescript",
  "cli",
  "examples",
  "bench",
  "conformance",
];

/** Runs a command, its output on stderr so that stdout stays the caller's; throws unless it exits 0. */
export function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) {
    throw new Error(`${command} ${args.join(" ")}: exit ${done.status ?? done.signal}`);
  }
}

/** Runs npm, by the very file that runs us when there is one, so that no shell is needed. */
export function npm(args, options) {
  const file = process.env.npm_execpath;
  if (file?.endsWith("npm-cli.js") && existsSync(file)) {
    run(process.execPath, [file, ...args], options);
  } else {
    run("npm", args, { shell: process.platform === "win32", ...options });
  }
}

/**
 * True when every package in `package-lock.json` is in `node_modules` at its locked version.
 * npm keeps what it installed in `node_modules/.package-lock.json`; times of files say less, since
 * a checkout gives every file a new one.
 */
export function isInstalled(folder = root) {
  const installedFile = join(folder, "node_modules/.package-lock.json");
  if (!existsSync(installedFile)) return false;
  const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  const installed = read(installedFile);
  return Object.entries(read(join(folder, "package-lock.json"))).every(([path, wanted]) => {
    if (!path.includes("node_modules/") || wanted.optional) return true;
    return installed[path]?.version === wanted.version;
  });
}

/** Installs the locked dependencies when they are missing or differ from the lock. */
export function ensureInstalled() {
  if (isInstalled()) return;
  console.error("Installing dependencies (npm ci) ...");
  npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/** Compiles the named packages and all that they refer to; only what changed is done again. */
export function build(names = packages) {
  for (const name of names) removeStale(join(root, name));
  run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b", ...names]);
}

/** Removes compiled files whose source is gone: tsc leaves them, and mocha would go on running them. */
function removeStale(folder) {
  const dist = join(folder, "dist");
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { recursive: true })) {
    const stem = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(entry)?.[1];
    if (stem === undefined || existsSync(join(folder, `${stem}.ts`))) continue;
    rmSync(join(dist, entry));
    // Without this tsc believes that its output is complete, should the source come back.
    rmSync(join(dist, "tsconfig.tsbuildinfo"), { force: true });
  }
}
