import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suites } from "../lib/suites.mjs";
import { root } from "../lib/set-up.mjs";

describe("docs/test-budgets.md", () => {
  it("states the budgets that npm test applies", () => {
    const text = readFileSync(join(root, "docs/test-budgets.md"), "utf8");
    const rows = [...text.matchAll(/^\| (\w+) +\| (\d+) s +\| (\d+) s +\|/gm)];
    assert.deepEqual(
      rows.map(([, name, budget, verify]) => [name, Number(budget), Number(verify)]),
      suites.map((suite) => [suite.name, suite.budgetSeconds, suite.verifySeconds]),
    );
  });
});
