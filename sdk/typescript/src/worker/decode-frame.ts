import { Outcome } from "@capstan/proto/capstan/v1/failure.js";
import {
  AssignContext,
  AssignedTask,
  MasterMessage,
  type Assign,
  type Settlement,
} from "@capstan/proto/capstan/v1/session.js";

/**
 * Frames of the master, read by hand where they are many: assignments and settlements of tens of thousands
 * of small tasks a second. Whatever is not among the fields known here goes through the generated code, so
 * that the outcome is the same.
 */

// PullTasksResponse.messages, and the arms of MasterMessage that are read by hand.
const messagesTag = (1 << 3) | 2;
const assignTag = (2 << 3) | 2;
const settledTag = (3 << 3) | 2;

const assign = { sequence: 1 << 3, contexts: (2 << 3) | 2, tasks: (3 << 3) | 2 } as const;
const settlement = { token: (1 << 3) | 2, outcome: (2 << 3) | 2 } as const;
const settlementsTag = (1 << 3) | 2;
const task = {
  token: (1 << 3) | 2,
  payload: (2 << 3) | 2,
  context: 3 << 3,
  index: 4 << 3,
  delivery: 5 << 3,
  attempt: 6 << 3,
  isLastAttempt: 7 << 3,
  generation: 8 << 3,
  leaseRemainingMs: 10 << 3,
  recordCount: 15 << 3,
  ahead: 16 << 3,
} as const;

const noBytes = Buffer.alloc(0);

// Outcome{succeeded{}} as the master writes it: an arm of no length.
const plainSuccess = Buffer.from([(1 << 3) | 2, 0]);
const succeeded = Outcome.decode(plainSuccess);

/**
 * The messages of a frame, in order. What a task carries is a copy, so that a small task that runs for long
 * does not keep its frame in memory.
 * @throws Error when the bytes are no frame
 */
export function decodeFrame(frame: Buffer): MasterMessage[] {
  const messages: MasterMessage[] = [];
  const reader = new Reader(frame);
  while (reader.next(frame.length)) {
    // FRAME-3: what later versions add is passed over.
    if (reader.tag !== messagesTag) continue;
    const { start, stop, at } = reader;
    messages.push(decodeMessage(reader, start, stop));
    reader.at = at;
  }
  return messages;
}

function decodeMessage(reader: Reader, start: number, stop: number): MasterMessage {
  const { frame } = reader;
  reader.at = start;
  // A message is one arm; more than that is for the generated code to sort out.
  if (start < stop && reader.next(stop) && reader.at === stop) {
    const { start: from, stop: to } = reader;
    if (reader.tag === assignTag) {
      return { message: { $case: "assign", value: decodeAssign(reader, from, to) } };
    }
    if (reader.tag === settledTag) {
      const settlements = decodeSettlements(reader, from, to);
      return { message: { $case: "settled", value: { settlements } } };
    }
  }
  return MasterMessage.decode(frame.subarray(start, stop));
}

function decodeAssign(reader: Reader, from: number, to: number): Assign {
  const decoded: Assign = { sequence: 0, contexts: [], tasks: [] };
  reader.at = from;
  while (reader.next(to)) {
    const { start, stop, at } = reader;
    if (reader.tag === assign.tasks) {
      decoded.tasks.push(decodeTask(reader, start, stop));
      reader.at = at;
    } else if (reader.tag === assign.contexts) {
      decoded.contexts.push(AssignContext.decode(reader.frame.subarray(start, stop)));
    } else if (reader.tag === assign.sequence) {
      decoded.sequence = reader.value;
    }
  }
  return decoded;
}

