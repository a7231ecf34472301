import type { Numbers, State, StatePart } from "../core/index.js";
import { StateLoader, unreachable } from "../core/index.js";
import { decodeJobSpec, decodeTaskKind } from "../journal/entry/index.js";
import { dataLoss, JournalError, type JournalPlace, messageOf } from "../journal/journal-error.js";
import type { SnapshotInfo, SnapshotStore } from "../journal/snapshot-store.js";
import type { PayloadStore } from "../payloads/payload-store.js";
import {
  CONTENTS_VERSION,
  readSections,
  type Section,
  SectionKind,
  type SnapshotEnd,
  type SnapshotHead,
} from "./format.js";
import { decodeRecord, RecordIndex } from "./payload-records.js";
import { stateDigest } from "./state-digest.js";

/** What a snapshot is loaded into: a state and a store that have never heard of anything. */
export interface Target {
  readonly state: State;
  readonly payloads: Pick<PayloadStore, "restore">;
}

/** A snapshot that was loaded whole. */
export interface Loaded {
  readonly head: SnapshotHead;
  readonly digest: string;
  readonly records: RecordIndex;
}

/**
 * Loads a snapshot and verifies it: every section by its checksum, the whole by the store's, and the state that
 * comes of it by the digest of the one that was written.
 *
 * @throws JournalError `data_loss` with the place; `newer_format`. State and store are then good for nothing
 */
export function loadSnapshot(
  store: SnapshotStore,
  { index, formatVersion }: Pick<SnapshotInfo, "index" | "formatVersion">,
  target: Target,
): Promise<Loaded> {
  const placeOf = (offset: number) => store.placeOf(index, offset);
  if (formatVersion > CONTENTS_VERSION) {
    const message =
      `the snapshot's contents have format ${String(formatVersion)}, written by a later release; this one ` +
      `reads up to format ${String(CONTENTS_VERSION)}: start that release, or a later one`;
    throw new JournalError("newer_format", message, { place: placeOf(0) });
  }
  return loadContents(store.read(index), placeOf, target);
}

/** As {@link loadSnapshot}, of contents that lie anywhere. */
export async function loadContents(
  contents: AsyncIterable<Uint8Array>,
  placeOf: (offset: number) => JournalPlace,
  target: Target,
): Promise<Loaded> {
  const loading = new Loading(target, placeOf);
  for await (const section of readSections(contents, placeOf)) loading.take(section);
  return loading.finish();
}

class Loading {
  readonly #target: Target;
  readonly #placeOf: (offset: number) => JournalPlace;
  readonly #loader: StateLoader;
  readonly #records = new RecordIndex();
  #head: SnapshotHead | undefined;
  #end: SnapshotEnd | undefined;
  #count = 0;
  #at = 0;

  constructor(target: Target, placeOf: (offset: number) => JournalPlace) {
    this.#target = target;
    this.#placeOf = placeOf;
    this.#loader = new StateLoader(target.state);
  }

  take(section: Section): void {
    this.#at = section.at;
    if (this.#end !== undefined) throw this.#refuse("something follows its end");
    if ((this.#head === undefined) !== (section.kind === SectionKind.head)) {
      throw this.#refuse("it does not begin with its head");
    }
    try {
      this.#take(section);
    } catch (error) {
      if (error instanceof JournalError) throw error;
      throw this.#refuse(messageOf(error), error);
    }
  }

  finish(): Loaded {
    const [head, end] = [this.#head, this.#end];
    if (head === undefined || end === undefined) throw this.#refuse("it has no end");
    if (end.sections !== this.#count) throw this.#refuse("sections are missing");
    try {
      this.#loader.finish();
    } catch (error) {
      throw this.#refuse(messageOf(error), error);
    }
    if (stateDigest(this.#target.state) !== end.digest) {
      throw this.#refuse("it leads to another state than the one that was written");
    }
    return { head, digest: end.digest, records: this.#records };
  }

  #take(section: Section): void {
    switch (section.kind) {
      case SectionKind.head:
        this.#head = parsed(section) as SnapshotHead;
        break;
      case SectionKind.end:
        this.#end = parsed(section) as SnapshotEnd;
        return;
      case SectionKind.payloads:
        this.#takeRecords(section);
        break;
      default:
        this.#loader.take(partOf(section));
    }
    this.#count += 1;
  }

  #takeRecords({ body, at: start }: Section): void {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    for (let at = 0; at < bytes.length;) {
      const record = decodeRecord(bytes, at);
      if (record === undefined) {
        throw dataLoss("payload bytes in the snapshot are damaged", this.#placeOf(start + at));
      }
      this.#records.add(record.live.entryIndex, start + at, record.bytes);
      this.#target.payloads.restore(record.live);
      at += record.bytes;
    }
  }

  #refuse(reason: string, cause?: unknown): JournalError {
    const message = `DATA_LOSS: the snapshot cannot be used: ${reason}`;
    return new JournalError("data_loss", message, { place: this.#placeOf(this.#at), cause });
  }
}

type PartSection = Section & {
  readonly kind: Exclude<
    SectionKind,
    typeof SectionKind.head | typeof SectionKind.end | typeof SectionKind.payloads
  >;
};

function partOf(section: Section): StatePart {
  const { name, slot, body } = section;
  const { kind } = section as PartSection;
  switch (kind) {
    case SectionKind.u8:
    case SectionKind.u16:
    case SectionKind.u32:
    case SectionKind.f64:
      return { kind: "numbers", name, slot, values: numbersOf(kind, body) };
    case SectionKind.refs:
      return { kind: "refs", name, slot, values: new Uint32Array(copied(body)) };
    case SectionKind.gone:
      return { kind: "gone", name, slot, rows: body };
    case SectionKind.texts:
      return { kind: "texts", name, slot, values: parsed(section) as (string | null)[] };
    case SectionKind.rows:
      return { kind: "rows", name, rows: parsed(section) as unknown[] };
    case SectionKind.specs:
      return { kind: "specs", specs: split(body).map(decodeJobSpec) };
    case SectionKind.kinds:
      return { kind: "kinds", kinds: split(body).map(decodeTaskKind) };
    default:
      return unreachable(kind);
  }
}

function numbersOf(kind: SectionKind, body: Uint8Array): Numbers {
  if (kind === SectionKind.u8) return body;
  const bytes = copied(body);
  if (kind === SectionKind.u16) return new Uint16Array(bytes);
  return kind === SectionKind.u32 ? new Uint32Array(bytes) : new Float64Array(bytes);
}

/** In a memory of its own: numbers want to begin at multiples of their width. */
function copied(body: Uint8Array): ArrayBuffer {
  return new Uint8Array(body).buffer;
}

function parsed({ body }: Section): unknown {
  return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
}

function split(body: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const items: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    items.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return items;
}
