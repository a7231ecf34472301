/** Up to here a loop costs less than a call into native code. */
const shortText = 96;

/**
 * Writes protobuf by hand, into bytes that grow: for the messages that carry jobs and tasks, of which there
 * may be tens of thousands a second. Field numbers up to 15, so that a key is one byte.
 *
 * Nested messages are written straight into place: room for the length is left by a guess, and moved if the
 * guess was wrong.
 */
export class MessageWriter {
  #bytes: Uint8Array;
  #buffer: Buffer;
  #at = 0;

  constructor(capacity = 4_096) {
    this.#bytes = bytesOfLength(capacity);
    this.#buffer = bufferOver(this.#bytes);
  }

  /** How much has been written. */
  get length(): number {
    return this.#at;
  }

  /** What has been written, and room behind it. Another after the writer has grown. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** What has been written. Not a copy. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A field of type bytes or message, whatever its length. */
  field(number: number, content: Uint8Array): void {
    const { byteLength } = content;
    this.key(number, byteLength);
    this.#reserve(byteLength);
    this.#bytes.set(content, this.#at);
    this.#at += byteLength;
  }

  /** A field of type bool, enum or uint32; left out when it is 0. */
  number(number: number, value: number): void {
    if (value === 0) return;
    this.#reserve(6);
    this.#bytes[this.#at++] = number << 3;
    this.#varint(value);
  }

  /** A field of type string; left out when it is empty. */
  text(number: number, text: string): void {
    if (text === "") return;
    if (text.length <= shortText && this.#ascii(number, text)) return;
    const byteLength = Buffer.byteLength(text);
    this.key(number, byteLength);
    this.#reserve(byteLength);
    this.#at += this.#buffer.write(text, this.#at, "utf8");
  }

  /** Fields that are encoded already: bytes [start, stop). */
  span(bytes: Uint8Array, start: number, stop: number): void {
    this.#reserve(stop - start);
    const isAll = start === 0 && stop === bytes.byteLength;
    this.#bytes.set(isAll ? bytes : bytes.subarray(start, stop), this.#at);
    this.#at += stop - start;
  }

  /** The key and the length of a field of type bytes or message; its content follows. */
  key(number: number, byteLength: number): void {
    this.#reserve(6);
    this.#bytes[this.#at++] = (number << 3) | 2;
    this.#varint(byteLength);
  }

  /**
   * Begins a nested message.
   * @param guess its length, more or less: right as to the bytes that the length takes, it is free
   * @returns what `close` wants
   */
  open(number: number, guess: number): number {
    this.#reserve(6);
    this.#bytes[this.#at++] = (number << 3) | 2;
    const lengthBytes = varintBytes(guess);
    this.#at += lengthBytes;
    return this.#at * 8 + lengthBytes;
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

  /** @returns false, with nothing written, for a text that is not ASCII */
  #ascii(number: number, text: string): boolean {
    const { length } = text;
    this.#reserve(2 + length);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = (number << 3) | 2;
    bytes[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #varint(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const grown = bytesOfLength(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#buffer = bufferOver(grown);
  }
}

/** How many bytes a field of type bytes or message takes beside its content. Field numbers up to 15. */
export function overheadBytes(byteLength: number): number {
  return 1 + varintBytes(byteLength);
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** No Buffer: views of those cost twice as much. Not zeroed: whoever asks writes all that is read. */
function bytesOfLength(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
