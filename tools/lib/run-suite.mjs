// Runs one mocha suite as a process group of its own, so that whatever it leaves behind is found and ended.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./set-up.mjs";

/** A suite may take this many times its budget before it is ended: budgets are for a quiet machine. */
const patience = 4;
/** How long a process may linger after its last test: longer means an open handle. */
const lingerMs = 10_000;

const mocha = join(root, "node_modules/mocha/bin/mocha.js");
const reporter = join(root, "tools/lib/counting-reporter.mjs");

/**
 * Runs a suite to its end and says how it went. `problems` holds what mocha cannot count: a crash, a
 * suite without tests, one that does not end, processes left behind; each is a failure of its own.
 * `said` is all that it printed, where `output` is "keep"; otherwise it has been printed already.
 */
export async function runSuite(suite, { budgetSeconds, env, output = "inherit" }) {
  const scratch = mkdtempSync(join(tmpdir(), "capstan-suite-"));
  const countsFile = join(scratch, "counts.json");
  // A file and not a pipe: both streams in the order in which they were written, and nobody to read them.
  const outputFile = join(scratch, "output.txt");
  const outputFd = output === "keep" ? openSync(outputFile, "w") : undefined;
  const startedAt = performance.now();
  const clean = () => rmSync(scratch, { recursive: true, force: true });
  process.once("exit", clean);
  try {
    const ended = await runGroup(["--reporter", reporter, suite.spec], {
      cwd: resolve(root, suite.folder),
      env: { ...process.env, ...env, CAPSTAN_TEST_COUNTS: countsFile },
      countsFile,
      output: outputFd ?? output,
      limitMs: budgetSeconds * patience * 1000,
    });
    const counts = readCounts(countsFile);
    const problems = [...ended.problems];
    if (counts === undefined) problems.push(`ended before its last test (${ended.how})`);
    else if (counts.passed + counts.failed === 0) problems.push("ran no test");
    else if (counts.failed === 0 && ended.how !== "exit 0" && problems.length === 0) {
      problems.push(`all tests passed, yet mocha ended with ${ended.how}`);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const said = outputFd === undefined ? "" : readFileSync(outputFile, "utf8");
    return { passed: 0, failed: 0, skipped: 0, ...counts, problems, seconds, said };
  } finally {
    if (outputFd !== undefined) closeSync(outputFd);
    process.off("exit", clean);
    clean();
  }
}

function readCounts(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

async function runGroup(args, { cwd, env, countsFile, output, limitMs }) {
  const stdio = ["ignore", output, output];
  const child = spawn(process.execPath, [mocha, ...args], { cwd, env, stdio, detached: true });
  // Several may run at once, and each must be ended: whoever is told to stop leaves, and leaving ends them all.
  const stop = () => process.exit(130);
  const kill = () => killGroup(child.pid);
  process.once("SIGINT", stop).once("SIGTERM", stop).once("exit", kill);
  const problems = [];
  const watch = watchForEnd({ child, countsFile, limitMs, problems });
  const how = await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  clearInterval(watch);
  process.off("SIGINT", stop).off("SIGTERM", stop).off("exit", kill);
  if (problems.length === 0 && (await isLeftBehind(child.pid))) {
    problems.push("left processes running");
  }
  killGroup(child.pid);
  return { how, problems };
}

/** Ends a suite that takes far too long, or that has counted its tests and still does not exit. */
function watchForEnd({ child, countsFile, limitMs, problems }) {
  const startedAt = performance.now();
  let countedAt;
  return setInterval(() => {
    const now = performance.now();
    if (countedAt === undefined && existsSync(countsFile)) countedAt = now;
    if (problems.length > 0) return;
    if (countedAt !== undefined && now - countedAt > lingerMs) {
      problems.push("did not exit after its last test: something holds the event loop open");
    } else if (now - startedAt > limitMs) {
      problems.push(`was ended after ${Math.round(limitMs / 1000)} s`);
    }
    if (problems.length > 0) killGroup(child.pid);
  }, 200);
}

async function isLeftBehind(group) {
  for (let tries = 0; tries < 10; tries += 1) {
    if (!groupExists(group)) return false;
    await sleep(200);
  }
  return true;
}

function groupExists(group) {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

function killGroup(group) {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // Gone already.
  }
}
