import assert from "node:assert/strict";
import fc from "fast-check";
import {
  dropChunk,
  F64Column,
  RefColumn,
  RetiredRows,
  U32Column,
} from "../../src/core/state/columns.js";

/** Rows of one chunk of a column. */
const chunkRows = 1 << 14;
const mib = 1 << 20;

type Step =
  | { readonly kind: "set"; readonly row: number; readonly value: number }
  | { readonly kind: "leave"; readonly row: number }
  | { readonly kind: "leave_all"; readonly chunk: number };

/** Rows at both ends of a few chunks, so that they are met again. */
const rows = fc
  .tuple(fc.nat(6), fc.constantFrom(0, 1, chunkRows - 1))
  .map(([chunk, at]) => chunk * chunkRows + at);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("set"), row: rows, value: fc.nat(3) }),
    fc.record({ kind: fc.constant("leave"), row: rows }),
    fc.record({ kind: fc.constant("leave_all"), chunk: fc.nat(6) }),
  ),
  { maxLength: 60 },
);

describe("columns", () => {
  it("keep what was set until the last row of its chunk has left, wherever that lies", () => {
    fc.assert(
      fc.property(steps, (story) => {
        const numbers = new U32Column();
        const references = new RefColumn<string>();
        const gone = new RetiredRows();
        const leave = (row: number) => {
          const chunk = gone.add(row);
          if (chunk >= 0) dropChunk([numbers, references], chunk);
        };
        const expected = new Map<number, number>();
        const goneRows = new Set<number>();
        const dropped = new Set<number>();
        for (const step of story) {
          switch (step.kind) {
            case "set": {
              const { row, value } = step;
              numbers.set(row, value);
              references.set(row, value === 0 ? undefined : `${value}`);
              if (!dropped.has(Math.floor(row / chunkRows))) expected.set(row, value);
              break;
            }
            case "leave":
              leave(step.row);
              goneRows.add(step.row);
              break;
            case "leave_all": {
              const first = step.chunk * chunkRows;
              for (let row = first; row < first + chunkRows; row++) {
                leave(row);
                goneRows.add(row);
                expected.delete(row);
              }
              dropped.add(step.chunk);
            }
          }
        }
        for (let chunk = 0; chunk < 8; chunk++) {
          for (const at of [0, 1, 2, chunkRows - 1]) {
            const row = chunk * chunkRows + at;
            const value = expected.get(row) ?? 0;
            assert.equal(numbers.get(row), value);
            assert.equal(references.get(row), value === 0 ? undefined : `${value}`);
            assert.equal(gone.has(row), goneRows.has(row));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("take no room for rows below the first that was set", () => {
    const before = process.memoryUsage();
    const numbers = new F64Column();
    const references = new RefColumn<string>();
    const row = 500 * chunkRows;
    numbers.set(row, 1);
    references.set(row, "a");
    const after = process.memoryUsage();
    assert.deepEqual([numbers.get(row), references.get(row)], [1, "a"]);
    assert.ok(after.arrayBuffers - before.arrayBuffers < mib);
    assert.ok(after.heapUsed - before.heapUsed < 8 * mib);
  });

  it("take no room for rows that were given up before any was set", () => {
    const before = process.memoryUsage();
    const numbers = new F64Column();
    const references = new RefColumn<string>();
    for (let chunk = 0; chunk < 500; chunk++) dropChunk([numbers, references], chunk);
    for (let chunk = 0; chunk < 500; chunk++) {
      numbers.set(chunk * chunkRows, 1);
      references.set(chunk * chunkRows, "a");
    }
    const after = process.memoryUsage();
    assert.deepEqual([numbers.get(chunkRows), references.get(chunkRows)], [0, undefined]);
    assert.ok(after.arrayBuffers - before.arrayBuffers < mib);
    assert.ok(after.heapUsed - before.heapUsed < 8 * mib);
  });

  it("take no room for zeros and for nothing", () => {
    const before = process.memoryUsage();
    const numbers = new F64Column();
    const references = new RefColumn<string>();
    for (let chunk = 0; chunk < 500; chunk++) {
      numbers.set(chunk * chunkRows, 0);
      references.set(chunk * chunkRows, undefined);
    }
    const after = process.memoryUsage();
    assert.ok(after.arrayBuffers - before.arrayBuffers < mib);
    assert.ok(after.heapUsed - before.heapUsed < 8 * mib);
  });
});
