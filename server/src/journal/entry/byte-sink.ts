import { assert } from "../../core/index.js";

/** Wire types of protobuf. Source: https://protobuf.dev/programming-guides/encoding/#structure */
export const Wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Bytes of a number as a varint.
 *
 * Whoever writes a number asks for its size first, so the check here holds for all.
 *
 * @param value a safe integer, at least 0 (asserted)
 */
export function varintSize(value: number): number {
  if (value >>> 0 === value) {
    if (value < 0x80) return 1;
    if (value < 0x4000) return 2;
    if (value < 0x20_0000) return 3;
    return value < 0x1000_0000 ? 4 : 5;
  }
  return longVarintSize(value);
}

function longVarintSize(value: number): number {
  assert(
    Number.isSafeInteger(value) && value >= 0,
    () => `${value} in an event: only integers from 0 to 2^53 - 1 can be journaled`,
  );
  let size = 5;
  for (let rest = value / 2 ** 35; rest >= 1; rest /= 128) size += 1;
  return size;
}

/** Writes a varint where there is room for it. @returns where the next byte goes */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  // Beyond 31 bits the bitwise operators would see a negative number.
  while (rest > 0x7fff_ffff) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Up to here a loop costs less than calls into native code. */
const shortText = 100;

/** Bytes that grow. Not shared: each entry in the making has its own. */
export class ByteSink {
  bytes: Uint8Array;
  length = 0;
  /** The same memory, for its way of writing texts. */
  #buffer: Buffer;

  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
    this.bytes = new Uint8Array(this.#buffer.buffer);
  }

  /** Makes sure that so many more bytes can be put at `length`. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const capacity = Math.max(needed, 2 * this.bytes.length);
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
    const larger = new Uint8Array(this.#buffer.buffer);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  tag(field: number, wire: number): void {
    this.varint(field * 8 + wire);
  }

  varint(value: number): void {
    this.reserve(varintSize(value));
    this.length = putVarint(this.bytes, this.length, value);
  }

  /** A number as a field; left out when it is 0, as proto3 has it. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.tag(field, Wire.varint);
    this.varint(value);
  }

  /** A field of bytes, a string or a message. */
  field(field: number, bytes: Uint8Array): void {
    this.tag(field, Wire.bytes);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** A string as a field; left out when it is empty, as proto3 has it. */
  text(field: number, text: string): void {
    if (text === "") return;
    this.tag(field, Wire.bytes);
    if (text.length <= shortText && this.#ascii(text)) return;
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.reserve(length);
    this.length += this.#buffer.write(text, this.length, "utf8");
  }

  /** A string as one of a repeated field: written also when it is empty. */
  textOf(field: number, text: string): void {
    if (text !== "") {
      this.text(field, text);
      return;
    }
    this.tag(field, Wire.bytes);
    this.varint(0);
  }

  /** Writes a short text of single bytes, as nearly all are, without a call into native code. */
  #ascii(text: string): boolean {
    const { length } = text;
    this.reserve(1 + length);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.length = at;
    return true;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
