/** How many groups may lie within each other: as deep as the generated code goes. */
const groupsMax = 100;

/** Goes through the fields of messages without building anything. */
export class FrameReader {
  readonly frame: Buffer;
  /** Where the next field begins. */
  at = 0;
  /** Number and wire type of the field at hand, as they were written. */
  tag = 0;
  /** Of a varint its low 32 bits. */
  value = 0;
  /** Where the content of a field with a length lies, or the bytes of a varint. */
  start = 0;
  stop = 0;

  constructor(frame: Buffer) {
    this.frame = frame;
  }

  /** A varint as a bool: true when any of its bits is set, also beyond the low 32. */
  get isTrue(): boolean {
    for (let i = this.start; i < this.stop; i++)
      if (((this.frame[i] as number) & 0x7f) !== 0) return true;
    return false;
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
        this.start = this.at;
        this.value = this.#varint(end);
        this.stop = this.at;
        break;
      case 2: {
        const length = this.#varint(end);
        this.start = this.at;
        this.at += length;
        this.stop = this.at;
        break;
      }
      default:
        this.#skipOther(this.tag, end);
    }
    if (this.at > end) throw new RangeError("a field ends beyond its message");
    return true;
  }

  /** Goes past the content of a field that no message of the contract has. */
  #skipOther(tag: number, end: number): void {
    switch (tag & 7) {
      case 1:
        this.at += 8;
        break;
      case 3:
        this.#skipGroup(tag >>> 3, end);
        break;
      case 5:
        this.at += 4;
        break;
      default:
        throw new RangeError("a field has a wire type that is not known");
    }
  }

  /** Groups are obsolete, and legal all the same: unknown fields like any other. */
  #skipGroup(field: number, end: number): void {
    const open = [field];
    while (open.length > 0) {
      const tag = this.#varint(end);
      const number = tag >>> 3;
      if (number === 0) throw new RangeError("a field has number 0");
      if (open.length > groupsMax) throw new RangeError("groups lie too deep within each other");
      if ((tag & 7) === 0) this.#varint(end);
      else if ((tag & 7) === 2) this.#skipBytes(end);
      else if ((tag & 7) === 3) open.push(number);
      else if ((tag & 7) !== 4) this.#skipOther(tag, end);
      else if (open.pop() !== number) throw new RangeError("a group ends that did not begin");
    }
  }

  #skipBytes(end: number): void {
    const length = this.#varint(end);
    this.at += length;
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
