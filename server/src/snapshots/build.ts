import { createHash } from "node:crypto";
import { newState } from "../core/index.js";
import { replay } from "../engine/replay.js";
import type { StoredEntry } from "../journal/journal.js";
import { JournalError } from "../journal/journal-error.js";
import type { SnapshotBytes, SnapshotInfo, SnapshotStore } from "../journal/snapshot-store.js";
import { type LiveSection, PayloadStore } from "../payloads/payload-store.js";
import { encodeSnapshot, type PayloadPiece } from "./encode.js";
import { CONTENTS_VERSION, type SnapshotHead } from "./format.js";
import { type Loaded, loadContents, loadSnapshot, type Target } from "./load.js";
import { readSection } from "./payload-source.js";
import { RecordIndex } from "./payload-records.js";

/** What a snapshot is built from, beside the live state and never from it. */
export interface BuildOptions {
  readonly store: SnapshotStore;
  /** Durable entries from an index on, verified, up to the last one that the snapshot is to hold. */
  readonly entries: (from: number) => Iterable<StoredEntry>;
  /** The last entry that it is to hold. */
  readonly through: number;
}

export interface Built {
  readonly info: SnapshotInfo;
  /** The one that it was built on; 0: it was built from the first entry. */
  readonly previousIndex: number;
  readonly records: RecordIndex;
}

/**
 * Builds a snapshot: loads the last one, applies the entries after it with the appliers of the live state,
 * writes, and loads what was written. Only one that leads to the very same state counts.
 *
 * @throws JournalError `data_loss` if a snapshot or an entry is damaged; `disk_full`; `failed`
 */
export async function buildSnapshot(options: BuildOptions): Promise<Built> {
  const { store, through } = options;
  const [newest] = await store.list();
  const target = emptyTarget();
  const base = newest === undefined ? undefined : await loadSnapshot(store, newest, target);
  const head = await applyEntries(options, base?.head, target);
  const before = newest === undefined ? undefined : store.open(newest.index);
  try {
    const records = new RecordIndex();
    const payloads = piecesOf(options, target.payloads, base, before);
    const source = { head, state: target.state, payloads };
    const contents = encodeSnapshot(source, records);
    const snapshot = { index: through, formatVersion: CONTENTS_VERSION };
    const info = await store.write(snapshot, contents, async (readBack) => {
      // Its digest is compared with the one that the state had when it was written.
      await loadContents(readBack, (offset) => store.placeOf(through, offset), emptyTarget());
    });
    return { info, previousIndex: newest?.index ?? 0, records };
  } finally {
    before?.close();
  }
}

/** A state and a store that have never heard of anything, and keep no bytes. */
export function emptyTarget(): Target & { readonly payloads: PayloadStore } {
  const readBytes = () => Promise.reject(new Error("a snapshot in the making reads its own bytes"));
  return { state: newState(), payloads: new PayloadStore({ budgetBytes: 0, readBytes }) };
}

async function applyEntries(
  { entries, through }: BuildOptions,
  base: SnapshotHead | undefined,
  { state, payloads }: Target & { readonly payloads: PayloadStore },
): Promise<SnapshotHead> {
  let last: StoredEntry | undefined;
  async function* read(from: number): AsyncGenerator<StoredEntry> {
    for (const entry of entries(from)) {
      last = entry;
      yield entry;
    }
  }
  const { lastNow, nextBlob } = await replay(
    { read },
    (base?.index ?? 0) + 1,
    state,
    payloads,
    base,
  );
  if (last?.index !== through) {
    const end = String(last?.index ?? base?.index ?? 0);
    throw new JournalError("failed", `a snapshot of entry ${String(through)} ends at ${end}`);
  }
  return { index: through, ...entryMark(last), lastNow, nextBlob };
}

/** By what the last entry of a snapshot is known again in its journal. */
export function entryMark({ epoch, body }: StoredEntry) {
  return { epoch, bodySha256: createHash("sha256").update(body).digest("hex") };
}

/** The live sections with their bytes: first from the snapshot before, then from the entries after it. */
async function* piecesOf(
  { entries }: BuildOptions,
  payloads: PayloadStore,
  base: Loaded | undefined,
  before: SnapshotBytes | undefined,
): AsyncGenerator<PayloadPiece, void, undefined> {
  const from = (base?.head.index ?? 0) + 1;
  let bodies: Iterator<StoredEntry> | undefined;
  for (const live of payloads.live()) {
    if (live.entryIndex < from && base !== undefined && before !== undefined) {
      yield { live, section: await readSection(base.records, before, live.entryIndex) };
    } else {
      bodies ??= entries(from)[Symbol.iterator]();
      yield { live, section: sectionIn(bodies, live) };
    }
  }
}

function sectionIn(
  bodies: Iterator<StoredEntry>,
  { entryIndex, sectionOffset, sectionLength }: LiveSection,
): Uint8Array {
  for (;;) {
    const next = bodies.next();
    if (next.done === true) throw new Error(`entry ${String(entryIndex)} is not read again`);
    const { index, body } = next.value;
    if (index === entryIndex) return body.subarray(sectionOffset, sectionOffset + sectionLength);
  }
}
