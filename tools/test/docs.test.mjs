import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../lib/set-up.mjs";

const folders = [
  "docs",
  "proto/capstan",
  "server",
  "sdk",
  "cli",
  "examples",
  "bench",
  "conformance",
];
const skipped = /(^|\/)(node_modules|dist)(\/|$)/;

function pages() {
  const below = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true })
        .filter((name) => name.endsWith(".md") && !skipped.test(name))
        .map((name) => join(folder, name)),
    );
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...below];
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text) {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title);
  return headings.map((title) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function brokenLinks(page) {
  const text = readFileSync(join(root, page), "utf8");
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
  return links.filter((target) => {
    if (/^(https?:|mailto:)/.test(target)) return false;
    const [path, anchor] = target.split("#");
    const file = path === "" ? join(root, page) : join(root, dirname(page), path);
    if (!existsSync(file)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(file, "utf8")).includes(anchor);
  });
}

describe("the documentation", () => {
  for (const page of pages()) {
    it(`has no broken link in ${page}`, () => {
      assert.deepEqual(brokenLinks(page), []);
    });
  }
});
