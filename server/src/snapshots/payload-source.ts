import { JournalError } from "../journal/journal-error.js";
import type { Journal } from "../journal/journal.js";
import type { SnapshotBytes } from "../journal/snapshot-store.js";
import { decodeRecord, type RecordIndex } from "./payload-records.js";

/** A snapshot that payload bytes are read from. */
export interface OpenSnapshot {
  readonly records: RecordIndex;
  readonly bytes: SnapshotBytes;
}

/**
 * The payload section of an entry, as a snapshot has it.
 *
 * @throws JournalError `data_loss` if it is damaged or not there
 */
export async function readSection(
  records: RecordIndex,
  bytes: SnapshotBytes,
  entryIndex: number,
): Promise<Uint8Array> {
  const place = records.find(entryIndex);
  const what = `DATA_LOSS: the payload bytes of entry ${String(entryIndex)}`;
  if (place === undefined) throw new JournalError("data_loss", `${what} are in no snapshot`);
  const read = await bytes.read(place.offset, place.bytes);
  const record = decodeRecord(Buffer.from(read.buffer, read.byteOffset, read.byteLength), 0);
  if (record !== undefined && record.live.entryIndex === entryIndex) return record.section();
  throw new JournalError("data_loss", `${what} are damaged in the snapshot`);
}

/**
 * Where the payload store reads back what it has evicted: from the journal, or, once an entry was cut, from the
 * newest snapshot, which holds what is still needed of it.
 */
export class PayloadSource {
  readonly #journal: Pick<Journal, "firstIndex" | "readBytes">;
  #snapshot: OpenSnapshot | undefined;
  #cutBelow = 0;
  readonly #users = new Map<OpenSnapshot, number>();

  constructor(journal: Pick<Journal, "firstIndex" | "readBytes">) {
    this.#journal = journal;
  }

  /** From now on cut entries are read from here. The one before is closed when nobody reads it any more. */
  use(snapshot: OpenSnapshot): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    if (before !== undefined) this.#closeUnused(before);
  }

  /** Entries below an index are about to be cut: nothing of them is read from the journal any more. */
  cut(below: number): void {
    this.#cutBelow = Math.max(this.#cutBelow, below);
  }

  /** As {@link Journal.readBytes}, of an entry's whole payload section. */
  readonly readBytes = async (
    entryIndex: number,
    offset: number,
    length: number,
  ): Promise<Uint8Array> => {
    const snapshot = this.#snapshot;
    const isCut = entryIndex < Math.max(this.#cutBelow, this.#journal.firstIndex);
    if (!isCut || snapshot === undefined) {
      return this.#journal.readBytes(entryIndex, offset, length);
    }
    this.#users.set(snapshot, (this.#users.get(snapshot) ?? 0) + 1);
    try {
      return await readSection(snapshot.records, snapshot.bytes, entryIndex);
    } finally {
      this.#users.set(snapshot, (this.#users.get(snapshot) ?? 1) - 1);
      this.#closeUnused(snapshot);
    }
  };

  close(): void {
    const before = this.#snapshot;
    this.#snapshot = undefined;
    if (before !== undefined) this.#closeUnused(before);
  }

  #closeUnused(snapshot: OpenSnapshot): void {
    if (snapshot === this.#snapshot || (this.#users.get(snapshot) ?? 0) > 0) return;
    this.#users.delete(snapshot);
    snapshot.bytes.close();
  }
}
