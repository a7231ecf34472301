/**
 * Goes through the fields of an encoded message without copying or allocating: what reads the
 * messages of which workers send tens of thousands a second. It knows no schema.
 */
export class FieldCursor {
  /** Number of the field at hand. */
  field = 0;
  /** Of a varint its low 32 bits; of anything else 0. */
  value = 0;
  /** Is it length-delimited? Then its content lies at [start, stop). */
  isBytes = false;
  start = 0;
  stop = 0;
  #at = 0;
  #end = 0;

  constructor(private bytes: Uint8Array) {}

  /** Begins at the message that lies at [start, stop). */
  reset(bytes: Uint8Array, start: number, stop: number): this {
    this.bytes = bytes;
    this.#at = start;
    this.#end = stop;
    return this;
  }

  /** Where the next field begins. */
  get at(): number {
    return this.#at;
  }

  /** The content of the field at hand: a view. */
  get content(): Uint8Array {
    return this.bytes.subarray(this.start, this.stop);
  }

  /**
   * Goes to the next field.
   *
   * @returns false at the end of the message
   * @throws RangeError when the bytes are no message
   */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = tag >>> 3;
    if (this.field === 0) throw new RangeError("a field has number 0");
    this.value = 0;
    this.isBytes = false;
    switch (tag & 7) {
      case 0:
        this.value = this.#varint();
        return true;
      case 1:
        this.#skip(8);
        return true;
      case 2: {
        const length = this.#varint();
        this.isBytes = true;
        this.start = this.#at;
        this.#skip(length);
        this.stop = this.#at;
        return true;
      }
      case 5:
        this.#skip(4);
        return true;
      default:
        throw new RangeError(`a field has wire type ${tag & 7}`);
    }
  }

  #skip(length: number): void {
    this.#at += length;
    if (this.#at > this.#end) throw new RangeError("a field ends beyond its message");
  }

  #varint(): number {
    const { bytes } = this;
    let byte = this.#byte(bytes);
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      byte = this.#byte(bytes);
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("a varint is longer than ten bytes");
  }

  #byte(bytes: Uint8Array): number {
    if (this.#at >= this.#end) throw new RangeError("a message ends within a field");
    return bytes[this.#at++] as number;
  }
}
