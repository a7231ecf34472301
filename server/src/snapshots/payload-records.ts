import { crc32 } from "node:zlib";
import type { LiveSection } from "../payloads/payload-store.js";

/**
 * What is left of a journal entry's payload section: where each blob that is still needed lay in it, and its
 * bytes. Whoever asks for the section gets it back as long as it was, with zeros where nothing is needed any
 * more, so that nothing in memory has to change when the journal is cut.
 *
 * A record: 40 bytes of header, 12 bytes for each blob (its number less the first one's, offset, length), then
 * their bytes back to back.
 */
const HEADER_BYTES = 40;
const BLOB_BYTES = 12;

/** @param section the bytes of the whole section, as its entry has them */
export function encodeRecord(live: LiveSection, section: Uint8Array): Buffer {
  const { blobs, offsets, lengths } = live;
  const dataBytes = lengths.reduce((sum, length) => sum + length, 0);
  const first = blobs[0] ?? 0;
  const record = Buffer.alloc(HEADER_BYTES + blobs.length * BLOB_BYTES + dataBytes);
  record.writeDoubleLE(live.entryIndex, 0);
  record.writeDoubleLE(first, 8);
  record.writeUInt32LE(live.sectionOffset, 16);
  record.writeUInt32LE(live.sectionLength, 20);
  record.writeUInt32LE(blobs.length, 24);
  record.writeUInt32LE(dataBytes, 28);
  // 36..40 are zero, for later versions.
  let data = HEADER_BYTES + blobs.length * BLOB_BYTES;
  for (const [i, blob] of blobs.entries()) {
    const at = HEADER_BYTES + i * BLOB_BYTES;
    const offset = offsets[i] as number;
    const length = lengths[i] as number;
    record.writeUInt32LE(blob - first, at);
    record.writeUInt32LE(offset, at + 4);
    record.writeUInt32LE(length, at + 8);
    record.set(section.subarray(offset, offset + length), data);
    data += length;
  }
  record.writeUInt32LE(checksumOf(record), 32);
  return record;
}

export interface DecodedRecord {
  readonly live: LiveSection;
  /** The section as it was, with zeros where nothing is needed any more. */
  readonly section: () => Uint8Array;
  readonly bytes: number;
}

/**
 * Reads the record at an offset.
 *
 * @returns undefined when it is damaged
 */
export function decodeRecord(bytes: Buffer, at: number): DecodedRecord | undefined {
  if (bytes.length - at < HEADER_BYTES) return undefined;
  const count = bytes.readUInt32LE(at + 24);
  const dataBytes = bytes.readUInt32LE(at + 28);
  const end = at + HEADER_BYTES + count * BLOB_BYTES + dataBytes;
  if (end > bytes.length) return undefined;
  const record = bytes.subarray(at, end);
  if (record.readUInt32LE(32) !== checksumOf(record)) return undefined;
  const first = record.readDoubleLE(8);
  const blobs: number[] = [];
  const offsets: number[] = [];
  const lengths: number[] = [];
  for (let i = 0; i < count; i++) {
    const blob = HEADER_BYTES + i * BLOB_BYTES;
    blobs.push(first + record.readUInt32LE(blob));
    offsets.push(record.readUInt32LE(blob + 4));
    lengths.push(record.readUInt32LE(blob + 8));
  }
  const live = {
    entryIndex: record.readDoubleLE(0),
    sectionOffset: record.readUInt32LE(16),
    sectionLength: record.readUInt32LE(20),
    ...{ blobs, offsets, lengths },
  };
  const section = () => sectionOf(live, record.subarray(record.length - dataBytes));
  return { live, section, bytes: record.length };
}

function sectionOf({ sectionLength, offsets, lengths }: LiveSection, data: Buffer): Uint8Array {
  const section = new Uint8Array(sectionLength);
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    section.set(data.subarray(at, at + length), offsets[i]);
    at += length;
  }
  return section;
}

/** Of all but the checksum itself. */
function checksumOf(record: Buffer): number {
  return crc32(record.subarray(36), crc32(record.subarray(0, 32)));
}

/** Which record of a snapshot is an entry's: three numbers each, by entry. */
export class RecordIndex {
  #rows: Float64Array = new Float64Array(3 * 256);
  #count = 0;

  /** As {@link data} gave it. */
  static from(rows: Float64Array): RecordIndex {
    const index = new RecordIndex();
    index.#rows = rows;
    index.#count = rows.length / 3;
    return index;
  }

  /** Of a memory of its own, to be given to another thread. */
  data(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#rows.subarray(0, 3 * this.#count));
  }

  /** Entries come in their order. @param offset in the contents */
  add(entryIndex: number, offset: number, bytes: number): void {
    const at = 3 * this.#count++;
    if (at >= this.#rows.length) {
      const rows = new Float64Array(2 * this.#rows.length);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows[at] = entryIndex;
    this.#rows[at + 1] = offset;
    this.#rows[at + 2] = bytes;
  }

  find(entryIndex: number): { readonly offset: number; readonly bytes: number } | undefined {
    const rows = this.#rows;
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const entry = rows[3 * middle] as number;
      if (entry < entryIndex) low = middle + 1;
      else if (entry > entryIndex) high = middle - 1;
      else return { offset: rows[3 * middle + 1] ?? 0, bytes: rows[3 * middle + 2] ?? 0 };
    }
    return undefined;
  }
}
