import assert from "node:assert/strict";
import fc from "fast-check";
import { Intake } from "../src/worker/intake.js";
import { Ledger } from "../src/worker/ledger.js";
import type { Lease } from "../src/worker/lease.js";
import { leaseOf } from "./support/leases.js";

function setUp(slots: number): {
  intake: Intake;
  ledger: Ledger;
  lease: (slots: number, memory?: number) => Lease;
} {
  const ledger = new Ledger([
    { name: "slots", milli: BigInt(slots * 1_000) },
    { name: "memory", milli: 10_000n },
  ]);
  const lease = (slots: number, memory = 0): Lease => {
    const demand = ledger.demand([
      { name: "slots", milli: BigInt(slots * 1_000) },
      { name: "memory", milli: BigInt(memory * 1_000) },
    ]);
    return leaseOf({ demand });
  };
  return { intake: new Intake(ledger), ledger, lease };
}

describe("the worker's ledger", () => {
  it("starts what is fit at once, and what is ahead when it fits", () => {
    const { intake, ledger, lease } = setUp(2);
    const [a, b, c] = [lease(1), lease(1), lease(1)];
    intake.add(a, false);
    intake.add(c, true);
    intake.add(b, false);
    assert.equal(intake.next(), a);
    assert.equal(intake.next(), b, "fit before ahead");
    assert.equal(intake.next(), undefined);
    ledger.release(a.demand);
    assert.equal(intake.next(), c);
  });

  it("stops at the first that does not fit, so that a large task is not passed over for ever", () => {
    const { intake, ledger, lease } = setUp(2);
    const running = lease(1);
    const large = lease(2);
    const small = lease(1);
    intake.add(running, false);
    intake.add(large, true);
    intake.add(small, true);
    assert.equal(intake.next(), running);
    assert.equal(intake.next(), undefined, "the small one would fit");
    ledger.release(running.demand);
    assert.equal(intake.next(), large);
    assert.equal(intake.next(), undefined);
    ledger.release(large.demand);
    assert.equal(intake.next(), small);
  });

  it("passes over what was given back while it waited", () => {
    const { intake, lease } = setUp(1);
    const [gone, next] = [lease(1), lease(1)];
    intake.add(gone, true);
    intake.add(next, true);
    gone.state = "reported";
    assert.equal(intake.next(), next);
  });

  it("knows what could never fit, and takes an empty demand for one slot", () => {
    const { ledger } = setUp(2);
    assert.equal(ledger.couldFit(ledger.demand([{ name: "gpu", milli: 1n }])), false);
    assert.equal(ledger.couldFit(ledger.demand([{ name: "slots", milli: 2_001n }])), false);
    assert.equal(ledger.demand([]).slots, 1);
    assert.equal(ledger.demand([]), ledger.demand([{ name: "slots", milli: 1_000n }]));
  });

  it("never lets what runs exceed the capacity, and leaves nothing waiting that could run", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("arrive" as const),
        slots: fc.integer({ min: 0, max: 4 }),
        memory: fc.integer({ min: 0, max: 10 }),
        ahead: fc.boolean(),
      }),
      fc.record({ kind: fc.constant("end" as const), which: fc.nat() }),
      fc.record({ kind: fc.constant("giveBack" as const), which: fc.nat() }),
    );
    let started = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
        const { intake, ledger, lease } = setUp(4);
        const running: Lease[] = [];
        const waiting: Lease[] = [];
        for (const one of steps) {
          if (one.kind === "arrive") {
            const arrived = lease(one.slots, one.memory);
            waiting.push(arrived);
            intake.add(arrived, one.ahead);
          } else if (one.kind === "end" && running.length > 0) {
            const [ended] = running.splice(one.which % running.length, 1);
            ledger.release(ended!.demand);
          } else if (one.kind === "giveBack" && waiting.length > 0) {
            waiting.splice(one.which % waiting.length, 1)[0]!.state = "reported";
          }
          for (let next = intake.next(); next !== undefined; next = intake.next()) {
            next.state = "running";
            waiting.splice(waiting.indexOf(next), 1);
            running.push(next);
            started += 1;
          }
          const used = (column: number): number =>
            running.reduce((sum, { demand }) => sum + (demand.amounts[column]?.milli ?? 0), 0);
          assert.ok(used(0) <= 4_000 && used(1) <= 10_000);
          if (running.length === 0)
            assert.equal(waiting.length, 0, "an empty worker runs something");
        }
      }),
      { numRuns: 200 },
    );
    assert.ok(started > 1_000);
  });
});
