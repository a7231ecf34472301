/** Goes through the fields of messages without building anything. */
export class FrameReader {
  readonly frame: Buffer;
  /** Where the next field begins. */
  at = 0;
  /** Number and wire type of the field at hand, as they were written. */
  tag = 0;
  /** Of a varint its low 32 bits. */
  value = 0;
  /** Of a field with a length: where its content lies. */
  start = 0;
  stop = 0;

  constructor(frame: Buffer) {
    this.frame = frame;
  }

  /**
   * Goes to the next field of the message that ends there.
   * @returns false at its end
   * @throws RangeError when the bytes are no message
   */
  next(end: number): boolean {
    if (this.at >= end) return false;
    this.tag = this.#varint(end);
    if (this.tag < 8) throw new RangeError("a field has number 0");
    switch (this.tag & 7) {
      case 0:
        this.value = this.#varint(end);
        break;
      case 1:
        this.at += 8;
        break;
      case 2: {
        const length = this.#varint(end);
        this.start = this.at;
        this.at += length;
        this.stop = this.at;
        break;
      }
      case 5:
        this.at += 4;
        break;
      default:
        throw new RangeError("a field has a wire type that is not known");
    }
    if (this.at > end) throw new RangeError("a field ends beyond its message");
    return true;
  }

  #varint(end: number): number {
    const { frame } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new RangeError("a message ends within a field");
      const byte = frame[this.at++] as number;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("a varint is longer than ten bytes");
  }
}
