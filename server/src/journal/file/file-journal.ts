import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  type AppendOutcome,
  ENTRY_BYTES_MAX,
  type Journal,
  type Repair,
  type StoredEntry,
} from "../journal.js";
import { JournalError, JournalFailure } from "../journal-error.js";
import { EntryReader } from "./entry-reader.js";
import { checksumSeed, JOURNAL_ID_BYTES } from "./format.js";
import { makeAndLock } from "./lock-folder.js";
import { nodeStorage } from "./node-storage.js";
import { SegmentPositions } from "./positions.js";
import { SegmentFiles } from "./segment-files.js";
import { type WriterState } from "./segment-writer.js";
import { type Storage, type StorageLock } from "./storage.js";
import { threadWriter } from "./thread-writer.js";
import { inlineWriter, type RunOperation, type Writer } from "./writer.js";

const SEGMENT_BYTES = 64 * 1024 * 1024;

export interface FileJournalOptions {
  /** The journal's own folder. Made if it is missing. */
  readonly directory: string;
  /** A segment is closed when the next entry would take it beyond this. 64 MiB by default. */
  readonly segmentBytes?: number;
  /**
   * An entry that the journal is known to have had, because a snapshot or the history has seen it.
   * A journal that ends before it has lost data. 0, the default: nothing is known.
   */
  readonly mustReach?: number;
  /** The id, 16 bytes, if the journal is created now; random by default. */
  readonly newJournalId?: Uint8Array;
  /** What lies under reads and the lock, and under an inline writer. The disk by default. */
  readonly storage?: Storage;
  /** Where it writes: in a thread of its own by default. */
  readonly writer?:
    | {
        readonly kind: "thread";
        /** A module exporting `createStorage(data)`, for the thread to write through. */
        readonly storageModule?: string;
        readonly storageData?: unknown;
      }
    | { readonly kind: "inline"; readonly run?: RunOperation };
}

/**
 * Opens the embedded journal: takes the folder's lock, verifies all of it, cuts off a torn tail.
 *
 * @throws JournalError `locked`, `data_loss`, `newer_format`, `failed`
 */
export async function openFileJournal(options: FileJournalOptions): Promise<Journal> {
  const storage = options.storage ?? nodeStorage();
  const lock = makeAndLock(storage, options.directory);
  const writer = startWriter(storage, options);
  try {
    const state = await writer.open();
    return new FileJournal({ state, writer, storage, lock, directory: options.directory });
  } catch (error) {
    await writer.close();
    lock.release();
    throw error;
  }
}

function startWriter(storage: Storage, options: FileJournalOptions): Writer {
  const { directory, segmentBytes = SEGMENT_BYTES, mustReach = 0 } = options;
  const newJournalId = options.newJournalId ?? new Uint8Array(randomBytes(JOURNAL_ID_BYTES));
  const writerOptions = { directory, segmentBytes, mustReach, newJournalId };
  const where = options.writer ?? { kind: "thread" };
  switch (where.kind) {
    case "inline":
      return inlineWriter(storage, writerOptions, where.run);
    case "thread": {
      const { storageModule, storageData } = where;
      return threadWriter({
        options: writerOptions,
        ...(storageModule !== undefined && { storageModule, storageData }),
      });
    }
  }
}

