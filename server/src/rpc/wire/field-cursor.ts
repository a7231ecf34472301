/** How many groups may lie within each other: as deep as the generated code goes. */
const groupsMax = 100;

/**
 * Goes through the fields of an encoded message without copying or allocating: what reads the
 * messages of which workers send tens of thousands a second. It knows no schema.
 */
export class FieldCursor {
  /** Number of the field at hand. */
  field = 0;
  /** Is it a varint? Those of other wire types are another field, though the number be the same. */
  isNumber = false;
  /** Of a varint its low 32 bits; of anything else 0. */
  value = 0;
  /** Is it length-delimited? */
  isBytes = false;
  /** Where its content lies, or the bytes of its varint: [start, stop). Of others nothing. */
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

  /** A varint as a bool: true when any of its bits is set, also beyond the low 32. */
  get isTrue(): boolean {
    for (let i = this.start; i < this.stop; i++) {
      if (((this.bytes[i] as number) & 0x7f) !== 0) return true;
    }
    return false;
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
    this.isNumber = this.isBytes = false;
    switch (tag & 7) {
      case 0:
        this.isNumber = true;
        this.start = this.#at;
        this.value = this.#varint();
        this.stop = this.#at;
        return true;
      case 2: {
        const length = this.#varint();
        this.isBytes = true;
        this.start = this.#at;
        this.#skip(length);
        this.stop = this.#at;
        return true;
      }
      default:
        this.#skipOther(tag);
        return true;
    }
  }

  /** Goes past the content of a field that no message of the contract has. */
  #skipOther(tag: number): void {
    switch (tag & 7) {
      case 1:
        this.#skip(8);
        break;
      case 3:
        this.#skipGroup(tag >>> 3);
        break;
      case 5:
        this.#skip(4);
        break;
      default:
        throw new RangeError(`a field has wire type ${tag & 7}`);
    }
  }

  /** Groups are obsolete, and legal all the same: unknown fields like any other. */
  #skipGroup(field: number): void {
    const open = [field];
    while (open.length > 0) {
      const tag = this.#varint();
      const number = tag >>> 3;
      if (number === 0) throw new RangeError("a field has number 0");
      if (open.length > groupsMax) throw new RangeError("groups lie too deep within each other");
      if ((tag & 7) === 0) this.#varint();
      else if ((tag & 7) === 2) this.#skip(this.#varint());
      else if ((tag & 7) === 3) open.push(number);
      else if ((tag & 7) !== 4) this.#skipOther(tag);
      else if (open.pop() !== number) throw new RangeError("a group ends that did not begin");
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
