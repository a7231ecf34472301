import assert from "node:assert/strict";
import { partitioned } from "@capstan/sdk";
import {
  addTally,
  differences,
  keyOf,
  plainDelays,
  type Flight,
} from "../../src/flights/delays.js";
import { readFlights, tamper } from "../../src/flights/data.js";
import { mapFlights } from "../../src/flights/job.js";

const flights: readonly Flight[] = [
  { delay: 16, distance: 499, hour: 0 },
  { delay: 15, distance: 0, hour: 0.99 },
  { delay: -3, distance: 500, hour: 0.5 },
  { delay: 40, distance: 4_962, hour: 23.983333333333334 },
];

async function* stream(some: readonly Flight[]): AsyncGenerator<Flight> {
  yield* some;
}

describe("delays of flights", () => {
  it("adds up flights by hour and band, and calls one late after more than fifteen minutes", () => {
    assert.deepEqual(
      plainDelays(flights),
      new Map([
        [0, { flights: 2, minutes: 31, late: 1 }],
        [1, { flights: 1, minutes: -3, late: 0 }],
        [23 * 4 + 3, { flights: 1, minutes: 40, late: 1 }],
      ]),
    );
  });

  it("puts a flight of a band's first mile into that band", () => {
    const keys = [499, 500, 1_999, 2_000].map((distance) => keyOf({ delay: 0, hour: 0, distance }));
    assert.deepEqual(keys, [0, 1, 2, 3]);
  });

  it("comes to the same sums from the partitions of many map tasks as from a plain loop", async () => {
    const all = await readFlights(5_000);
    const sum = new Map();
    for (let at = 0; at < all.length; at += 613) {
      const output = await mapFlights(stream(all.slice(at, at + 613)), 8);
      assert.ok(output instanceof partitioned([]).constructor);
      for (const [partition, entries] of output.partitions) {
        for (const [key, tally] of entries as [
          number,
          { flights: number; minutes: number; late: number },
        ][]) {
          assert.equal(key % 8, partition, "all tallies of a key meet in one partition");
          addTally(sum, key, tally);
        }
      }
    }
    assert.deepEqual(differences(sum, plainDelays(all)), []);
  });

  it("names what differs between two answers, and what only one of them has", () => {
    const expected = plainDelays(flights);
    assert.deepEqual(differences(plainDelays(tamper(flights)), expected), [
      "hour 0, under 500 mi: 2 flights, 32 minutes, 1 late, not 2 flights, 31 minutes, 1 late",
    ]);
    assert.deepEqual(differences(plainDelays(flights.slice(0, 3)), expected), [
      "hour 23, 2000 and more: nothing, not 1 flights, 40 minutes, 1 late",
    ]);
    assert.equal(differences(expected, new Map()).length, 3);
  });
});
