// `npm test`: every suite, in turn but for those that run beside; the last line is `N passed, N failed`.
// --verify (`npm run verify`) runs the long versions; names of suites as arguments run only those.
import { requireNode } from "./lib/node-version.mjs";

requireNode();
const { build, ensureInstalled } = await import("./lib/set-up.mjs");
const { ensureGrpcurl, grpcurlEnvironment } = await import("./lib/grpcurl.mjs");
const { runAll } = await import("./lib/run-all.mjs");
const { runSuite } = await import("./lib/run-suite.mjs");
const { suites } = await import("./lib/suites.mjs");

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const verify = process.argv.includes("--verify");
const budgetOf = (suite) => (verify ? suite.verifySeconds : suite.budgetSeconds);

function prepare() {
  try {
    ensureInstalled();
    console.error("Compiling ...");
    build();
    return [];
  } catch (error) {
    return [`set-up: ${error.message}`];
  }
}

/** What cannot run without grpcurl is skipped with a loud word; where CI is true that is a failure. */
function prepareGrpcurl(problems) {
  const path = ensureGrpcurl();
  if (path === undefined) {
    const line = "*".repeat(78);
    console.error(`${line}\nNO GRPCURL: it is not on PATH and could not be built (that needs Go).`);
    console.error("The tests that call the master with grpcurl, and the grpcurl examples of the");
    console.error(`README, are SKIPPED: server reflection and health stay untried.\n${line}`);
    if (process.env.CI === "true") problems.push("set-up: CI has no grpcurl");
  }
  return grpcurlEnvironment(path);
}

function printTable(results) {
  const rows = results.map(({ suite, passed, failed, skipped, seconds }) => {
    const over = seconds > budgetOf(suite) ? "  over budget" : "";
    const time = `${seconds.toFixed(1)} s`;
    return [suite.name, passed, failed, skipped, time, `${budgetOf(suite)} s${over}`];
  });
  const table = [["suite", "passed", "failed", "skipped", "time", "budget"], ...rows];
  console.log("");
  for (const [name, ...cells] of table) {
    console.log(
      [String(name).padEnd(12), ...cells.map((cell) => String(cell).padStart(8))].join(" "),
    );
  }
}

async function main() {
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(
      `No suite ${unknown.join(", ")}; there are: ${suites.map((s) => s.name).join(", ")}`,
    );
    process.exit(2);
  }
  const problems = prepare();
  const results = [];
  if (problems.length === 0) {
    const env = { ...prepareGrpcurl(problems), ...(verify ? { CAPSTAN_VERIFY: "1" } : {}) };
    const chosen = suites.filter(({ name }) => names.length === 0 || names.includes(name));
    const run = (suite, output) => runSuite(suite, { budgetSeconds: budgetOf(suite), env, output });
    for (const { suite, result } of await runAll(chosen, run, (text) => console.log(text))) {
      problems.push(...result.problems.map((problem) => `suite ${suite.name} ${problem}`));
      results.push({ suite, ...result });
    }
    printTable(results);
  }
  for (const problem of problems) console.log(`FAILED: ${problem}`);
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const failed = sum("failed") + problems.length;
  if (sum("skipped") > 0) console.log(`${sum("skipped")} skipped`);
  console.log(`${sum("passed")} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

await main();
