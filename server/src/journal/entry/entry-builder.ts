import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { BlobId, CoreEvent, Stamp } from "../../core/index.js";
import { writeTasksAdded } from "./added-tasks.js";
import { ByteSink, putVarint, varintSize, Wire } from "./byte-sink.js";
import { encodeColdEvent } from "./cold-events.js";
import { EntryField, FORMAT, HotArm } from "./format.js";
import { GrantRun } from "./grant-run.js";
import { JobSubmittedWriter } from "./submitted-job.js";
import { SuccessRun } from "./success-run.js";

/** An entry, as the journal and the payload store take it. */
export interface FinishedEntry {
  /** What is appended. Owns its whole ArrayBuffer, so that it can be moved to another thread. */
  readonly body: Uint8Array;
  /** Where the section of blobs begins in the body. */
  readonly sectionOffset: number;
  /**
   * The blobs, joined: a copy in a buffer of its own, so that they can be read while the body is
   * on its way to the disk, and after.
   */
  readonly section: Uint8Array;
  /** The length of each blob. */
  readonly lengths: readonly number[];
}

/** A record's tag and length, and within it those of its arm. */
const recordHeaderBytesMax = 1 + 5 + 1 + 5;
/** Format, times, number of the first blob, and tags and lengths of the two fields of blobs. */
const entryHeaderBytesMax = 2 + 9 + 9 + 9 + 6 + 6;

const sinkBytes = 4_096;
const noBytes = new Uint8Array(0);

/**
 * Builds one entry, event by event, and knows its size at all times.
 *
 * Grants and successes that follow each other wait as columns until something else comes, and
 * are then written as one record: most of their numbers are equal or small.
 */
export class EntryBuilder {
  readonly #firstBlob: BlobId;
  readonly #sink = new ByteSink(sinkBytes);
  /** The message of one record, whose length must be known before it is written. */
  readonly #message = new ByteSink(sinkBytes);
  #grants: GrantRun | undefined;
  #successes: SuccessRun | undefined;
  #submitted: JobSubmittedWriter | undefined;
  readonly #cold = new BinaryWriter();
  readonly #blobs: Uint8Array[] = [];
  readonly #lengths: number[] = [];
  #blobBytes = 0;
  #lengthBytes = 0;
  #eventCount = 0;

  /** @param firstBlob number of the first blob that will be added, from 1 */
  constructor(stamp: Stamp, firstBlob: BlobId) {
    this.#firstBlob = firstBlob;
    this.#sink.number(EntryField.format, FORMAT);
    this.#sink.number(EntryField.now, stamp.now);
    this.#sink.number(EntryField.wall, stamp.wall);
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get blobCount(): number {
    return this.#blobs.length;
  }

  /** The number that the next blob gets. */
  get nextBlob(): BlobId {
    return this.#firstBlob + this.#blobs.length;
  }

  /** What `finish().body` would take now: never less than that, and little more. */
  get bytes(): number {
    const events = this.#sink.length + this.#waitingBytesMax();
    return entryHeaderBytesMax + events + this.#lengthBytes + this.#blobBytes;
  }

  addEvent(event: CoreEvent): void {
    switch (event.type) {
      case "lease_granted":
        if (this.#successes !== undefined && this.#successes.count > 0) this.#flush();
        this.#grants ??= new GrantRun();
        if (!this.#grants.takes(event)) this.#flush();
        this.#grants.add(event);
        break;
      case "task_succeeded":
        if (this.#grants !== undefined && this.#grants.count > 0) this.#flush();
        this.#successes ??= new SuccessRun();
        if (!this.#successes.takes(event)) this.#flush();
        this.#successes.add(event);
        break;
      case "tasks_added":
        this.#flush();
        writeTasksAdded(this.#message, event);
        this.#writeRecord(HotArm.tasksAddedV1);
        break;
      case "job_submitted":
        this.#flush();
        this.#submitted ??= new JobSubmittedWriter();
        this.#submitted.write(this.#message, event);
        this.#writeRecord(HotArm.jobSubmittedV1);
        break;
      default:
        this.#flush();
        this.#sink.field(EntryField.events, encodeColdEvent(event, this.#cold));
    }
    this.#eventCount += 1;
  }

  /** Adds the bytes under the number `nextBlob`. They are copied by `finish`: leave them as they are. */
  addBlob(bytes: Uint8Array): void {
    this.#blobs.push(bytes);
    this.#lengths.push(bytes.length);
    this.#blobBytes += bytes.length;
    this.#lengthBytes += varintSize(bytes.length);
  }

  /** The entry. Add nothing after this. */
  finish(): FinishedEntry {
    this.#flush();
    const sink = this.#sink;
    const section = this.#joinBlobs();
    if (this.#blobs.length > 0) {
      sink.number(EntryField.firstBlob, this.#firstBlob);
      this.#writeLengths();
    }
    if (section.length > 0) {
      sink.tag(EntryField.blobs, Wire.bytes);
      sink.varint(section.length);
    }
    const sectionOffset = sink.length;
    const body = ownBytes(sectionOffset + section.length);
    body.set(sink.view());
    body.set(section, sectionOffset);
    return { body, sectionOffset, section, lengths: this.#lengths };
  }

  #waitingBytesMax(): number {
    let bytes = 0;
    if (this.#grants !== undefined && this.#grants.count > 0) {
      bytes += recordHeaderBytesMax + this.#grants.bytesMax;
    }
    if (this.#successes !== undefined && this.#successes.count > 0) {
      bytes += recordHeaderBytesMax + this.#successes.bytesMax;
    }
    return bytes;
  }

  /** Writes what waits. Only one kind ever does, or the order of events would be lost. */
  #flush(): void {
    if (this.#grants !== undefined && this.#grants.count > 0) {
      this.#grants.flush(this.#message);
      this.#writeRecord(HotArm.leaseGrantedV1);
    }
    if (this.#successes !== undefined && this.#successes.count > 0) {
      this.#successes.flush(this.#message);
      this.#writeRecord(HotArm.taskSucceededV1);
    }
  }

  #writeRecord(arm: number): void {
    const sink = this.#sink;
    const message = this.#message;
    // Arms written by hand have numbers below 16: their tags are one byte.
    sink.tag(EntryField.events, Wire.bytes);
    sink.varint(1 + varintSize(message.length) + message.length);
    sink.field(arm, message.view());
    message.length = 0;
  }

  #writeLengths(): void {
    const sink = this.#sink;
    sink.tag(EntryField.blobLengths, Wire.bytes);
    sink.varint(this.#lengthBytes);
    sink.reserve(this.#lengthBytes);
    for (const length of this.#lengths) sink.length = putVarint(sink.bytes, sink.length, length);
  }

  #joinBlobs(): Uint8Array {
    if (this.#blobBytes === 0) return noBytes;
    const section = ownBytes(this.#blobBytes);
    let at = 0;
    for (const blob of this.#blobs) {
      section.set(blob, at);
      at += blob.length;
    }
    return section;
  }
}

/** Bytes in a buffer of exactly their length, not zeroed: whoever asks writes all of them. */
function ownBytes(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
