// Small trees in a temporary folder, under the real configuration: to see that a check finds what it is for.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./set-up.mjs";

/**
 * Makes a folder with `files` (path to text), the named paths of the repository copied in and, unless
 * `linked` is false, its node_modules; returns its path.
 */
export function plant(files, { copied = [], linked = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "capstan-plant-"));
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  if (linked) symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");
  return folder;
}

export function uproot(folder) {
  rmSync(folder, { recursive: true, force: true });
}

/** Runs a program of node_modules in `cwd` and returns its exit status and output. */
export function runTool(cwd, file, args) {
  const program = join(root, "node_modules", file);
  const done = spawnSync(process.execPath, [program, ...args], {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}
