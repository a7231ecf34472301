import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bytesOf,
  copyToken,
  isSameToken,
  tokenBytes,
  tokenKey,
  viewOf,
  type TokenPlace,
} from "../src/worker/token.js";

const token = fc.uint8Array({ minLength: tokenBytes, maxLength: tokenBytes });
const bytes = fc.oneof(token, fc.uint8Array({ maxLength: 40 }));
const around = fc.uint8Array({ maxLength: 9 });

/** The token somewhere in the midst of other bytes, which lie in the midst of others again. */
function within(own: Uint8Array, before: Uint8Array, after: Uint8Array): TokenPlace {
  const memory = Buffer.concat([Buffer.from("x"), before, own, after, Buffer.from("y")]);
  const view = viewOf(memory.subarray(1, memory.length - 1));
  return { view, at: before.length, length: own.length };
}

describe("a token where it lies", () => {
  it("is the same wherever that is", () => {
    fc.assert(
      fc.property(bytes, around, around, around, (own, a, b, c) => {
        const one = within(own, a, b);
        const other = within(own, c, a);
        assert.ok(isSameToken(one, other.view, other.at, other.length));
        assert.equal(
          tokenKey(one.view, one.at, one.length),
          tokenKey(other.view, other.at, other.length),
        );
        assert.deepEqual(bytesOf(one), Buffer.from(own));
      }),
    );
  });

  it("is another when a bit or its length is", () => {
    fc.assert(
      fc.property(bytes, around, fc.nat(), (own, a, bit) => {
        const one = within(own, a, a);
        const longer = within(Buffer.concat([own, Buffer.from([0])]), a, a);
        assert.ok(!isSameToken(one, longer.view, longer.at, longer.length));
        if (own.length === 0) return;
        const changed = Uint8Array.from(own);
        const at = bit % (8 * own.length);
        changed[at >> 3] = (changed[at >> 3] as number) ^ (1 << (at & 7));
        const other = within(changed, a, a);
        assert.ok(!isSameToken(one, other.view, other.at, other.length));
      }),
    );
  });

  it("is copied whole, and nothing beside it", () => {
    fc.assert(
      fc.property(token, around, around, (own, a, b) => {
        const into = Buffer.alloc(tokenBytes + 10, 0xee);
        copyToken(within(own, a, b), viewOf(into), 5);
        const expected = Buffer.concat([Buffer.alloc(5, 0xee), own, Buffer.alloc(5, 0xee)]);
        assert.deepEqual(into, expected);
      }),
    );
  });
});