class FileJournal implements Journal {
  readonly id: string;
  readonly repairs: readonly Repair[];
  /** Of all segments but the last. */
  readonly closed: number[];
  readonly #segments: SegmentPositions[];
  readonly #writer: Writer;
  readonly #lock: StorageLock;
  readonly #files: SegmentFiles;
  readonly #reader: EntryReader;
  #epoch: number;
  #claimed = false;
  #inFlight = false;
  #refusal: JournalFailure | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: {
    readonly state: WriterState;
    readonly writer: Writer;
    readonly storage: Storage;
    readonly lock: StorageLock;
    readonly directory: string;
  }) {
    const { state, writer, storage, lock, directory } = parts;
    const journalId = Buffer.from(state.journalId);
    this.id = journalId.toString("hex");
    this.repairs = state.repairs;
    this.#segments = state.segments.map((data) => new SegmentPositions(data.firstIndex, data));
    this.closed = this.#segments.slice(0, -1).map(({ lastIndex }) => lastIndex);
    this.#epoch = state.epoch;
    this.#writer = writer;
    this.#lock = lock;
    this.#files = new SegmentFiles(storage, directory);
    this.#reader = new EntryReader({
      segments: this,
      files: this.#files,
      journalId,
      checksumSeed: checksumSeed(journalId),
    });
  }

  get firstIndex(): number {
    return this.#segments[0]?.firstIndex ?? 1;
  }

  get lastIndex(): number {
    return this.#segments.at(-1)?.lastIndex ?? 0;
  }

  read(from: number): AsyncIterable<StoredEntry> {
    return this.#reader.read(from);
  }

  async readBytes(index: number, offset: number, length: number): Promise<Uint8Array> {
    return this.#reader.readBytes(index, offset, length);
  }

  async claim(): Promise<{ readonly epoch: number; readonly index: number }> {
    const epoch = this.#epoch + 1;
    const outcome = await this.#write(epoch, new Uint8Array(0));
    if (outcome.kind === "not_written") {
      throw new JournalError("disk_full", "no room on the disk to claim the journal", {
        cause: outcome.cause,
      });
    }
    this.#epoch = epoch;
    this.#claimed = true;
    return { epoch, index: outcome.index };
  }

  async append(body: Uint8Array): Promise<AppendOutcome> {
    assert(this.#claimed, "append before claim");
    if (body.length < 1 || body.length > ENTRY_BYTES_MAX) {
      const range = `1 to ${String(ENTRY_BYTES_MAX)}`;
      throw new RangeError(`an entry has ${range} bytes, got ${String(body.length)}`);
    }
    return this.#write(this.#epoch, body);
  }

  async truncate(below: number): Promise<void> {
    this.#refuseIfOver();
    const firstIndex = await this.#writer.truncate(below);
    while ((this.#segments[0]?.firstIndex ?? firstIndex) < firstIndex) {
      this.#segments.shift();
      this.closed.shift();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The segment that holds a durable entry. */
  find(index: number): SegmentPositions | undefined {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const segment = this.#segments[middle];
      if (segment === undefined) break;
      if (index < segment.firstIndex) high = middle - 1;
      else if (index > segment.lastIndex) low = middle + 1;
      else return segment;
    }
    return undefined;
  }

  async #write(epoch: number, body: Uint8Array): Promise<AppendOutcome> {
    this.#refuseIfOver();
    assert(!this.#inFlight, "one entry in flight at most");
    this.#inFlight = true;
    try {
      const reply = await this.#writer.append(epoch, body);
      if (reply.kind === "not_written") {
        return { kind: "not_written", reason: "disk_full", body: reply.body, cause: reply.cause };
      }
      this.#take(reply);
      return { kind: "durable", index: reply.index };
    } catch (error) {
      this.#refusal = new JournalFailure("the journal has failed before; end the process", {
        cause: error,
      });
      throw error;
    } finally {
      this.#inFlight = false;
    }
  }

  #take(written: {
    readonly segment: number;
    readonly offset: number;
    readonly end: number;
  }): void {
    let segment = this.#segments.at(-1);
    if (segment?.firstIndex !== written.segment) {
      if (segment !== undefined) this.closed.push(segment.lastIndex);
      segment = new SegmentPositions(written.segment);
      this.#segments.push(segment);
    }
    segment.add(written.offset, written.end);
  }

  #refuseIfOver(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  async #close(): Promise<void> {
    this.#refusal ??= new JournalFailure("the journal is closed");
    await this.#writer.close();
    this.#files.close();
    this.#lock.release();
  }
}
