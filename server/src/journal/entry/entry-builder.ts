import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { BlobId, CoreEvent, Stamp } from "../../core/index.js";
import { writeTasksAdded } from "./added-tasks.js";
import type { Blobs } from "./blobs.js";
import { ByteSink, putVarint, varintSize, Wire } from "./byte-sink.js";
import { encodeColdEvent } from "./cold-events.js";
import { EntryField, FORMAT, HotArm } from "./format.js";
import { FinishRun } from "./finish-run.js";
import { GrantRun } from "./grant-run.js";
import { SubmitRun } from "./submit-run.js";
import { SuccessRun } from "./success-run.js";
import { TaskRows } from "./task-rows.js";

/** An entry, as the journal and the payload store take it. */
export interface FinishedEntry {
  /** What is appended. Owns its whole ArrayBuffer, so that it can be moved to another thread. */
  readonly body: Uint8Array;
  /** Where the section of blobs begins in the body. */
  readonly sectionOffset: number;
  /**
   * The blobs, joined: a view of the body, good until that is moved. Whoever reads them while it is
   * on its way to the disk, or after, copies them first.
   */
  readonly section: Uint8Array;
  /** The length of each blob. */
  readonly lengths: readonly number[];
}

/** Events of one kind that follow each other, as one record. */
interface Run {
  readonly count: number;
  readonly bytesMax: number;
  flush(message: ByteSink): void;
}

/** A record's tag and length, and within it those of its arm. */
const recordHeaderBytesMax = 1 + 5 + 2 + 5;
/** Format, times, number of the first blob, and tags and lengths of the two fields of blobs. */
const entryHeaderBytesMax = 2 + 9 + 9 + 9 + 6 + 6;

const sinkBytes = 4_096;

/**
 * Builds one entry, event by event, and knows its size at all times.
 *
 * Events of the frequent kinds that follow each other wait as columns until something else comes,
 * and are then written as one record: most of their numbers are equal or small.
 */
export class EntryBuilder {
  #firstBlob: BlobId = 0;
  readonly #sink = new ByteSink(sinkBytes);
  /** The message of one record, whose length must be known before it is written. */
  readonly #message = new ByteSink(sinkBytes);
  #grants: GrantRun | undefined;
  #successes: SuccessRun | undefined;
  #submits: SubmitRun | undefined;
  #finishes: FinishRun | undefined;
  /** Of tasks that are added: the columns of 4,096 are 200 KB, and an upload has one such event after the other. */
  #rows: TaskRows | undefined;
  /** Events of one kind that are not written yet, and the arm that they will be. */
  #waiting: Run | undefined;
  #waitingArm = 0;
  #cold = new BinaryWriter();
  /** An entry was begun and not finished: its last events may be in the runs, or half an event anywhere. */
  #isOpen = false;
  readonly #blobs = new ByteSink(sinkBytes);
  #lengths: number[] = [];
  #lengthBytes = 0;
  #eventCount = 0;

  /** @param firstBlob number of the first blob that will be added, from 1 */
  constructor(stamp: Stamp, firstBlob: BlobId) {
    this.begin(stamp, firstBlob);
  }

