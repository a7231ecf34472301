import assert from "node:assert/strict";
import { Place } from "../../src/flights/place.js";

const oak = Place.parse("oak", "oak=north,elm=north,fir=south");
const heldBy = (...hosts: string[]) => ({ uri: "file:///x", hosts });

describe("the place of a worker", () => {
  it("knows its rack by the table", () => {
    assert.equal(oak.rack, "north");
    assert.equal(Place.parse("ash", "oak=north").rack, undefined);
  });

  it("is as far from data as from the nearest host that holds it", () => {
    assert.equal(oak.distanceTo(heldBy("fir", "elm", "oak")), "host");
    assert.equal(oak.distanceTo(heldBy("fir", "elm")), "rack");
    assert.equal(oak.distanceTo(heldBy("fir")), "remote");
  });

  it("is remote from data of nobody, and from hosts of no known rack", () => {
    assert.equal(oak.distanceTo(heldBy()), "remote");
    assert.equal(oak.distanceTo({ uri: "file:///x" }), "remote");
    assert.equal(Place.parse("ash", "").distanceTo(heldBy("birch")), "remote");
  });
});
