import assert from "node:assert/strict";
import fc from "fast-check";
import { TextIndex } from "../../src/core/state/text-index.js";

/** An index and the texts of its numbers, as jobs keep them. */
class Indexed {
  readonly texts = new Map<number, string>();
  readonly index: TextIndex;
  /** How often a text was asked for: once for each entry whose hash is the one that is sought. */
  asked = 0;

  constructor(seed: number) {
    this.index = new TextIndex((no) => {
      this.asked += 1;
      const text = this.texts.get(no);
      assert(text !== undefined, `nobody added ${no}`);
      return text;
    }, seed);
  }

  add(text: string, no: number): void {
    this.texts.set(no, text);
    this.index.add(text, no);
  }
}

const seeds = fc.oneof(fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)), fc.integer());

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "\0", "\0\0", "a", "aa", "\ud800", "\udfff", "\ufeff", "__proto__"),
  fc.nat(99).map((n) => `job_${n}`),
);

/**
 * Texts of two letters that share a hash of 32 bits under a seed, two by two. They are found as somebody
 * would who knows the seed: what the first letters come to differs in its low half alone, and that half
 * the second letters make up for.
 */
function collidingPairs(seed: number, count: number): [string, string][] {
  const basis = seed ^ 0x811c_9dc5;
  const byHighHalf = new Map<number, number>();
  const pairs: [string, string][] = [];
  for (let letter = 0; letter < 0x1_0000 && pairs.length < count; letter++) {
    const mixed = Math.imul(basis ^ letter, 0x0100_0193);
    const other = byHighHalf.get(mixed >>> 16);
    byHighHalf.set(mixed >>> 16, letter);
    if (other === undefined) continue;
    const difference = (Math.imul(basis ^ other, 0x0100_0193) ^ mixed) & 0xffff;
    const second = letter & 0xff;
    pairs.push([
      String.fromCharCode(letter, second),
      String.fromCharCode(other, second ^ difference),
    ]);
  }
  return pairs;
}

describe("an index of texts", () => {
  it("finds what a map finds, whatever the texts, the numbers and the seed", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.uniqueArray(fc.tuple(texts, fc.nat(2 ** 31 - 2)), {
          maxLength: 300,
          selector: ([text]) => text,
        }),
        fc.array(texts, { maxLength: 30 }),
        (seed, drawn, strangers) => {
          const indexed = new Indexed(seed);
          const map = new Map<string, number>();
          for (const [text, no] of drawn) {
            if (indexed.texts.has(no)) continue;
            assert.equal(indexed.index.find(text), undefined);
            indexed.add(text, no);
            map.set(text, no);
            assert.equal(indexed.index.find(text), no);
          }
          assert.equal(indexed.index.size, map.size);
          for (const text of [...map.keys(), ...strangers]) {
            assert.equal(indexed.index.find(text), map.get(text));
          }
          assert.deepEqual(new Map(indexed.index.entries()), map);
        },
      ),
    );
  });

  it("forgets what is removed and nothing else, whatever was added and removed before", () => {
    const step = fc.record({ text: texts, remove: fc.boolean() });
    fc.assert(
      fc.property(seeds, fc.array(step, { maxLength: 400 }), (seed, steps) => {
        const indexed = new Indexed(seed);
        const map = new Map<string, number>();
        for (const [no, { text, remove }] of steps.entries()) {
          const known = map.get(text);
          if (known === undefined && !remove) {
            indexed.add(text, no);
            map.set(text, no);
          } else if (known !== undefined && remove) {
            indexed.index.remove(text, known);
            map.delete(text);
          } else {
            // Under a number that it does not have, and often not there at all.
            indexed.index.remove(text, 2 ** 31 - 2);
          }
          assert.equal(indexed.index.find(text), map.get(text));
        }
        assert.equal(indexed.index.size, map.size);
        for (const text of new Set(steps.map((one) => one.text))) {
          assert.equal(indexed.index.find(text), map.get(text));
        }
        assert.deepEqual(new Map(indexed.index.entries()), map);
      }),
    );
  });

  it("tells texts apart that share a hash", () => {
    for (const seed of [0, 1, -1, 0x5eed_5eed, -(2 ** 31)]) {
      const pairs = collidingPairs(seed, 500);
      assert.equal(pairs.length, 500);
      const indexed = new Indexed(seed);
      pairs.forEach(([text], i) => {
        indexed.add(text, 2 * i);
      });
      const before = indexed.asked;
      for (const [, twin] of pairs) assert.equal(indexed.index.find(twin), undefined);
      assert(indexed.asked - before >= pairs.length, "the pairs share no hash");
      pairs.forEach(([, twin], i) => {
        indexed.add(twin, 2 * i + 1);
      });
      pairs.forEach(([text, twin], i) => {
        assert.equal(indexed.index.find(text), 2 * i);
        assert.equal(indexed.index.find(twin), 2 * i + 1);
      });
    }
  });

  it("asks for few texts besides those that it finds, however alike they are", () => {
    for (const seed of [0, 1, 0x7fff_ffff, -0x1234_5678]) {
      const indexed = new Indexed(seed);
      for (let no = 0; no < 20_000; no++) indexed.add(`key-${String(no).padStart(12, "0")}`, no);
      assert.equal(indexed.index.size, 20_000);
      indexed.asked = 0;
      for (const [no, text] of indexed.texts) assert.equal(indexed.index.find(text), no);
      assert(indexed.asked < 20_200, `${indexed.asked} texts for 20,000`);
      for (let no = 0; no < 2_000; no++) assert.equal(indexed.index.find(`other-${no}`), undefined);
    }
  });

  it("grows a small part at a time, so that no submit waits for all of it", () => {
    const indexed = new Indexed(7);
    for (let no = 0; no < 100_000; no++) indexed.add(`job_${String(no).padStart(26, "0")}`, no);
    assert.equal(indexed.index.size, 100_000);
    assert.ok(indexed.index.largestPart < 1_000, `${indexed.index.largestPart} in one part`);
  });
});
