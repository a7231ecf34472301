import assert from "node:assert/strict";
import type { Warning } from "@capstan/sdk";
import { Troubles } from "../src/output/troubles.js";

const gone = (taskType: string, seconds: number): Warning => ({
  kind: "no_worker_of_type",
  stage: "main",
  taskType,
  message: `no worker serves the type ${taskType} now: 1 that served it is lost, last heard ${seconds} s ago`,
});
const lacking = (message: string): Warning => ({
  kind: "infeasible",
  stage: "main",
  taskType: "a",
  message,
});

describe("troubles of a job", () => {
  it("are told once, in whatever words and stage they come again", () => {
    const troubles = new Troubles();
    const first = [gone("a", 20), lacking("needs gpu 1")];
    assert.deepEqual(troubles.fresh(first), first);
    assert.deepEqual(troubles.fresh([{ ...gone("a", 22), stage: "then" }, first[1]!]), []);
  });

  it("are others for another type, or another thing that is lacking", () => {
    const troubles = new Troubles();
    troubles.fresh([gone("a", 20), lacking("needs gpu 1")]);
    const others = [gone("b", 20), lacking("needs gpu 2")];
    assert.deepEqual(troubles.fresh(others), others);
  });
});