function decodeTask(reader: Reader, from: number, to: number): AssignedTask {
  const { frame } = reader;
  // One copy of the whole, of which token and payload are views.
  const own = Buffer.allocUnsafe(to - from);
  frame.copy(own, 0, from, to);
  const decoded = emptyTask();
  reader.at = from;
  while (reader.next(to)) {
    switch (reader.tag) {
      case task.token:
        decoded.token = own.subarray(reader.start - from, reader.stop - from);
        break;
      case task.payload:
        decoded.payload = own.subarray(reader.start - from, reader.stop - from);
        break;
      case task.context:
        decoded.context = reader.value;
        break;
      case task.index:
        decoded.index = reader.value;
        break;
      case task.delivery:
        decoded.delivery = reader.value;
        break;
      case task.attempt:
        decoded.attempt = reader.value;
        break;
      case task.isLastAttempt:
        decoded.isLastAttempt = reader.value !== 0;
        break;
      case task.generation:
        decoded.generation = reader.value;
        break;
      case task.leaseRemainingMs:
        decoded.leaseRemainingMs = reader.value;
        break;
      case task.recordCount:
        decoded.recordCount = reader.value;
        break;
      case task.ahead:
        decoded.ahead = reader.value !== 0;
        break;
      default:
        return AssignedTask.decode(own);
    }
  }
  return decoded;
}

function emptyTask(): AssignedTask {
  return {
    token: noBytes,
    payload: noBytes,
    context: 0,
    index: 0,
    delivery: 0,
    attempt: 0,
    isLastAttempt: false,
    generation: 0,
    inputs: [],
    leaseRemainingMs: undefined,
    deadlineRemainingMs: undefined,
    previousFailure: undefined,
    checkpoint: noBytes,
    pendingRecords: [],
    recordCount: undefined,
    ahead: false,
    speculative: false,
    demand: undefined,
    attemptTimeoutMs: undefined,
  };
}

function decodeSettlements(reader: Reader, from: number, to: number): Settlement[] {
  const settlements: Settlement[] = [];
  reader.at = from;
  while (reader.next(to)) {
    if (reader.tag !== settlementsTag) continue;
    const { start, stop, at } = reader;
    settlements.push(decodeSettlement(reader, start, stop));
    reader.at = at;
  }
  return settlements;
}

function decodeSettlement(reader: Reader, from: number, to: number): Settlement {
  const { frame } = reader;
  const decoded: Settlement = { token: noBytes, outcome: undefined };
  reader.at = from;
  while (reader.next(to)) {
    const { start, stop } = reader;
    if (reader.tag === settlement.token) decoded.token = frame.subarray(start, stop);
    else if (reader.tag === settlement.outcome) decoded.outcome = decodeOutcome(frame, start, stop);
  }
  return decoded;
}

function decodeOutcome(frame: Buffer, start: number, stop: number): Outcome {
  const isPlain = stop - start === 2 && frame[start] === plainSuccess[0] && frame[start + 1] === 0;
  return isPlain ? succeeded : Outcome.decode(frame.subarray(start, stop));
}

/** Goes through the fields of messages without building anything. */
class Reader {
  readonly frame: Buffer;
  /** Where the next field begins. */
  at = 0;
  /** Number and wire type of the field at hand, as they were written. */
  tag = 0;
  /** Of a varint its low 32 bits. */
  value = 0;
  /** Of a field with a length: where its content lies. */
  start = 0;
  stop = 0;

  constructor(frame: Buffer) {
    this.frame = frame;
  }

  /**
   * Goes to the next field of the message that ends there.
   * @returns false at its end
   * @throws RangeError when the bytes are no message
   */
  next(end: number): boolean {
    if (this.at >= end) return false;
    this.tag = this.#varint(end);
    if (this.tag < 8) throw new RangeError("a field has number 0");
    switch (this.tag & 7) {
      case 0:
        this.value = this.#varint(end);
        break;
      case 1:
        this.at += 8;
        break;
      case 2: {
        const length = this.#varint(end);
        this.start = this.at;
        this.at += length;
        this.stop = this.at;
        break;
      }
      case 5:
        this.at += 4;
        break;
      default:
        throw new RangeError("a field has a wire type that is not known");
    }
    if (this.at > end) throw new RangeError("a field ends beyond its message");
    return true;
  }

  #varint(end: number): number {
    const { frame } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new RangeError("a message ends within a field");
      const byte = frame[this.at++] as number;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("a varint is longer than ten bytes");
  }
}