  /** Begins another entry, in the memory of the last one. @param firstBlob as the constructor's */
  begin(stamp: Stamp, firstBlob: BlobId): void {
    if (this.#isOpen) this.#forget();
    this.#firstBlob = firstBlob;
    this.#blobs.length = 0;
    this.#lengths = [];
    this.#lengthBytes = 0;
    this.#eventCount = 0;
    this.#sink.length = 0;
    this.#sink.number(EntryField.format, FORMAT);
    this.#sink.number(EntryField.now, stamp.now);
    this.#sink.number(EntryField.wall, stamp.wall);
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get blobCount(): number {
    return this.#lengths.length;
  }

  /** The number that the next blob gets. */
  get nextBlob(): BlobId {
    return this.#firstBlob + this.#lengths.length;
  }

  /** What `finish().body` would take now: never less than that, and little more. */
  get bytes(): number {
    const events = this.#sink.length + this.#waitingBytesMax();
    return entryHeaderBytesMax + events + this.#lengthBytes + this.#blobs.length;
  }

  addEvent(event: CoreEvent): void {
    this.#isOpen = true;
    switch (event.type) {
      case "lease_granted": {
        const run = (this.#grants ??= new GrantRun());
        this.#turnTo(run, HotArm.leaseGrantedV1);
        if (!run.takes(event)) this.#flush();
        run.add(event);
        break;
      }
      case "task_succeeded": {
        const run = (this.#successes ??= new SuccessRun());
        this.#turnTo(run, HotArm.taskSucceededV1);
        if (!run.takes(event)) this.#flush();
        run.add(event);
        break;
      }
      case "job_submitted": {
        const run = (this.#submits ??= new SubmitRun());
        this.#turnTo(run, HotArm.jobSubmittedV1);
        if (!run.takes(event)) this.#flush();
        run.add(event);
        break;
      }
      case "job_finished": {
        const run = (this.#finishes ??= new FinishRun());
        this.#turnTo(run, HotArm.jobFinishedV1);
        if (!run.takes(event)) this.#flush();
        run.add(event);
        break;
      }
      case "tasks_added":
        this.#flush();
        writeTasksAdded(this.#message, event, (this.#rows ??= new TaskRows(0)));
        this.#writeRecord(HotArm.tasksAddedV1);
        break;
      default:
        this.#flush();
        this.#sink.field(EntryField.events, encodeColdEvent(event, this.#cold));
    }
    this.#eventCount += 1;
  }

  /**
   * Adds blobs under the numbers from `nextBlob` on. They are copied at once: thousands of views, kept until
   * the entry is finished, would cost the garbage collector more than that.
   */
  addBlobs({ chunks, lengths, entryBytes }: Blobs): void {
    const before = this.#blobs.length;
    for (const chunk of chunks) this.#blobs.raw(chunk);
    for (const length of lengths) this.#lengths.push(length);
    this.#lengthBytes += entryBytes - (this.#blobs.length - before);
  }

  /** The entry. Add nothing after this, until another begins. */
  finish(): FinishedEntry {
    this.#flush();
    const sink = this.#sink;
    const blobs = this.#blobs;
    if (this.#lengths.length > 0) {
      sink.number(EntryField.firstBlob, this.#firstBlob);
      this.#writeLengths();
    }
    if (blobs.length > 0) {
      sink.tag(EntryField.blobs, Wire.bytes);
      sink.varint(blobs.length);
    }
    const sectionOffset = sink.length;
    const body = ownBytes(sectionOffset + blobs.length);
    body.set(sink.view());
    body.set(blobs.view(), sectionOffset);
    this.#isOpen = false;
    const section = body.subarray(sectionOffset);
    return { body, sectionOffset, section, lengths: this.#lengths };
  }

  /** What an entry left behind that was never finished. */
  #forget(): void {
    this.#isOpen = false;
    this.#grants = this.#successes = this.#submits = this.#finishes = this.#waiting = undefined;
    this.#rows = undefined;
    this.#message.length = 0;
    this.#cold = new BinaryWriter();
  }

  #waitingBytesMax(): number {
    const run = this.#waiting;
    return run === undefined || run.count === 0 ? 0 : recordHeaderBytesMax + run.bytesMax;
  }

  /** What waits is written before events of another kind, or their order would be lost. */
  #turnTo(run: Run, arm: number): void {
    if (this.#waiting === run) return;
    this.#flush();
    this.#waiting = run;
    this.#waitingArm = arm;
  }

  #flush(): void {
    const run = this.#waiting;
    if (run === undefined || run.count === 0) return;
    run.flush(this.#message);
    this.#writeRecord(this.#waitingArm);
  }

  #writeRecord(arm: number): void {
    const sink = this.#sink;
    const message = this.#message;
    const tagBytes = arm < 16 ? 1 : 2;
    sink.tag(EntryField.events, Wire.bytes);
    sink.varint(tagBytes + varintSize(message.length) + message.length);
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
}

/** Bytes in a buffer of exactly their length, not zeroed: whoever asks writes all of them. */
function ownBytes(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
