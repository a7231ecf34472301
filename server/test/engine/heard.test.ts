import assert from "node:assert/strict";
import fc from "fast-check";
import { Heard } from "../../src/engine/heard.js";
import { WorkQueue } from "../../src/engine/work-queue.js";

const note = { kind: "note", annotation: { kind: "note_granted", leases: [] } } as const;

/** What happens between two turns and in one: so much comes, so much of what is there is taken. */
const turn = fc.record({ passMs: fc.nat(20), comes: fc.nat(4), taken: fc.nat(5) });

describe("up to when everything was heard", () => {
  it("is never behind what is still in the queue, and catches up with all that was taken", () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 60 }), (turns) => {
        const queue = new WorkQueue();
        const heard = new Heard(queue);
        /** When each of those in the queue came. */
        const waiting: number[] = [];
        let now = 0;
        for (const { passMs, comes, taken } of turns) {
          now += passMs;
          for (let i = 0; i < comes; i++) {
            queue.push(note);
            waiting.push(now);
          }
          now += 1;
          const before = heard.through;
          for (let i = 0; i < taken && waiting.length > 0; i++) {
            queue.shift();
            waiting.shift();
          }
          heard.note(now);
          assert.ok(heard.through >= before, "it went back");
          const [first] = waiting;
          if (first === undefined) assert.equal(heard.through, now);
          else assert.ok(heard.through <= first, `${heard.through}: one of ${first} was not heard`);
        }
        // Also under a load that never ends: a moment is behind once all was taken that had come by then, twice.
        const through = now;
        for (let left = 2 * waiting.length + 2; left > 0; left--) {
          queue.push(note);
          queue.shift();
          heard.note(++now);
        }
        assert.ok(heard.through >= through, "it stands still");
      }),
    );
  });
});
