import assert from "node:assert/strict";
import fc from "fast-check";
import { anywhere, atHost, atRack, noPreference, Places } from "../../src/core/placement/bags.js";

const place = fc.oneof(
  fc.constantFrom(anywhere, noPreference),
  fc.nat(5).map(atHost),
  fc.nat(5).map(atRack),
);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ place, list: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.constant("clear" as const) },
);

describe("the places of a bag", () => {
  it("keep a list for each place, as a map would, and give all of them up at once", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(place), (steps, asked) => {
        const places = new Places();
        const map = new Map<number, number>();
        for (const next of steps) {
          if (next === "clear") {
            const dropped: number[] = [];
            places.clear((list) => dropped.push(list));
            assert.deepEqual(
              dropped.sort((a, b) => a - b),
              [...map.values()].sort((a, b) => a - b),
            );
            map.clear();
          } else {
            places.set(next.place, next.list);
            map.set(next.place, next.list);
          }
          for (const at of [...map.keys(), ...asked]) assert.equal(places.get(at), map.get(at));
          const isPicky = [...map.keys()].some((at) => at !== noPreference);
          assert.equal(places.arePicky, isPicky);
        }
      }),
    );
  });

  it("are told apart: no host is a rack, and neither is anywhere", () => {
    const all = [anywhere, noPreference];
    for (let no = 0; no < 100; no++) all.push(atHost(no), atRack(no));
    assert.equal(new Set(all).size, all.length);
  });
});
