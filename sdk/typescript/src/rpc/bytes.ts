/**
 * Protobuf by hand, where a message is put together from parts that were encoded before: each field of
 * type message is a key, a length and bytes, and fields may come in any order.
 */
export class Parts {
  readonly #parts: Uint8Array[] = [];
  #byteLength = 0;

  /** How large the whole is. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds bytes as they are: fields that an encoder wrote. */
  raw(bytes: Uint8Array): this {
    if (bytes.byteLength === 0) return this;
    this.#parts.push(bytes);
    this.#byteLength += bytes.byteLength;
    return this;
  }

  /** Adds a field of type message. */
  message(field: number, bytes: Uint8Array): this {
    return this.raw(prefix(field, bytes.byteLength)).raw(bytes);
  }

  /** Adds a field of type message that is put together itself. */
  nested(field: number, parts: Parts): this {
    this.raw(prefix(field, parts.byteLength));
    for (const part of parts.#parts) this.#parts.push(part);
    this.#byteLength += parts.byteLength;
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts, this.#byteLength);
  }
}

/** How many bytes a field of type message takes beside its content. Field numbers up to 15. */
export function overheadBytes(byteLength: number): number {
  return byteLength < 0x80 ? 2 : byteLength < 0x4000 ? 3 : byteLength < 0x20_0000 ? 4 : 5;
}

/** The key and the length of a field of type message; for field numbers up to 15. */
export function prefix(field: number, byteLength: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(overheadBytes(byteLength));
  putPrefix(bytes, 0, field, byteLength);
  return bytes;
}

/** The same, written where there is room for it. @returns where the content goes */
export function putPrefix(
  bytes: Uint8Array,
  at: number,
  field: number,
  byteLength: number,
): number {
  let next = at;
  bytes[next++] = (field << 3) | 2;
  let rest = byteLength;
  while (rest > 0x7f) {
    bytes[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}
