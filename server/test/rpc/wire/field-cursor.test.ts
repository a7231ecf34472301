import assert from "node:assert/strict";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { FieldCursor } from "../../../src/rpc/wire/field-cursor.js";
import { readText } from "../../../src/rpc/wire/text.js";

/** Fields as the library has them: number, wire type, value. */
type Field = readonly [number, WireType, bigint | Buffer];

const number = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 2 ** 29 - 1 }));
const value = fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 64n - 1n));
const content = (maxLength: number, minLength = 0) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes));

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.tuple(number, fc.constant(WireType.Varint), value),
  fc.tuple(number, fc.constant(WireType.LengthDelimited), content(200)),
  fc.tuple(number, fc.constant(WireType.Bit64), content(8, 8)),
  fc.tuple(number, fc.constant(WireType.Bit32), content(4, 4)),
  // A group, with anything in it.
  fc.tuple(number, fc.constant(WireType.StartGroup), fc.constant(Buffer.alloc(0))),
);

function encode(fields: readonly Field[]): Buffer {
  const writer = new BinaryWriter();
  for (const [no, wire, held] of fields) {
    writer.tag(no, wire);
    if (wire === WireType.Varint) writer.uint64(held as bigint);
    else if (wire === WireType.LengthDelimited) writer.bytes(held as Buffer);
    else if (wire !== WireType.StartGroup) writer.raw(held as Buffer);
    else {
      writer.tag(7, WireType.StartGroup).tag(1, WireType.Varint).uint32(300);
      writer.tag(2, WireType.LengthDelimited).bytes(Buffer.from("\0\x3c")).tag(3, WireType.Bit32);
      writer.fixed32(5).tag(7, WireType.EndGroup).tag(no, WireType.EndGroup);
    }
  }
  return Buffer.from(writer.finish());
}

function read(bytes: Buffer, start = 0, stop = bytes.length) {
  const cursor = new FieldCursor(bytes).reset(bytes, start, stop);
  const fields: unknown[] = [];
  while (cursor.next()) {
    const { field: no, value: low, isNumber, isBytes, isTrue } = cursor;
    assert(!(isNumber && isBytes));
    if (isNumber) fields.push([no, low, isTrue]);
    else if (isBytes) fields.push([no, Buffer.from(cursor.content)]);
    else fields.push([no]);
    assert(cursor.at <= stop);
  }
  return fields;
}

const expected = (fields: readonly Field[]) =>
  fields.map(([no, wire, held]) => {
    if (wire === WireType.LengthDelimited) return [no, held];
    if (wire !== WireType.Varint) return [no];
    return [no, Number((held as bigint) & 0xffff_ffffn), (held as bigint) !== 0n];
  });

describe("the cursor over fields", () => {
  it("finds the fields that were written, of whatever wire type, wherever they lie", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 8 }), content(5), content(5), (fields, a, b) => {
        const message = encode(fields);
        assert.deepEqual(read(message), expected(fields));
        const within = Buffer.concat([a, message, b]);
        assert.deepEqual(read(within, a.length, a.length + message.length), expected(fields));
      }),
    );
  });

  it("throws a RangeError at any bytes that are no message, and looks at none beyond", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 4 }), fc.nat(), fc.nat(255), (fields, at, byte) => {
        const message = encode(fields);
        const cut = at % (message.length + 1);
        const damaged = Buffer.from(message);
        if (damaged.length > 0) damaged[at % damaged.length] = byte;
        for (const [bytes, stop] of [
          [message, cut],
          [damaged, damaged.length],
        ] as const) {
          try {
            read(bytes, 0, stop);
          } catch (error) {
            assert(error instanceof RangeError, String(error));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("takes varints of up to ten bytes, also where fewer would do", () => {
    for (const bytes of [1, 2, 5, 9, 10]) {
      const varint = Buffer.alloc(bytes, 0x80);
      varint[0] = 0x85;
      varint[bytes - 1] = bytes === 1 ? 5 : 0;
      const message = Buffer.concat([Buffer.from([0x08]), varint]);
      assert.deepEqual(read(message), [[1, 5, true]]);
      assert.equal(new BinaryReader(varint).uint32(), 5);
    }
    const eleven = Buffer.concat([Buffer.from([0x08]), Buffer.alloc(10, 0x80), Buffer.from([0])]);
    assert.throws(() => read(eleven), RangeError);
  });

  it("refuses groups that end nowhere, end another, or lie too deep", () => {
    for (const hex of [
      "0b",
      "0b0c0c",
      "0b14",
      "0c",
      "0b08",
      "0b12",
      "0b1205",
      "0b07",
      "0b00",
      "0b0d00",
    ]) {
      assert.throws(() => read(Buffer.from(hex, "hex")), RangeError, hex);
    }
    const deep = (n: number) => Buffer.concat([Buffer.alloc(n, 0x0b), Buffer.alloc(n, 0x0c)]);
    assert.deepEqual(read(deep(100)), [[1]]);
    assert.throws(() => read(deep(10_000)), RangeError);
  });
});

describe("a text on the wire", () => {
  it("is what was written, a mark at its beginning included", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("\ufeff", "\ufeffa", "\0")),
        content(3),
        (text, before) => {
          const bytes = Buffer.concat([before, Buffer.from(text), Buffer.from([0xff])]);
          assert.equal(readText(bytes, before.length, bytes.length - 1), text);
        },
      ),
    );
  });

  it("is refused when it is not UTF-8, so that no two are read as the same", () => {
    for (const hex of ["ff", "c328", "6180", "e28228", "f0288cbc", "c0af", "eda080", "f4908080"]) {
      const bytes = Buffer.from(hex, "hex");
      assert.throws(() => readText(bytes, 0, bytes.length), RangeError, hex);
    }
  });
});
