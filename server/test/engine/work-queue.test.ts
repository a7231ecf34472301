import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Work } from "../../src/engine/work-queue.js";
import { Prepared, WorkQueue } from "../../src/engine/work-queue.js";

describe("the queue of the single writer", () => {
  it("keeps nothing alive of what is done", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const queue = new WorkQueue();
    const done = pushed(queue);
    queue.push({ kind: "note", annotation: { kind: "note_granted", leases: [1] } });
    queue.shift();
    for (let turn = 0; turn < 5 && done.deref() !== undefined; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    assert.equal(done.deref(), undefined);
    assert.equal(queue.first?.kind, "note");
  });
});

function pushed(queue: WorkQueue): WeakRef<Work> {
  const work: Work = {
    kind: "commands",
    source: new Prepared([]),
    waiting: undefined,
    results: [],
    resolve: () => {},
    reject: () => {},
  };
  queue.push(work);
  return new WeakRef(work);
}
