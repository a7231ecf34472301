import assert from "node:assert/strict";
import { blocksOf, regionOf } from "../lib/readme.mjs";

describe("the blocks of a page", () => {
  it("come with what the comments above them ask for", () => {
    const page = [
      "<!-- expect: one -->",
      "<!-- expect: two words -->",
      "",
      "```sh",
      "echo one two words",
      "```",
      "",
      "<!-- from: examples/src/a.ts#b -->",
      "Prose ends a comment's reach.",
      "",
      "```ts",
      "void 0;",
      "```",
      "```json",
      "{}",
      "```",
    ].join("\n");
    const [sh, ts, ...rest] = blocksOf(page);
    assert.deepEqual(sh.expect, ["one", "two words"]);
    assert.equal(sh.text, "echo one two words");
    assert.equal(ts.from, undefined);
    assert.equal(ts.line, 11);
    assert.deepEqual(rest, []);
  });

  it("must name a language that is tested or known to be only read", () => {
    assert.throws(() => blocksOf("```\nx\n```"), /must name its language/);
    assert.throws(() => blocksOf("```console\nx\n```"), /must name its language/);
    assert.throws(() => blocksOf("```sh\nx"), /does not end/);
  });
});

describe("a region of a file", () => {
  const source = "a;\nif (a) {\n  // #region part\n  b;\n\n    c;\n  // #endregion\n}\n";

  it("loses the indentation that its lines share", () => {
    assert.equal(regionOf(source, "part"), "b;\n\n  c;");
  });

  it("is the whole file without a name", () => {
    assert.equal(regionOf(source), source.trimEnd());
  });

  it("must exist", () => {
    assert.throws(() => regionOf(source, "other"), /no region 'other'/);
  });
});
