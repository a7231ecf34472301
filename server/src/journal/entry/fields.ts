import { Wire } from "./byte-sink.js";
import { Columns } from "./columns.js";
import { malformed, newerFormat } from "./format.js";

/** A place in bytes from which varints are read. */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  varint(): number {
    const { bytes, end } = this;
    let value = 0;
    let scale = 1;
    for (;;) {
      if (this.at >= end) throw malformed("it ends within a number");
      const byte = bytes[this.at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    if (value > Number.MAX_SAFE_INTEGER) throw malformed("a number beyond 2^53");
    return value;
  }

  /** Reads a length and steps over as many bytes. @returns where they begin; they end at `at` */
  skip(): number {
    const length = this.varint();
    const start = this.at;
    if (length > this.end - start) throw malformed("it ends within a field");
    this.at = start + length;
    return start;
  }
}

const none: readonly Uint8Array[] = [];

/**
 * The fields of one message, found and not yet read: columns are read once it is known how many
 * rows they have. Knows no field beyond those that the message had when it was released.
 */
export class Fields {
  readonly #bytes: Uint8Array;
  readonly #starts: number[];
  readonly #ends: number[];
  readonly #numbers: number[];
  readonly #lists: (Uint8Array[] | undefined)[] = [];

  /**
   * @param last the highest number of a field
   * @param repeated numbers of fields that may come several times (strings, messages)
   */
  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    last: number,
    repeated: readonly number[] = [],
  ) {
    this.#bytes = bytes;
    this.#starts = new Array<number>(last + 1).fill(0);
    this.#ends = new Array<number>(last + 1).fill(0);
    this.#numbers = new Array<number>(last + 1).fill(0);
    const cursor = new Cursor(bytes, start, end);
    while (cursor.at < end) {
      const tag = cursor.varint();
      const field = Math.floor(tag / 8);
      if (field > last) throw newerFormat(`an event has a field ${field} that is not known here`);
      const wire = tag & 7;
      if (wire === Wire.varint) {
        this.#numbers[field] = cursor.varint();
      } else if (wire === Wire.bytes) {
        const from = cursor.skip();
        if (repeated.includes(field)) this.#append(field, bytes.subarray(from, cursor.at));
        else this.#place(field, from, cursor.at);
      } else {
        throw malformed(`field ${field} is of wire type ${wire}`);
      }
    }
  }

  #append(field: number, bytes: Uint8Array): void {
    const list = this.#lists[field];
    if (list === undefined) this.#lists[field] = [bytes];
    else list.push(bytes);
  }

  #place(field: number, start: number, end: number): void {
    if (this.#ends[field] !== 0) throw malformed(`field ${field} comes twice`);
    this.#starts[field] = start;
    this.#ends[field] = end;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where a field of bytes begins and ends; both 0 when it is not there. */
  start(field: number): number {
    return this.#starts[field] as number;
  }

  end(field: number): number {
    return this.#ends[field] as number;
  }

  number(field: number): number {
    return this.#numbers[field] as number;
  }

  list(field: number): readonly Uint8Array[] {
    return this.#lists[field] ?? none;
  }
}

/** A column of equal numbers takes no bytes by the row: a damaged length must not take the memory. */
const listRowsMax = 1 << 20;

/** Reads as many columns as `width`, whose fields follow one another. */
export function readColumns(fields: Fields, field: number, width: number, rows: number): Columns {
  if (rows > listRowsMax) throw malformed(`a list of ${rows}`);
  const columns = Columns.ofRows(width, rows);
  for (let column = 0; column < width; column++) {
    const at = field + column;
    columns.read(fields.bytes, fields.start(at), fields.end(at), column);
  }
  return columns;
}
