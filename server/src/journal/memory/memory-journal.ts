import assert from "node:assert/strict";
import { type AppendOutcome, ENTRY_BYTES_MAX, type Journal, type StoredEntry } from "../journal.js";
import { dataLoss, endsTooEarly, JournalError, JournalFailure } from "../journal-error.js";

const SEGMENT = "memory";

/** When an append becomes durable; a simulator lets that take its virtual time, or never happen. */
export type Latency = () => Promise<void>;

/**
 * What outlives a process: the entries that were durable. Hold on to it, and a journal can be opened
 * over it again after a {@link MemoryDisk.crash}.
 */
export class MemoryDisk {
  readonly id: string;
  /** While true, appends end as `not_written`. */
  full = false;
  /** While true, an append ends the journal with its outcome unknown, and is lost. */
  syncFails = false;
  firstIndex = 1;
  readonly #entries: StoredEntry[] = [];
  #holder: MemoryJournal | undefined;

  /** @param id 32 hex digits */
  constructor(id = "00000000000000000000000000000000") {
    this.id = id;
  }

  get lastIndex(): number {
    return this.firstIndex + this.#entries.length - 1;
  }

  get epoch(): number {
    return this.#entries.at(-1)?.epoch ?? 0;
  }

  entry(index: number): StoredEntry | undefined {
    return this.#entries[index - this.firstIndex];
  }

  push(epoch: number, body: Uint8Array): number {
    const index = this.lastIndex + 1;
    this.#entries.push({ epoch, index, body });
    return index;
  }

  removeBelow(index: number): void {
    const count = Math.max(0, Math.min(index, this.lastIndex) - this.firstIndex);
    this.#entries.splice(0, count);
    this.firstIndex += count;
  }

  /** The process dies: its journal does nothing more, what was in flight is gone. */
  crash(): void {
    this.#holder = undefined;
  }

  take(journal: MemoryJournal): void {
    if (this.#holder !== undefined) {
      throw new JournalError("locked", "the journal in memory is held by another in this process");
    }
    this.#holder = journal;
  }

  isHeldBy(journal: MemoryJournal): boolean {
    return this.#holder === journal;
  }

  release(journal: MemoryJournal): void {
    if (this.isHeldBy(journal)) this.#holder = undefined;
  }
}

/**
 * A journal for tests, the simulator, and a master that is meant to forget.
 *
 * @throws JournalError `locked` if another journal is open over the disk, `data_loss` if it ends
 *   before `mustReach`
 */
export async function openMemoryJournal(
  disk: MemoryDisk,
  options: { readonly mustReach?: number; readonly latency?: Latency } = {},
): Promise<Journal> {
  const mustReach = options.mustReach ?? 0;
  if (disk.lastIndex < mustReach) {
    const { lastIndex } = disk;
    const place = { segment: SEGMENT, index: lastIndex + 1 };
    throw endsTooEarly({ lastIndex, mustReach }, "", place);
  }
  return new MemoryJournal(disk, options.latency ?? (() => Promise.resolve()));
}

class MemoryJournal implements Journal {
  readonly repairs = [];
  readonly closed = [];
  readonly #disk: MemoryDisk;
  readonly #latency: Latency;
  #claimedEpoch: number | undefined;
  #inFlight = false;
  #failed = false;

  constructor(disk: MemoryDisk, latency: Latency) {
    this.#disk = disk;
    this.#latency = latency;
    disk.take(this);
  }

  get id(): string {
    return this.#disk.id;
  }

  get firstIndex(): number {
    return this.#disk.firstIndex;
  }

  get lastIndex(): number {
    return this.#disk.lastIndex;
  }

  async *read(from: number): AsyncGenerator<StoredEntry, void, undefined> {
    for (let index = from; index <= this.lastIndex; index++) yield this.#entry(index);
  }

  async readBytes(index: number, offset: number, length: number): Promise<Uint8Array> {
    const { body } = this.#entry(index);
    if (!(offset >= 0 && length >= 0 && offset + length <= body.length)) {
      throw new RangeError(`bytes from ${String(offset)} do not lie within entry ${String(index)}`);
    }
    return body.subarray(offset, offset + length);
  }

  async claim(): Promise<{ readonly epoch: number; readonly index: number }> {
    const epoch = this.#disk.epoch + 1;
    const outcome = await this.#write(epoch, new Uint8Array(0));
    if (outcome.kind === "not_written") {
      throw new JournalError("disk_full", "no room to claim the journal", { cause: outcome.cause });
    }
    this.#claimedEpoch = epoch;
    return { epoch, index: outcome.index };
  }

  async append(body: Uint8Array): Promise<AppendOutcome> {
    assert(this.#claimedEpoch !== undefined, "append before claim");
    if (body.length < 1 || body.length > ENTRY_BYTES_MAX) {
      const range = `1 to ${String(ENTRY_BYTES_MAX)}`;
      throw new RangeError(`an entry has ${range} bytes, got ${String(body.length)}`);
    }
    return this.#write(this.#claimedEpoch, body);
  }

  async truncate(below: number): Promise<void> {
    this.#refuseIfOver();
    this.#disk.removeBelow(below);
  }

  async close(): Promise<void> {
    this.#disk.release(this);
  }

  async #write(epoch: number, body: Uint8Array): Promise<AppendOutcome> {
    this.#refuseIfOver();
    assert(!this.#inFlight, "one entry in flight at most");
    this.#inFlight = true;
    try {
      await this.#latency();
      this.#refuseIfOver();
      if (this.#disk.full) {
        const cause = new Error("no space left in memory");
        return { kind: "not_written", reason: "disk_full", body, cause };
      }
      if (this.#disk.syncFails) {
        this.#failed = true;
        throw new JournalFailure("the memory failed: an entry may or may not have been written");
      }
      return { kind: "durable", index: this.#disk.push(epoch, body) };
    } finally {
      this.#inFlight = false;
    }
  }

  #entry(index: number): StoredEntry {
    const entry = this.#disk.entry(index);
    if (entry !== undefined) return entry;
    throw dataLoss(`entry ${String(index)} is not kept`, { segment: SEGMENT, index });
  }

  #refuseIfOver(): void {
    if (this.#failed) throw new JournalFailure("the journal has failed before; end the process");
    if (!this.#disk.isHeldBy(this)) throw new JournalFailure("the journal is closed");
  }
}
