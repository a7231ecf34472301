import assert from "node:assert/strict";
import { isSupported } from "../lib/node-version.mjs";
import { plant, uproot } from "../lib/plant.mjs";
import { isInstalled } from "../lib/set-up.mjs";
import { runSuite } from "../lib/run-suite.mjs";

describe("the Node version check", () => {
  it("accepts 20.19 and later, and refuses what is older", () => {
    for (const version of ["20.19.0", "20.20.2", "22.0.0", "24.1.0"]) {
      assert.ok(isSupported(version), version);
    }
    for (const version of ["18.20.0", "20.18.9", "14.0.0"]) {
      assert.ok(!isSupported(version), version);
    }
  });
});

describe("the check of installed dependencies", () => {
  const lock = (version, extra = {}) =>
    JSON.stringify({ packages: { "": {}, server: {}, "node_modules/a": { version }, ...extra } });

  function installedIs(files) {
    const folder = plant(files, { linked: false });
    try {
      return isInstalled(folder);
    } finally {
      uproot(folder);
    }
  }

  it("is false without node_modules", () => {
    assert.equal(installedIs({ "package-lock.json": lock("1.0.0") }), false);
  });

  it("is true when every locked version is there, optional ones aside", () => {
    const optional = { "node_modules/b": { version: "1.0.0", optional: true } };
    const files = {
      "package-lock.json": lock("1.0.0", optional),
      "node_modules/.package-lock.json": lock("1.0.0"),
    };
    assert.equal(installedIs(files), true);
  });

  it("is false when a version differs from the lock", () => {
    const files = {
      "package-lock.json": lock("2.0.0"),
      "node_modules/.package-lock.json": lock("1.0.0"),
    };
    assert.equal(installedIs(files), false);
  });
});

describe("the runner of suites", () => {
  const test = (body) => `describe("planted", () => { ${body} });\n`;
  const options = { budgetSeconds: 20, env: {}, output: "ignore" };

  async function runPlanted(files, budgetSeconds = options.budgetSeconds) {
    const folder = plant(files);
    try {
      return await runSuite({ folder, spec: "*.test.cjs" }, { ...options, budgetSeconds });
    } finally {
      uproot(folder);
    }
  }

  it("counts what passed, failed and was skipped", async () => {
    const body = 'it("a", () => {}); it("b", () => { throw new Error("planted"); }); it.skip("c");';
    const result = await runPlanted({ "a.test.cjs": test(body) });
    assert.deepEqual([result.passed, result.failed, result.skipped], [1, 1, 1]);
    assert.deepEqual(result.problems, []);
  });

  it("takes a suite without a test for a failure", async () => {
    const result = await runPlanted({ "a.test.cjs": test("") });
    assert.deepEqual(result.problems, ["ran no test"]);
  });

  it("takes a suite that crashes for a failure", async () => {
    const result = await runPlanted({ "a.test.cjs": "process.exit(0);" });
    assert.match(result.problems.join(), /ended before its last test \(exit 0\)/);
  });

  it("takes processes left behind for a failure, and ends them", async () => {
    const body =
      'it("a", () => { const { spawn } = require("node:child_process"); ' +
      'spawn("sleep", ["60"], { stdio: "ignore" }).unref(); });';
    const result = await runPlanted({ "a.test.cjs": test(body) });
    assert.equal(result.passed, 1);
    assert.deepEqual(result.problems, ["left processes running"]);
  });

  it("ends a suite that goes on far beyond its budget", async () => {
    const body = 'it("a", function (done) { this.timeout(0); });';
    const result = await runPlanted({ "a.test.cjs": test(body) }, 0.5);
    assert.deepEqual(result.problems, [
      "was ended after 2 s",
      "ended before its last test (SIGKILL)",
    ]);
  });
});
