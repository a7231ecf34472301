// grpcurl, for the tests that call the master as a stranger would. It is a Go program, built once into .tools/bin.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./set-up.mjs";

const version = "v1.9.4";
const folder = join(root, ".tools/bin");
const stamp = join(folder, "grpcurl.version");

function works(command) {
  return spawnSync(command, ["-version"], { stdio: "ignore" }).status === 0;
}

/**
 * The path of a grpcurl that works: the one built before, a new one built by Go, or the one on PATH.
 * Undefined when there is none and it cannot be built.
 */
export function ensureGrpcurl() {
  const own = join(folder, process.platform === "win32" ? "grpcurl.exe" : "grpcurl");
  const current = existsSync(stamp) && readFileSync(stamp, "utf8") === version;
  if (current && works(own)) return own;
  if (spawnSync("go", ["version"], { stdio: "ignore" }).status === 0) {
    console.error(`Building grpcurl ${version} (about a minute, once) ...`);
    mkdirSync(folder, { recursive: true });
    const module = `github.com/fullstorydev/grpcurl/cmd/grpcurl@${version}`;
    const env = { ...process.env, GOBIN: folder };
    const made = spawnSync("go", ["install", module], { stdio: ["ignore", 2, 2], env });
    if (made.status === 0 && works(own)) {
      writeFileSync(stamp, version);
      return own;
    }
  }
  return works("grpcurl") ? "grpcurl" : undefined;
}

/** The environment in which tests find grpcurl: first on PATH, and by name in CAPSTAN_GRPCURL. */
export function grpcurlEnvironment(path) {
  if (path === undefined) return {};
  return {
    CAPSTAN_GRPCURL: path,
    PATH: `${folder}${delimiter}${process.env.PATH ?? ""}`,
  };
}

// As a script (`node tools/lib/grpcurl.mjs`) it builds ahead of time; no success is no error here.
if (import.meta.url === `file://${process.argv[1]}`) ensureGrpcurl();
