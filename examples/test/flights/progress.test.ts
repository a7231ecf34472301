import assert from "node:assert/strict";
import type { JobProgress } from "@capstan/sdk";
import { ProgressLine } from "../../src/flights/progress.js";

const stage = (name: string, succeeded: number, total: number) => ({
  name,
  counts: { succeeded, total },
});

describe("the progress of the flights job", () => {
  it("is one line of the terminal, however narrow", () => {
    const job = { stages: [stage("map", 182, 512), stage("reduce", 0, 8)] };
    const progress = {
      job: { ...job, counts: { succeeded: 182, total: 520 } },
      tasksPerSecond: 83,
    };
    for (const columns of [40, 60, 80, 120]) {
      let drawn = "";
      const write = (text: string) => void (drawn += text);
      const out = { isTTY: true, columns, write } as unknown as NodeJS.WriteStream;
      new ProgressLine("near its data", out).show(progress as unknown as JobProgress);
      // eslint-disable-next-line no-control-regex -- what moves the cursor or paints is no text
      const text = drawn.replace(/\r|\u001b\[[0-9;]*[A-Za-z]/g, "");
      assert.ok(text.length < columns, `${text.length} of ${columns}: ${text}`);
      assert.match(text, /^ {2}near its data .*map/);
      assert.equal(text.includes("█"), columns > 60);
    }
  });
});
