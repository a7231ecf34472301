import assert from "node:assert/strict";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { encodeToken } from "../../../src/rpc/token.js";
import { WireWriter } from "../../../src/rpc/wire/wire-writer.js";

type Field =
  | { readonly kind: "uint32"; readonly no: number; readonly value: number }
  | { readonly kind: "bytes"; readonly no: number; readonly content: Buffer }
  | { readonly kind: "keyed"; readonly no: number; readonly content: Buffer }
  | { readonly kind: "ascii"; readonly no: number; readonly text: string }
  | { readonly kind: "token"; readonly no: number; readonly lease: number }
  | { readonly kind: "cut"; readonly content: Buffer }
  | {
      readonly kind: "message";
      readonly no: number;
      readonly guess: number;
      readonly fields: readonly Field[];
    };

const no = fc.oneof(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 16, max: 3_000 }));
const content = fc
  .oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .constantFrom(47, 48, 49, 127, 128, 16_383, 16_384, 70_000)
      .map((n) => new Uint8Array(n).fill(n)),
  )
  .map((bytes) => Buffer.from(bytes));

const { field } = fc.letrec<{ field: Field }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.record({
      kind: fc.constant("uint32" as const),
      no,
      value: fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    }),
    fc.record({ kind: fc.constantFrom("bytes" as const, "keyed" as const), no, content }),
    fc.record({
      kind: fc.constant("ascii" as const),
      no,
      text: fc.string({ unit: "binary-ascii" }),
    }),
    fc.record({
      kind: fc.constant("token" as const),
      no,
      lease: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    }),
    fc.record({ kind: fc.constant("cut" as const), content }),
    fc.record({
      kind: fc.constant("message" as const),
      no,
      guess: fc.constantFrom(0, 1, 127, 128, 16_384, 2 ** 21, 2 ** 28),
      fields: fc.array(tie("field"), { maxLength: 4 }),
    }),
  ),
}));

const tokenOf = (lease: number) => ({
  ...{ epoch: 2 ** 32 - 1, job: 2, task: 3, delivery: 4, drawHigh: -5, drawLow: 6 },
  lease,
});

function write(writer: WireWriter, fields: readonly Field[]): void {
  for (const each of fields) {
    switch (each.kind) {
      case "uint32":
        writer.uint32(each.no << 3, each.value);
        break;
      case "bytes":
        writer.bytes((each.no << 3) | 2, each.content);
        break;
      case "keyed": {
        // Out of the midst of others.
        const { length } = each.content;
        const around = Buffer.concat([Buffer.from("before"), each.content, Buffer.from("after")]);
        writer.key((each.no << 3) | 2, length);
        writer.span(around, 6, 6 + length);
        break;
      }
      case "ascii":
        writer.ascii((each.no << 3) | 2, each.text);
        break;
      case "token":
        writer.token((each.no << 3) | 2, tokenOf(each.lease));
        break;
      case "cut": {
        const before = writer.length;
        writer.bytes(10, each.content);
        writer.cut(before);
        break;
      }
      case "message": {
        const mark = writer.open((each.no << 3) | 2, each.guess);
        write(writer, each.fields);
        writer.close(mark);
        break;
      }
    }
  }
}

function expected(fields: readonly Field[], writer = new BinaryWriter()): BinaryWriter {
  const tag = (field: number) => writer.tag(field, WireType.LengthDelimited);
  for (const each of fields) {
    switch (each.kind) {
      case "uint32":
        writer.tag(each.no, WireType.Varint).uint32(each.value);
        break;
      case "bytes":
      case "keyed":
        tag(each.no).bytes(each.content);
        break;
      case "ascii":
        tag(each.no).string(each.text);
        break;
      case "token":
        tag(each.no).bytes(encodeToken(tokenOf(each.lease)));
        break;
      case "cut":
        break;
      case "message":
        expected(each.fields, tag(each.no).fork()).join();
        break;
    }
  }
  return writer;
}

describe("the writer of messages", () => {
  it("writes what the library writes, message after message, however wrong a guess is", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
        (messages) => {
          const writer = new WireWriter();
          const taken = messages.map((fields) => {
            write(writer, fields);
            const { length } = writer;
            const bytes = writer.take();
            assert.deepEqual([bytes.length, writer.length], [length, 0]);
            return bytes;
          });
          for (const [i, fields] of messages.entries()) {
            assert(taken[i]?.equals(expected(fields).finish()), `message ${i}`);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
