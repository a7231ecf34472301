import assert from "node:assert/strict";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { MessageWriter, overheadBytes } from "../src/rpc/message-writer.js";

type Field =
  | { readonly kind: "number"; readonly no: number; readonly value: number }
  | { readonly kind: "text"; readonly no: number; readonly text: string }
  | { readonly kind: "bytes"; readonly no: number; readonly bytes: Uint8Array }
  | {
      readonly kind: "span";
      readonly bytes: Uint8Array;
      readonly from: number;
      readonly to: number;
    }
  | {
      readonly kind: "message";
      readonly no: number;
      readonly guess: number;
      readonly fields: readonly Field[];
    };

const no = fc.integer({ min: 1, max: 15 });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc
    .constantFrom(0, 126, 127, 128, 4_096, 16_383, 16_384, 40_000)
    .map((n) => new Uint8Array(n).fill(n)),
);
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom(
    "",
    "a".repeat(24),
    "a".repeat(25),
    "é".repeat(24),
    "\ufeff",
    "\ud800",
    "x\udfff",
  ),
  fc.constantFrom("a".repeat(200), "日".repeat(6_000)),
);
const guess = fc.constantFrom(0, 1, 127, 128, 16_384, 2 ** 21, 2 ** 28);

const { field } = fc.letrec<{ field: Field }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.record({
      kind: fc.constant("number" as const),
      no,
      value: fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    }),
    fc.record({ kind: fc.constant("text" as const), no, text }),
    fc.record({ kind: fc.constant("bytes" as const), no, bytes }),
    fc.tuple(bytes, fc.nat(), fc.nat()).map(([all, a, b]): Field => {
      const [from = 0, to = 0] = [a, b].map((at) => at % (all.length + 1)).sort((x, y) => x - y);
      return { kind: "span", bytes: all, from, to };
    }),
    fc.record({
      kind: fc.constant("message" as const),
      no,
      guess,
      fields: fc.array(tie("field"), { maxLength: 4 }),
    }),
  ),
}));

function write(writer: MessageWriter, fields: readonly Field[]): void {
  for (const each of fields) {
    switch (each.kind) {
      case "number":
        writer.number(each.no, each.value);
        break;
      case "text":
        writer.text(each.no, each.text);
        break;
      case "bytes": {
        const before = writer.length;
        writer.field(each.no, each.bytes);
        const { byteLength } = each.bytes;
        assert.equal(writer.length - before, overheadBytes(byteLength) + byteLength);
        break;
      }
      case "span":
        writer.span(each.bytes, each.from, each.to);
        break;
      case "message": {
        const mark = writer.open(each.no, each.guess);
        write(writer, each.fields);
        writer.close(mark);
        break;
      }
    }
  }
}

function expected(fields: readonly Field[], writer = new BinaryWriter()): BinaryWriter {
  for (const each of fields) {
    switch (each.kind) {
      case "number":
        if (each.value !== 0) writer.tag(each.no, WireType.Varint).uint32(each.value);
        break;
      case "text":
        if (each.text !== "") writer.tag(each.no, WireType.LengthDelimited).string(each.text);
        break;
      case "bytes":
        writer.tag(each.no, WireType.LengthDelimited).bytes(each.bytes);
        break;
      case "span":
        writer.raw(each.bytes.subarray(each.from, each.to));
        break;
      case "message":
        expected(each.fields, writer.tag(each.no, WireType.LengthDelimited).fork()).join();
        break;
    }
  }
  return writer;
}

describe("the writer of messages", () => {
  it("writes what the library writes, whatever lies within what, and however wrong a guess is", () => {
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 8 }),
        fc.constantFrom(0, 1, 16, 4_096),
        (fields, capacity) => {
          const writer = new MessageWriter(capacity);
          write(writer, fields);
          const written = writer.finish();
          assert.equal(written.byteLength, writer.length);
          assert.ok(Buffer.from(expected(fields).finish()).equals(written));
        },
      ),
      { numRuns: 200 },
    );
  });
});
