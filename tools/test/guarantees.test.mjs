import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/set-up.mjs";

const page = readFileSync(join(root, "docs/guarantees.md"), "utf8");
const sections = page.split(/^### /m).slice(1);

/** The files that a section names, with the words that stand in a test's title there. */
function testsOf(section) {
  return [...section.matchAll(/^- \[([^\]]+)\]\([^)]+\): “([^”]+)”$/gm)].map(([, file, title]) => ({
    file,
    title,
  }));
}

describe("docs/guarantees.md", () => {
  it("has a test for each promise, and each exists under its title", () => {
    assert.ok(sections.length >= 15, `${sections.length} promises`);
    for (const section of sections) {
      const [promise] = section.split("\n");
      const tests = testsOf(section);
      assert.ok(tests.length > 0, `nothing holds: ${promise}`);
      // Whatever looks like a reference is one.
      assert.equal(section.match(/^- /gm)?.length, tests.length, promise);
      for (const { file, title } of tests) {
        assert.ok(existsSync(join(root, file)), `${file} does not exist`);
        const titles = titlesIn(readFileSync(join(root, file), "utf8"));
        const has = titles.some((known) => known.includes(title));
        assert.ok(has, `${file} has no test “${title}”`);
      }
    }
  });
});

/** What stands between quotes after `it(`, on its line or the next. */
function titlesIn(source) {
  return [...source.matchAll(/\bit\(\s*(["`])((?:(?!\1).)*)\1/g)].map(([, , title]) => title);
}
