import assert from "node:assert/strict";
import { runAll } from "../lib/run-all.mjs";

/** Suites that end when they are told to, and all that is said meanwhile. */
function stage(...suites) {
  const lines = [];
  const ends = new Map();
  const run = (suite, output) =>
    new Promise((resolve) => {
      lines.push(`${suite.name} starts, ${output}`);
      ends.set(suite.name, () => resolve({ said: `said by ${suite.name}\n` }));
    });
  const all = runAll(suites, run, (text) => lines.push(text.trim()));
  const end = async (name) => {
    ends.get(name)();
    await new Promise((resolve) => setImmediate(resolve));
    return lines.splice(0);
  };
  return { all, end, lines };
}

describe("the order of suites", () => {
  const a = { name: "a" };
  const b = { name: "b" };
  const slow = { name: "slow", beside: true };
  const sluggish = { name: "sluggish", beside: true };

  it("is one after another, and beside them those that leave the others room", async () => {
    const { all, end, lines } = stage(a, slow, b, sluggish);
    assert.deepEqual(lines.splice(0), [
      "Beside the others, and printed when done: slow, sluggish",
      "=== a",
      "a starts, inherit",
      "slow starts, keep",
      "sluggish starts, keep",
    ]);
    // What has run beside is printed between two others, never into one.
    assert.deepEqual(await end("slow"), []);
    assert.deepEqual(await end("a"), [
      "=== slow (ran beside the others)\nsaid by slow",
      "=== b",
      "b starts, inherit",
    ]);
    assert.deepEqual(await end("b"), []);
    assert.deepEqual(await end("sluggish"), [
      "=== sluggish (ran beside the others)\nsaid by sluggish",
    ]);
    assert.deepEqual(
      (await all).map(({ suite, result }) => [suite, result.said]),
      [a, slow, b, sluggish].map((suite) => [suite, `said by ${suite.name}\n`]),
    );
  });

  it("is as ever where nothing else was asked for", async () => {
    const { all, end, lines } = stage(slow);
    assert.deepEqual(lines.splice(0), ["=== slow", "slow starts, inherit"]);
    assert.deepEqual(await end("slow"), []);
    assert.equal((await all).length, 1);
  });

  it("gives up when one cannot be run at all", async () => {
    const run = () => Promise.reject(new Error("no such folder"));
    await assert.rejects(
      runAll([a], run, () => {}),
      /no such folder/,
    );
  });
});
