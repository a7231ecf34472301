import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);

describe("README.md", () => {
  it("shows the examples as they are compiled", () => {
    const readme = readFileSync(new URL("README.md", root), "utf8");
    const blocks = [...readme.matchAll(/<!-- (examples\/[a-z-]+\.ts) -->\n+```ts\n([\s\S]*?)```/g)];
    assert.ok(blocks.length >= 2);
    for (const [, path = "", shown] of blocks) {
      assert.equal(shown, readFileSync(new URL(path, root), "utf8"), path);
    }
  });
});
