import { createHash } from "node:crypto";
import type { JournalPlace } from "../journal/journal-error.js";
import { dataLoss, JournalError } from "../journal/journal-error.js";

/**
 * The contents of a snapshot: sections back to back, each with its length and its SHA-256, as
 * docs/journal-format.md has them in tables. A published version is never edited, only superseded.
 */
export const CONTENTS_VERSION = 1;

/** What a section holds. A number is never given to anything else. */
export const SectionKind = {
  /** JSON: {@link SnapshotHead}. The first. */
  head: 1,
  /** A chunk of a column: little-endian numbers of that width, up to the last one that is not 0. */
  u8: 2,
  u16: 3,
  u32: 4,
  f64: 5,
  /** JSON: texts of a chunk, null where there is none. */
  texts: 6,
  /** A chunk of references, as `u32`. */
  refs: 7,
  /** A chunk of rows that are gone, as `u8`; empty: all of them. */
  gone: 8,
  /** Specs of jobs, kinds of tasks, each after its length in four bytes. */
  specs: 9,
  kinds: 10,
  /** JSON: rows of what there are few of. */
  rows: 11,
  /** Records of payload bytes: see payload-records.ts. */
  payloads: 12,
  /** JSON: {@link SnapshotEnd}. The last. */
  end: 13,
} as const;

export type SectionKind = (typeof SectionKind)[keyof typeof SectionKind];

const namesOfKinds = new Map<number, string>(
  Object.entries(SectionKind).map(([name, kind]) => [kind, name]),
);

/** What stands at the beginning. */
export interface SnapshotHead {
  /** The last entry whose effect it holds, by its epoch and the SHA-256 of its body. */
  readonly index: number;
  readonly epoch: number;
  readonly bodySha256: string;
  /** Journal time of the last entry that had one. */
  readonly lastNow: number;
  readonly nextBlob: number;
}

/** What stands at the end. */
export interface SnapshotEnd {
  /** How many sections there are before it. */
  readonly sections: number;
  /** Of the state, in canonical order: see state-digest.ts. */
  readonly digest: string;
}

export interface Section {
  readonly kind: SectionKind;
  /** Of the column or the rows; empty where there is only one. */
  readonly name: string;
  /** Of the chunk. */
  readonly slot: number;
  readonly body: Uint8Array;
  /** Where the body begins in the contents. */
  readonly at: number;
}

const HEADER_BYTES = 56;
const HASHED_BYTES = 24;
const MAGIC = 0x54434553;
/** A damaged length must not take the memory. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const NAME_BYTES_MAX = 255;

/** Writes sections, and counts them and their bytes. */
export class SectionWriter {
  count = 0;
  bytes = 0;

  /**
   * @returns the bytes of a section: its beginning, and the body as it was given
   * @throws RangeError for a body that nobody would read back
   */
  section(kind: SectionKind, name: string, slot: number, body: Uint8Array): Uint8Array[] {
    if (body.length > BODY_BYTES_MAX) {
      const most = `at most ${String(BODY_BYTES_MAX)}`;
      throw new RangeError(
        `a section ${name} of ${String(body.length)} bytes: ${most} can be read`,
      );
    }
    const nameBytes = Buffer.from(name, "latin1");
    const header = Buffer.alloc(HEADER_BYTES + nameBytes.length);
    header.writeUInt32LE(MAGIC, 0);
    header.writeUInt32LE(kind, 4);
    header.writeUInt32LE(slot, 8);
    header.writeUInt32LE(body.length, 12);
    header.writeUInt32LE(nameBytes.length, 16);
    // 20..24 are zero, for later versions.
    nameBytes.copy(header, HEADER_BYTES);
    hashOf(header, body).copy(header, HASHED_BYTES);
    this.count += 1;
    this.bytes += header.length + body.length;
    return [header, body];
  }

  /** Bytes of the next section before its body. */
  headerBytes(name: string): number {
    return HEADER_BYTES + name.length;
  }
}

/**
 * Sections out of contents that come in pieces, each verified.
 *
 * @param placeOf names a place in the contents
 * @throws JournalError `data_loss` with the place of the section that is damaged
 */
export async function* readSections(
  contents: AsyncIterable<Uint8Array>,
  placeOf: (offset: number) => JournalPlace,
): AsyncGenerator<Section, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let at = 0;
  const chunks = contents[Symbol.asyncIterator]();
  for (;;) {
    const chunk = await chunks.next().catch((error: unknown) => {
      // A section whose length is damaged is waited for until the end: it says more than the whole's checksum.
      const isDamage = error instanceof JournalError && error.kind === "data_loss";
      throw isDamage && rest.length > 0 ? damage("a section is cut short", at, placeOf) : error;
    });
    if (chunk.done === true) break;
    const { buffer, byteOffset, byteLength } = chunk.value;
    const next = Buffer.from(buffer, byteOffset, byteLength);
    rest = rest.length === 0 ? next : Buffer.concat([rest, next]);
    for (;;) {
      const section = sectionAt(rest, at, placeOf);
      if (section === undefined) break;
      yield section;
      const end = section.at + section.body.length;
      rest = rest.subarray(end - at);
      at = end;
    }
  }
  if (rest.length > 0) throw damage("a section is cut short", at, placeOf);
}

/** @returns undefined when it is not there as a whole yet */
function sectionAt(
  bytes: Buffer,
  offset: number,
  placeOf: (offset: number) => JournalPlace,
): Section | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const [kind, slot] = [bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
  const [bodyBytes, nameBytes] = [bytes.readUInt32LE(12), bytes.readUInt32LE(16)];
  if (
    bytes.readUInt32LE(0) !== MAGIC ||
    bodyBytes > BODY_BYTES_MAX ||
    nameBytes > NAME_BYTES_MAX ||
    !namesOfKinds.has(kind)
  ) {
    throw damage("a section has a bad beginning", offset, placeOf);
  }
  const start = HEADER_BYTES + nameBytes;
  if (bytes.length < start + bodyBytes) return undefined;
  const header = bytes.subarray(0, start);
  const body = bytes.subarray(start, start + bodyBytes);
  const name = header.toString("latin1", HEADER_BYTES);
  if (!hashOf(header, body).equals(header.subarray(HASHED_BYTES, HEADER_BYTES))) {
    const what = name === "" ? namesOfKinds.get(kind) : name;
    throw damage(`section ${JSON.stringify(what)} fails its checksum`, offset, placeOf);
  }
  return { kind: kind as SectionKind, name, slot, body, at: offset + start };
}

function hashOf(header: Buffer, body: Uint8Array): Buffer {
  return createHash("sha256")
    .update(header.subarray(0, HASHED_BYTES))
    .update(header.subarray(HEADER_BYTES))
    .update(body)
    .digest();
}

function damage(
  reason: string,
  offset: number,
  placeOf: (offset: number) => JournalPlace,
): JournalError {
  return dataLoss(`the snapshot is damaged: ${reason}`, placeOf(offset));
}
