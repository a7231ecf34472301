import type { BlobId, CoreEvent, Stamp } from "../../core/index.js";
import { JournalError, messageOf } from "../journal-error.js";
import { readTasksAdded } from "./added-tasks.js";
import { Wire } from "./byte-sink.js";
import { decodeColdEvent } from "./cold-events.js";
import { countVarints } from "./columns.js";
import { Cursor } from "./fields.js";
import { EntryField, FORMAT, HotArm, lastArm, malformed, newerFormat } from "./format.js";
import { readFinishRun } from "./finish-run.js";
import { readGrantRun } from "./grant-run.js";
import { readSubmitRun } from "./submit-run.js";
import { readSuccessRun } from "./success-run.js";

export interface DecodedEntry {
  readonly stamp: Stamp;
  readonly events: readonly CoreEvent[];
  /** Number of the first blob; 0 when there are none. */
  readonly firstBlob: BlobId;
  /** The length of each blob. */
  readonly lengths: Uint32Array;
  /** Where the section of blobs begins in the body; its end when there are no bytes. */
  readonly sectionOffset: number;
  /** The blobs, joined: a view of the body, which it keeps in memory. Copy what is kept for long. */
  readonly section: Uint8Array;
}

/**
 * Reads an entry that the journal has verified. It gives back the very events that were put in.
 *
 * @throws JournalError `newer_format` if a later release wrote it, `data_loss` if it cannot be read
 */
export function decodeEntry(body: Uint8Array): DecodedEntry {
  try {
    return new EntryReader(body).read();
  } catch (error) {
    if (error instanceof JournalError) throw error;
    throw malformed(messageOf(error), error);
  }
}

class EntryReader {
  readonly #body: Uint8Array;
  readonly #cursor: Cursor;
  readonly #events: CoreEvent[] = [];
  #now = 0;
  #wall = 0;
  #firstBlob = 0;
  #lengths = new Uint32Array(0);
  #sectionOffset: number;
  #section: Uint8Array;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#cursor = new Cursor(body, 0, body.length);
    this.#sectionOffset = body.length;
    this.#section = body.subarray(body.length);
  }

  read(): DecodedEntry {
    this.#readFormat();
    const cursor = this.#cursor;
    while (cursor.at < cursor.end) this.#readField(cursor.varint());
    let blobBytes = 0;
    for (const length of this.#lengths) blobBytes += length;
    if (blobBytes !== this.#section.length) {
      throw malformed(
        `${this.#section.length} bytes of blobs whose lengths add up to ${blobBytes}`,
      );
    }
    return {
      stamp: { now: this.#now, wall: this.#wall },
      events: this.#events,
      firstBlob: this.#firstBlob,
      lengths: this.#lengths,
      sectionOffset: this.#sectionOffset,
      section: this.#section,
    };
  }

  /** The format comes first, so that nothing is read that may mean something else by now. */
  #readFormat(): void {
    const cursor = this.#cursor;
    if (cursor.varint() !== EntryField.format * 8 + Wire.varint) {
      throw malformed("it does not begin with its format");
    }
    const format = cursor.varint();
    if (format > FORMAT) throw newerFormat(`format ${format} of entries, this one reads ${FORMAT}`);
    if (format < 1) throw malformed(`format ${format}`);
  }

  #readField(tag: number): void {
    const cursor = this.#cursor;
    switch (tag) {
      case EntryField.now * 8 + Wire.varint:
        this.#now = cursor.varint();
        break;
      case EntryField.wall * 8 + Wire.varint:
        this.#wall = cursor.varint();
        break;
      case EntryField.events * 8 + Wire.bytes: {
        const start = cursor.skip();
        this.#readRecord(start, cursor.at);
        break;
      }
      case EntryField.firstBlob * 8 + Wire.varint:
        this.#firstBlob = cursor.varint();
        break;
      case EntryField.blobLengths * 8 + Wire.bytes: {
        const start = cursor.skip();
        this.#readLengths(start, cursor.at);
        break;
      }
      case EntryField.blobs * 8 + Wire.bytes:
        this.#sectionOffset = cursor.skip();
        this.#section = this.#body.subarray(this.#sectionOffset, cursor.at);
        break;
      default:
        if (Math.floor(tag / 8) > EntryField.blobs) {
          throw newerFormat(`a field ${Math.floor(tag / 8)} of entries is not known here`);
        }
        throw malformed(`a field with tag ${tag}`);
    }
  }

  #readRecord(start: number, end: number): void {
    const body = this.#body;
    const cursor = new Cursor(body, start, end);
    const tag = cursor.varint();
    const arm = Math.floor(tag / 8);
    if (arm > lastArm) throw newerFormat(`an event of type ${arm} is not known here`);
    if ((tag & 7) !== Wire.bytes) throw malformed(`a record with tag ${tag}`);
    const from = cursor.skip();
    if (cursor.at !== end) throw malformed("a record of more than one event");
    switch (arm) {
      case HotArm.leaseGrantedV1:
        readGrantRun(body, from, end, this.#events);
        break;
      case HotArm.taskSucceededV1:
        readSuccessRun(body, from, end, this.#events);
        break;
      case HotArm.jobSubmittedV1:
        readSubmitRun(body, from, end, this.#events);
        break;
      case HotArm.jobFinishedV1:
        readFinishRun(body, from, end, this.#events);
        break;
      case HotArm.tasksAddedV1:
        this.#events.push(readTasksAdded(body, from, end));
        break;
      default:
        this.#events.push(decodeColdEvent(body.subarray(start, end)));
    }
  }

  #readLengths(start: number, end: number): void {
    const cursor = new Cursor(this.#body, start, end);
    this.#lengths = new Uint32Array(countVarints(this.#body, start, end));
    for (let i = 0; cursor.at < end; i++) this.#lengths[i] = cursor.varint();
  }
}
