import type { Numbers, State, StatePart } from "../core/index.js";
import { dumpState, unreachable } from "../core/index.js";
import { encodeJobSpec, encodeTaskKind } from "../journal/entry/index.js";
import type { LiveSection } from "../payloads/payload-store.js";
import { SectionKind, SectionWriter, type SnapshotHead } from "./format.js";
import { encodeRecord, type RecordIndex } from "./payload-records.js";
import { stateDigest } from "./state-digest.js";

/** What there are many of is gathered to about so many bytes a section: whoever reads it back has one in memory. */
const GATHERED_BYTES = 1024 * 1024;

/** A live section with its bytes, as its entry or the snapshot before has them. */
export interface PayloadPiece {
  readonly live: LiveSection;
  readonly section: Uint8Array;
}

/** What a snapshot is made of. */
export interface SnapshotSource {
  readonly head: SnapshotHead;
  readonly state: State;
  /** In the order of their entries. */
  readonly payloads: AsyncIterable<PayloadPiece>;
}

/**
 * The contents of a snapshot, piece by piece.
 *
 * @param index is told where each record of payload bytes lies
 */
export async function* encodeSnapshot(
  { head, state, payloads }: SnapshotSource,
  index: RecordIndex,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new SectionWriter();
  yield* writer.section(SectionKind.head, "", 0, json(head));
  for (const part of dumpState(state)) yield* sectionsOf(writer, part);
  yield* payloadSections(writer, payloads, index);
  const end = { sections: writer.count, digest: stateDigest(state) };
  yield* writer.section(SectionKind.end, "", 0, json(end));
}

function* sectionsOf(
  writer: SectionWriter,
  part: StatePart,
): Generator<Uint8Array, void, undefined> {
  switch (part.kind) {
    case "numbers":
      return yield* writer.section(kindOf(part.values), part.name, part.slot, bytesOf(part.values));
    case "refs":
      return yield* writer.section(SectionKind.refs, part.name, part.slot, bytesOf(part.values));
    case "gone":
      return yield* writer.section(SectionKind.gone, part.name, part.slot, part.rows);
    case "texts":
      return yield* writer.section(SectionKind.texts, part.name, part.slot, json(part.values));
    case "rows":
      for (const rows of gathered(part.rows, json)) {
        yield* writer.section(SectionKind.rows, part.name, 0, listed(rows));
      }
      return;
    case "specs":
      for (const specs of gathered(part.specs, encodeJobSpec)) {
        yield* writer.section(SectionKind.specs, "", 0, joined(specs));
      }
      return;
    case "kinds":
      for (const kinds of gathered(part.kinds, encodeTaskKind)) {
        yield* writer.section(SectionKind.kinds, "", 0, joined(kinds));
      }
      return;
    default:
      return unreachable(part);
  }
}

/** Items as bytes, as many at a time as one section is to have. */
function* gathered<T>(
  items: readonly T[],
  toBytes: (item: T) => Uint8Array,
): Generator<readonly Uint8Array[], void, undefined> {
  let some: Uint8Array[] = [];
  let bytes = 0;
  for (const item of items) {
    const one = toBytes(item);
    some.push(one);
    bytes += one.length;
    if (bytes < GATHERED_BYTES) continue;
    yield some;
    some = [];
    bytes = 0;
  }
  if (some.length > 0) yield some;
}

async function* payloadSections(
  writer: SectionWriter,
  payloads: AsyncIterable<PayloadPiece>,
  index: RecordIndex,
): AsyncGenerator<Uint8Array, void, undefined> {
  let records: Buffer[] = [];
  let bytes = 0;
  for await (const { live, section } of payloads) {
    const record = encodeRecord(live, section);
    index.add(live.entryIndex, writer.bytes + writer.headerBytes("") + bytes, record.length);
    records.push(record);
    bytes += record.length;
    if (bytes < GATHERED_BYTES) continue;
    yield* writer.section(SectionKind.payloads, "", 0, Buffer.concat(records));
    records = [];
    bytes = 0;
  }
  if (bytes > 0) yield* writer.section(SectionKind.payloads, "", 0, Buffer.concat(records));
}

function kindOf(values: Numbers): SectionKind {
  if (values instanceof Uint8Array) return SectionKind.u8;
  if (values instanceof Uint16Array) return SectionKind.u16;
  return values instanceof Uint32Array ? SectionKind.u32 : SectionKind.f64;
}

/** As they lie in memory: every machine that Node runs on is little endian. */
function bytesOf({ buffer, byteOffset, byteLength }: Numbers): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** JSON of a list, of the JSON of its items. */
function listed(items: readonly Uint8Array[]): Buffer {
  const pieces = items.flatMap((item, i) => [Buffer.from(i === 0 ? "[" : ","), item]);
  return Buffer.concat([...pieces, Buffer.from("]")]);
}

function joined(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    items.flatMap((item) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(item.length);
      return [length, item];
    }),
  );
}
