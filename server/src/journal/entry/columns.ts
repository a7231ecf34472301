import type { ByteSink } from "./byte-sink.js";
import { putVarint, varintSize, Wire } from "./byte-sink.js";
import { malformed } from "./format.js";

/** Most that a column adds to its numbers: a tag and a length. */
export const columnHeaderBytesMax = 2 + 5;

/**
 * Rows of numbers on their way to or from packed fields, one field a column. Doubles, so that
 * every number up to 2^53 fits and no object is made for any.
 */
export class Columns {
  data: Float64Array;
  readonly width: number;
  rows = 0;
  /** Bytes of all numbers as varints: no column can be larger, it can only be shorter. */
  #weight = 0;

  constructor(width: number, capacity: number) {
    this.width = width;
    this.data = new Float64Array(width * capacity);
  }

  /** Makes sure that there is room for so many more rows. */
  reserve(rows: number): void {
    const needed = (this.rows + rows) * this.width;
    if (needed > this.data.length) this.#grow(Math.max(needed, 2 * this.data.length));
  }

  #grow(length: number): void {
    const larger = new Float64Array(length);
    larger.set(this.data);
    this.data = larger;
  }

  /** Room for one more row. Fill all its numbers in, then call `closeRow`. @returns where it lies */
  openRow(): number {
    const at = this.rows * this.width;
    if (at + this.width > this.data.length) {
      this.#grow(Math.max(16 * this.width, 2 * this.data.length));
    }
    return at;
  }

  closeRow(at: number): void {
    const { data } = this;
    const end = at + this.width;
    let weight = 0;
    for (let i = at; i < end; i++) weight += varintSize(data[i] as number);
    this.#weight += weight;
    this.rows += 1;
  }

  /** A row of one number. */
  push(value: number): void {
    const at = this.openRow();
    this.data[at] = value;
    this.closeRow(at);
  }

  clear(): void {
    this.rows = 0;
    this.#weight = 0;
  }

  /** Most bytes that writing all columns takes. */
  get bytesMax(): number {
    return this.#weight + this.width * columnHeaderBytesMax;
  }

  /** Writes one column: nothing for all zero, one number for all equal. */
  write(sink: ByteSink, field: number, column: number): void {
    if (this.#isUniform(column)) {
      const value = this.data[column] as number;
      if (this.rows === 0 || value === 0) return;
      sink.tag(field, Wire.bytes);
      sink.varint(varintSize(value));
      sink.varint(value);
    } else {
      this.writeAll(sink, field, column);
    }
  }

  /** Writes every number of a column, whatever they are. */
  writeAll(sink: ByteSink, field: number, column: number): void {
    const { data, width } = this;
    const end = this.rows * width;
    let size = 0;
    for (let i = column; i < end; i += width) size += varintSize(data[i] as number);
    sink.tag(field, Wire.bytes);
    sink.varint(size);
    sink.reserve(size);
    const { bytes } = sink;
    let at = sink.length;
    for (let i = column; i < end; i += width) at = putVarint(bytes, at, data[i] as number);
    sink.length = at;
  }

  /** As `write`, in four bytes a number: for draws, which varints would make longer. */
  writeFixed32(sink: ByteSink, field: number, column: number): void {
    const isUniform = this.#isUniform(column);
    if (isUniform && (this.rows === 0 || this.data[column] === 0)) return;
    const { data, width } = this;
    const rows = isUniform ? 1 : this.rows;
    sink.tag(field, Wire.bytes);
    sink.varint(4 * rows);
    sink.reserve(4 * rows);
    const { bytes } = sink;
    let at = sink.length;
    for (let row = 0; row < rows; row++) {
      const value = (data[row * width + column] as number) >>> 0;
      bytes[at] = value;
      bytes[at + 1] = value >>> 8;
      bytes[at + 2] = value >>> 16;
      bytes[at + 3] = value >>> 24;
      at += 4;
    }
    sink.length = at;
  }

  #isUniform(column: number): boolean {
    const { data, width } = this;
    const first = data[column] as number;
    const end = this.rows * width;
    for (let i = column + width; i < end; i += width) if (data[i] !== first) return false;
    return true;
  }

  /** Columns to read into: so many rows of zeros. */
  static ofRows(width: number, rows: number): Columns {
    const columns = new Columns(width, rows);
    columns.rows = rows;
    return columns;
  }

  /** Reads what `write` wrote from bytes [start, end). Nothing there: all zero. */
  read(bytes: Uint8Array, start: number, end: number, column: number): void {
    if (start === end) return;
    const { data, width, rows } = this;
    const limit = rows * width;
    let to = column;
    let at = start;
    while (at < end && to < limit) {
      let byte = bytes[at++] as number;
      let value = byte & 127;
      for (let shift = 7; byte > 127; shift += 7) {
        byte = bytes[at++] as number;
        if (shift < 28) value |= (byte & 127) << shift;
        else value += (byte & 127) * 2 ** shift;
      }
      if (value > Number.MAX_SAFE_INTEGER) throw malformed("a number beyond 2^53");
      data[to] = value;
      to += width;
    }
    if (at !== end) throw malformed("a column does not end where it should");
    this.#spread(column, (to - column) / width);
  }

  /** Reads what `writeFixed32` wrote. */
  readFixed32(bytes: Uint8Array, start: number, end: number, column: number): void {
    const elements = (end - start) / 4;
    if (elements === 0) return;
    if (!Number.isInteger(elements) || elements > this.rows) {
      throw malformed(`a column of ${end - start} bytes for ${this.rows} rows`);
    }
    const { data, width } = this;
    let to = column;
    for (let at = start; at < end; at += 4) {
      const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
      const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
      data[to] = low + high * 0x1_0000;
      to += width;
    }
    this.#spread(column, elements);
  }

  /** One number stands for as many as there are rows. */
  #spread(column: number, elements: number): void {
    const { data, width, rows } = this;
    if (elements === rows) return;
    if (elements !== 1) throw malformed(`a column of ${elements} numbers for ${rows} rows`);
    const value = data[column] as number;
    const end = rows * width;
    for (let i = column + width; i < end; i += width) data[i] = value;
  }

  /** The sum of a column of lengths: how many rows the joined lists have. */
  sum(column: number): number {
    const { data, width } = this;
    const end = this.rows * width;
    let sum = 0;
    for (let i = column; i < end; i += width) sum += data[i] as number;
    return sum;
  }
}

/** How many varints bytes [start, end) hold. */
export function countVarints(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if ((bytes[i] as number) < 128) count += 1;
  return count;
}
