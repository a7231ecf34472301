import type { LeaseToken } from "../../core/index.js";
import { tokenBytes, writeToken } from "../token.js";

/** Bytes that `n` takes as a varint. */
function varintBytes(n: number): number {
  if (n < 0x80) return 1;
  if (n < 0x4000) return 2;
  if (n < 0x20_0000) return 3;
  return n < 0x1000_0000 ? 4 : 5;
}

const initialBytes = 64 * 1_024;
/** Up to here a loop costs less than a view and a call into native code. */
const shortBytes = 48;

/**
 * Writes protobuf by hand, for the messages of which a master sends tens of thousands a second. One
 * buffer is used over and over; what is taken out is a copy of the exact size.
 *
 * Nested messages are written straight into place: room for the length is left by a guess, and
 * moved if the guess was wrong.
 */
export class WireWriter {
  #bytes: Uint8Array = new Uint8Array(initialBytes);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** Forgets what was written from `length` on. */
  cut(length: number): void {
    this.#at = length;
  }

  /** A copy of what was written; the writer is empty after it. */
  take(): Buffer {
    const copy = Buffer.allocUnsafe(this.#at);
    copy.set(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return copy;
  }

  /** A field of kind uint32, bool (0 or 1) or enum. @param tag number << 3 */
  uint32(tag: number, value: number): void {
    this.#reserve(10);
    this.#varint(tag);
    this.#varint(value);
  }

  /** A field of kind bytes, string or message whose content is at hand. @param tag number << 3 | 2 */
  bytes(tag: number, content: Uint8Array): void {
    this.#reserve(10 + content.length);
    this.#varint(tag);
    this.#varint(content.length);
    this.#copy(content, 0, content.length);
  }

  /** The tag and the length of a field of kind bytes, string or message; its content follows. */
  key(tag: number, length: number): void {
    this.#reserve(10);
    this.#varint(tag);
    this.#varint(length);
  }

  /** A field that is a string of ASCII, as ids and names are by contract. */
  ascii(tag: number, text: string): void {
    const { length } = text;
    this.key(tag, length);
    this.#reserve(length);
    const bytes = this.#bytes;
    let at = this.#at;
    // Too short for a call into native code.
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.#at = at;
  }

  /** Fields that are encoded already: bytes [start, stop). */
  span(bytes: Uint8Array, start: number, stop: number): void {
    this.#reserve(stop - start);
    this.#copy(bytes, start, stop);
  }

  /** A field that is a lease token. */
  token(tag: number, token: LeaseToken): void {
    this.#reserve(10 + tokenBytes);
    this.#varint(tag);
    this.#bytes[this.#at++] = tokenBytes;
    writeToken(token, this.#bytes, this.#at);
    this.#at += tokenBytes;
  }

  /**
   * Begins a nested message.
   *
   * @param guess its length, more or less: right as to the bytes that the length takes, it is free
   * @returns what `close` wants
   */
  open(tag: number, guess: number): number {
    this.#reserve(10);
    this.#varint(tag);
    const reserved = varintBytes(guess);
    this.#at += reserved;
    return this.#at * 8 + reserved;
  }

  close(mark: number): void {
    const start = Math.floor(mark / 8);
    const reserved = mark % 8;
    const length = this.#at - start;
    const needed = varintBytes(length);
    if (needed !== reserved) {
      this.#reserve(8);
      this.#bytes.copyWithin(start - reserved + needed, start, this.#at);
    }
    this.#at = start - reserved;
    this.#varint(length);
    this.#at += length;
  }

  #varint(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #copy(content: Uint8Array, start: number, stop: number): void {
    const length = stop - start;
    if (length <= shortBytes) {
      const bytes = this.#bytes;
      let at = this.#at;
      for (let i = start; i < stop; i++) bytes[at++] = content[i] as number;
      this.#at = at;
      return;
    }
    const isWhole = length === content.length;
    this.#bytes.set(isWhole ? content : content.subarray(start, stop), this.#at);
    this.#at += length;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}
