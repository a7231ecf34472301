import { TraceContext as TraceContexts } from "@capstan/proto/capstan/v1/common.js";
import { JobSpec as JobSpecs } from "@capstan/proto/capstan/v1/job.js";
import { FieldCursor } from "../wire/field-cursor.js";
import { checkText, readText } from "../wire/text.js";
import { EncodedItems, type JobHead, type JobRequest } from "./encoded-items.js";

/**
 * Requests that bring jobs, read by hand: a job's tasks are left as they came, and jobs of one call that
 * differ in their tasks alone share all the rest, which is decoded and checked once for all of them.
 */

export interface SubmitRequest {
  readonly namespace: string;
  readonly item: JobRequest;
  /** What the whole request took on the wire. */
  readonly bytes: number;
}

export interface BulkRequest {
  readonly namespace: string;
  readonly items: EncodedItems;
  /** What the whole request took on the wire. */
  readonly bytes: number;
}

// Fields. SubmitJobRequest has the namespace before those of SubmitJobItem.
const submitField = { namespace: 1, item: 1 } as const;
const bulkField = { namespace: 1, items: 2 } as const;
const itemField = { key: 1, job: 2, moreToUpload: 3, trace: 4 } as const;
const jobField = { stages: 2 } as const;
const stageField = { tasks: 7 } as const;
const stagesTag = (jobField.stages << 3) | 2;

/** @throws Error when the bytes are no such request */
export function readSubmitJob(bytes: Buffer, lastHead = new LastEncodedHead()): SubmitRequest {
  const reader = new JobReader(bytes, lastHead);
  reader.read(0, bytes.length, submitField.item);
  const item = reader.items.at(0);
  return { namespace: reader.namespace, item, bytes: bytes.length };
}

/** @throws Error when the bytes are no such request */
export function readSubmitJobs(bytes: Buffer, lastHead = new LastEncodedHead()): BulkRequest {
  const reader = new JobReader(bytes, lastHead);
  const fields = new FieldCursor(bytes).reset(bytes, 0, bytes.length);
  let namespace = "";
  while (fields.next()) {
    if (!fields.isBytes) continue;
    const { field, start, stop } = fields;
    if (field === bulkField.items) reader.read(start, stop, 0);
    else if (field === bulkField.namespace) namespace = readText(bytes, start, stop);
  }
  return { namespace, items: reader.items, bytes: bytes.length };
}

/** The last head that was read, by its bytes: the next job, or the next request, may say the same. */
export class LastEncodedHead {
  #bytes: Buffer = Buffer.alloc(0);
  #head: JobHead | undefined;

  /** @param length how much of the bytes is the head */
  find(bytes: Buffer, length: number): JobHead | undefined {
    const before = this.#bytes;
    if (length !== before.length) return undefined;
    for (let i = 0; i < length; i++) if (bytes[i] !== before[i]) return undefined;
    return this.#head;
  }

  keep(bytes: Buffer, head: JobHead): void {
    this.#bytes = Buffer.from(bytes);
    this.#head = head;
  }
}

class JobReader {
  /** Of the request, where it stands beside the fields of its only job. */
  namespace = "";
  readonly items: EncodedItems;
  readonly #bytes: Buffer;
  readonly #ofItem: FieldCursor;
  readonly #ofJob: FieldCursor;
  readonly #ofStage: FieldCursor;
  /** The head at hand: what the job says without its tasks, then its trace and whether more comes. */
  #head: Buffer = Buffer.allocUnsafe(1_024);
  #headLength = 0;
  readonly #lastHead: LastEncodedHead;

  constructor(bytes: Buffer, lastHead: LastEncodedHead) {
    this.#lastHead = lastHead;
    this.#bytes = bytes;
    this.items = new EncodedItems(bytes);
    this.#ofItem = new FieldCursor(bytes);
    this.#ofJob = new FieldCursor(bytes);
    this.#ofStage = new FieldCursor(bytes);
  }

