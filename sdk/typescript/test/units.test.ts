import assert from "node:assert/strict";
import fc from "fast-check";
import { milliOf } from "../src/client/units.js";

describe("amounts of resources", () => {
  it("are taken to the thousandth, whatever decimals make of them", () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), (milli) => {
        assert.deepEqual(milliOf({ slots: milli / 1_000 }), [
          { name: "slots", milli: BigInt(milli) },
        ]);
      }),
    );
    assert.deepEqual(milliOf({ cpu: 1.1, gpu: 0.1 + 0.2 }), [
      { name: "cpu", milli: 1_100n },
      { name: "gpu", milli: 300n },
    ]);
  });

  it("are refused by name when a thousandth is too coarse for them: they would take no room, or too much", () => {
    for (const amount of [0.0004, 0.0001, 1.23456, 2.0005]) {
      assert.throws(
        () => milliOf({ gpu: amount }),
        /resource gpu: [\d.]+ is no multiple of 0\.001/,
      );
    }
    for (const amount of [-1, NaN, Infinity, 2 ** 53]) {
      assert.throws(() => milliOf({ gpu: amount }), /resource gpu: .* is not an amount/);
    }
  });
});
