import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeEntry } from "../../../src/journal/entry/index.js";
import { goldenFolder } from "../golden/folder.js";
import { samples } from "./samples.js";

/**
 * Entries as releases wrote them, and what they say. These files never change: a new event, or a
 * new version of one, comes in a golden entry of its own.
 */
describe("golden entries", () => {
  const names = readdirSync(goldenFolder).flatMap(
    (name) => /^entry-.*(?=\.binpb$)/.exec(name) ?? [],
  );
  const read = (name: string) => decodeEntry(readFileSync(join(goldenFolder, `${name}.binpb`)));

  for (const name of names) {
    it(`are read as they were written: ${name}`, () => {
      const { stamp, events, firstBlob, lengths, section } = read(name);
      const blobs = Buffer.from(section).toString("utf8");
      const is = { stamp, firstBlob, lengths: [...lengths], blobs, events };
      const was: unknown = JSON.parse(readFileSync(join(goldenFolder, `${name}.json`), "utf8"));
      assert.deepEqual(JSON.parse(JSON.stringify(is)), was);
    });
  }

  it("hold every version of every event", () => {
    const versions = (list: readonly { type: string; version: number }[]) =>
      new Set(list.map(({ type, version }) => `${type} v${version}`));
    const kept = versions(names.flatMap((name) => read(name).events));
    const written = versions(Object.values(samples).flat());
    assert.deepEqual([...kept].sort(), [...written].sort());
  });
});
