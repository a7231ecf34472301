import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { startMaster } from "../lib/master.mjs";
import { uproot } from "../lib/plant.mjs";
import { blocksOf, regionOf } from "../lib/readme.mjs";
import { root } from "../lib/set-up.mjs";

const defaultAddress = "127.0.0.1:7410";
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = blocksOf(readme);
const toRun = blocks.filter(({ language, runBy }) => language === "sh" && runBy === undefined);

/** A folder that looks like the clone, so that paths of the README work and new files stay out of it. */
function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), "capstan-readme-"));
  for (const name of readdirSync(root).filter((entry) => entry !== ".git")) {
    symlinkSync(join(root, name), join(folder, name));
  }
  return folder;
}

/** Runs a block in a process group of its own; returns its exit code, its output and its group. */
async function runBlock(text, { cwd, address }) {
  const script = text.replaceAll(defaultAddress, address);
  const path = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, CAPSTAN_ADDRESS: address };
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (output += text));
  }
  // Not "close": a process left in the background holds the pipes open.
  const code = await new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => setImmediate(resolve));
  return { code, output, group: child.pid, child };
}

function endGroup({ group, child }) {
  try {
    process.kill(-group, "SIGTERM");
  } catch {
    // Nothing was left running.
  }
  child.stdout.destroy();
  child.stderr.destroy();
}

/** The sources of all tests of the examples: an example shown must be mentioned there. */
function exampleTests() {
  const folder = join(root, "examples/test");
  if (!existsSync(folder)) return "";
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".ts"));
  return names.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
}

describe("the README", () => {
  let master;
  let folder;
  const ran = [];

  before(async () => {
    if (toRun.length === 0) return;
    folder = makeFolder();
    master = await startMaster();
  });

  after(async () => {
    for (const run of ran) endGroup(run);
    await master?.stop();
    if (folder !== undefined) uproot(folder);
  });

  for (const block of blocks.filter(({ language }) => language === "ts")) {
    it(`shows at line ${block.line} an example that runs`, () => {
      assert.ok(block.from?.startsWith("examples/"), "a ts block names its file in examples/");
      const [path, region] = block.from.split("#");
      assert.equal(block.text, regionOf(readFileSync(join(root, path), "utf8"), region));
      const name = path.replace(/^examples\/(src\/)?/, "").replace(/\.ts$/, "");
      assert.ok(exampleTests().includes(name), `no test under examples/test mentions ${name}`);
    });
  }

  for (const block of blocks.filter(({ language }) => language === "ts")) {
    it(`shows at line ${block.line} what is plain JavaScript too, as it says`, () => {
      const own = mkdtempSync(join(tmpdir(), "capstan-readme-"));
      try {
        writeFileSync(join(own, "block.mjs"), block.text);
        const { status, stderr } = spawnSync(process.execPath, ["--check", join(own, "block.mjs")]);
        assert.equal(status, 0, String(stderr));
      } finally {
        uproot(own);
      }
    });
  }

  for (const block of blocks.filter(({ runBy }) => runBy !== undefined)) {
    it(`names at line ${block.line} the test that runs it`, () => {
      assert.ok(existsSync(join(root, block.runBy)), `${block.runBy} does not exist`);
    });
  }

  for (const block of toRun) {
    const title = block.text.split("\n").find((line) => !line.startsWith("#"));
    it(`has at line ${block.line} commands that work: ${title}`, async function () {
      if (/\bgrpcurl\b/.test(block.text) && !process.env.CAPSTAN_GRPCURL) this.skip();
      const run = await runBlock(block.text, { cwd: folder, address: master.address });
      ran.push(run);
      assert.equal(run.code, 0, run.output);
      for (const text of block.expect) {
        assert.ok(run.output.includes(text), `expected '${text}' in:\n${run.output}`);
      }
    });
  }
});
