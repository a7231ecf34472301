import type { Numbers, State, StatePart } from "../core/index.js";
import { dumpState, unreachable } from "../core/index.js";
import { encodeJobSpec, encodeTaskKind } from "../journal/entry/index.js";
import type { LiveSection } from "../payloads/payload-store.js";
import { SectionKind, SectionWriter, type SnapshotHead } from "./format.js";
import { encodeRecord, type RecordIndex } from "./payload-records.js";
import { stateDigest } from "./state-digest.js";

/** Payload records are gathered to about so many bytes a section. */
const PAYLOAD_BYTES = 1024 * 1024;

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
  for (const part of dumpState(state)) yield* sectionOf(writer, part);
  yield* payloadSections(writer, payloads, index);
  const end = { sections: writer.count, digest: stateDigest(state) };
  yield* writer.section(SectionKind.end, "", 0, json(end));
}

function sectionOf(writer: SectionWriter, part: StatePart): Uint8Array[] {
  switch (part.kind) {
    case "numbers":
      return writer.section(kindOf(part.values), part.name, part.slot, bytesOf(part.values));
    case "refs":
      return writer.section(SectionKind.refs, part.name, part.slot, bytesOf(part.values));
    case "gone":
      return writer.section(SectionKind.gone, part.name, part.slot, part.rows);
    case "texts":
      return writer.section(SectionKind.texts, part.name, part.slot, json(part.values));
    case "rows":
      return writer.section(SectionKind.rows, part.name, 0, json(part.rows));
    case "specs":
      return writer.section(SectionKind.specs, "", 0, joined(part.specs.map(encodeJobSpec)));
    case "kinds":
      return writer.section(SectionKind.kinds, "", 0, joined(part.kinds.map(encodeTaskKind)));
    default:
      return unreachable(part);
  }
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
    if (bytes < PAYLOAD_BYTES) continue;
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

function joined(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    items.flatMap((item) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(item.length);
      return [length, item];
    }),
  );
}