  /** Reads the item at [start, stop). @param shift how many fields stand before its own */
  read(start: number, stop: number, shift: number): void {
    const bytes = this.#bytes;
    const fields = this.#ofItem.reset(bytes, start, stop);
    let moreToUpload = false;
    let keyAt = 0;
    let keyEnd = 0;
    let jobAt = -1;
    let jobEnd = -1;
    let traceAt = -1;
    let traceEnd = -1;
    while (fields.next()) {
      const field = fields.field - shift;
      if (!fields.isBytes) {
        if (field === itemField.moreToUpload && fields.isNumber) moreToUpload = fields.isTrue;
      } else if (field === itemField.key) {
        keyAt = fields.start;
        keyEnd = fields.stop;
        checkText(bytes, keyAt, keyEnd);
      } else if (field === itemField.job) {
        jobAt = fields.start;
        jobEnd = fields.stop;
      } else if (field === itemField.trace) {
        traceAt = fields.start;
        traceEnd = fields.stop;
      } else if (shift > 0 && fields.field === submitField.namespace) {
        this.namespace = readText(bytes, fields.start, fields.stop);
      }
    }
    const { items } = this;
    const firstStage = items.stageCount;
    if (jobAt === -1) {
      items.add(keyAt, keyEnd, undefined, 0, firstStage);
      return;
    }
    this.#splitJob(jobAt, jobEnd);
    const head = this.#headOf(traceAt, traceEnd, moreToUpload);
    // The generated code leaves a message early that says so, and takes what follows for fields around it.
    const stageCount = items.stageCount - firstStage;
    if (head.job.stages.length !== stageCount) throw new RangeError("a message ends early");
    items.add(keyAt, keyEnd, head, jobEnd - jobAt, firstStage);
  }

  /** Puts the job without its tasks into the head, and where its tasks lie among the items. */
  #splitJob(start: number, stop: number): void {
    const bytes = this.#bytes;
    const fields = this.#ofJob.reset(bytes, start, stop);
    this.#headLength = 0;
    let from = start;
    while (fields.next()) {
      if (fields.field === jobField.stages && fields.isBytes) {
        this.#splitStage(fields.start, fields.stop);
      } else {
        this.#copy(from, fields.at);
      }
      from = fields.at;
    }
  }

  #splitStage(start: number, stop: number): void {
    const fields = this.#ofStage.reset(this.#bytes, start, stop);
    const { items } = this;
    items.beginStage();
    // Its length is known when the tasks are out: five bytes, as a varint may have.
    this.#reserve(6);
    this.#head[this.#headLength] = stagesTag;
    const lengthAt = this.#headLength + 1;
    this.#headLength += 6;
    let from = start;
    while (fields.next()) {
      if (fields.field === stageField.tasks && fields.isBytes) {
        items.addTask(fields.start, fields.stop);
      } else {
        this.#copy(from, fields.at);
      }
      from = fields.at;
    }
    writeLength(this.#head, lengthAt, this.#headLength - lengthAt - 5);
  }

  /** The head of the last job, if that said the same; else it is decoded. */
  #headOf(traceAt: number, traceEnd: number, moreToUpload: boolean): JobHead {
    const jobLength = this.#headLength;
    if (traceAt >= 0) this.#copy(traceAt, traceEnd);
    // Where the job ends and its trace begins counts too: the bytes of both together do not tell.
    this.#reserve(6);
    this.#headLength = this.#head.writeUInt32LE(jobLength, this.#headLength);
    this.#head[this.#headLength++] = moreToUpload ? 1 : 0;
    this.#head[this.#headLength++] = traceAt >= 0 ? 1 : 0;
    const known = this.#lastHead.find(this.#head, this.#headLength);
    if (known !== undefined) return known;
    const head = {
      job: JobSpecs.decode(this.#head.subarray(0, jobLength)),
      traceContext:
        traceAt < 0 ? undefined : TraceContexts.decode(this.#bytes.subarray(traceAt, traceEnd)),
      moreToUpload,
    };
    this.#lastHead.keep(this.#head.subarray(0, this.#headLength), head);
    return head;
  }

  #copy(start: number, stop: number): void {
    this.#reserve(stop - start);
    const head = this.#head;
    const bytes = this.#bytes;
    let to = this.#headLength;
    // Names and types: too short for a call into native code.
    if (stop - start > 64) bytes.copy(head, to, start, stop);
    else for (let i = start; i < stop; i++) head[to++] = bytes[i] as number;
    this.#headLength += stop - start;
  }

  #reserve(more: number): void {
    const needed = this.#headLength + more;
    if (needed <= this.#head.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#head.length));
    this.#head.copy(larger, 0, 0, this.#headLength);
    this.#head = larger;
  }
}

/** A varint in five bytes, whatever its value. */
function writeLength(into: Buffer, at: number, length: number): void {
  let rest = length;
  for (let i = 0; i < 4; i++) {
    into[at + i] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at + 4] = rest;
}
