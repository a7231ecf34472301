import assert from "node:assert/strict";
import fc from "fast-check";
import { anywhere, atHost, atRack, noPreference, Places } from "../../src/core/placement/bags.js";

const place = fc.oneof(
  fc.constantFrom(anywhere, noPreference),
  fc.nat(5).map(atHost),
  fc.nat(5).map(atRack),
);

/** Few bags, so that they meet. */
const bag = fc.nat(2);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ bag, place, list: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ bag, clear: fc.constant(true) }) },
);

describe("the places of bags", () => {
  it("keep a list for each bag and place, as maps would, and give all of a bag's up at once", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(place), (steps, asked) => {
        const places = new Places();
        const maps = [0, 1, 2].map(() => new Map<number, number>());
        for (const next of steps) {
          const map = maps[next.bag] as Map<number, number>;
          if ("clear" in next) {
            const dropped: number[] = [];
            places.clear(next.bag, (list) => dropped.push(list));
            assert.deepEqual(
              dropped.sort((a, b) => a - b),
              [...map.values()].sort((a, b) => a - b),
            );
            map.clear();
          } else {
            places.set(next.bag, next.place, next.list);
            map.set(next.place, next.list);
          }
          for (const [of, kept] of maps.entries()) {
            for (const at of [...kept.keys(), ...asked]) {
              assert.equal(places.get(of, at), kept.get(at));
            }
            const isPicky = [...kept.keys()].some((at) => at !== noPreference);
            assert.equal(places.arePicky(of), isPicky);
          }
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
