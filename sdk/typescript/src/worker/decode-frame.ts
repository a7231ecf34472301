import { Outcome } from "@capstan/proto/capstan/v1/failure.js";
import { AssignedTask, MasterMessage } from "@capstan/proto/capstan/v1/session.js";
import { Assignment } from "./assignment.js";
import { FrameReader } from "./frame-reader.js";
import type { ContextReader, StageContext } from "./stage-contexts.js";
import { viewOf } from "./token.js";

/**
 * Frames of the master, read by hand where they are many: assignments and settlements of tens of thousands
 * of small tasks a second. Whatever is not among the fields known here goes through the generated code, so
 * that the outcome is the same.
 */

/** Tasks that are given to the worker. */
export interface AssignFrame {
  readonly kind: "assign";
  readonly sequence: number;
  readonly contexts: readonly StageContext[];
  readonly tasks: readonly Assignment[];
}

/** Leases whose end is durable: where their tokens lie in the frame, and what became of each. */
export interface SettledFrame {
  readonly kind: "settled";
  readonly view: DataView;
  /** Where each token begins, and how long it is: two numbers a lease. */
  readonly tokens: readonly number[];
  readonly outcomes: readonly (Outcome | undefined)[];
}

/** Anything else that a master says. */
export interface OtherFrame {
  readonly kind: "other";
  readonly message: MasterMessage;
}

export type MasterSays = AssignFrame | SettledFrame | OtherFrame;

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

/**
 * Tasks are copied out of their frame in blocks of about this size, so that a small one that runs for long
 * keeps a block in memory and not its whole frame. Bytes.
 */
const blockBytes = 16 * 1_024;

// Outcome{succeeded{}} as the master writes it: an arm of no length.
const plainSuccess = Buffer.from([(1 << 3) | 2, 0]);
/** What becomes of most leases: one object for all of them. */
export const succeeded = Outcome.decode(plainSuccess);

/**
 * The messages of a frame, in order.
 * @throws Error when the bytes are no frame
 */
export function decodeFrame(frame: Buffer, contexts: ContextReader): MasterSays[] {
  const messages: MasterSays[] = [];
  const reader = new FrameReader(frame);
  while (reader.next(frame.length)) {
    // FRAME-3: what later versions add is passed over.
    if (reader.tag !== messagesTag) continue;
    const { start, stop, at } = reader;
    messages.push(decodeMessage(reader, start, stop, contexts));
    reader.at = at;
  }
  return messages;
}

function decodeMessage(
  reader: FrameReader,
  start: number,
  stop: number,
  contexts: ContextReader,
): MasterSays {
  const { frame } = reader;
  reader.at = start;
  // A message is one arm; more than that is for the generated code to sort out.
  if (start < stop && reader.next(stop) && reader.at === stop) {
    const { start: from, stop: to } = reader;
    if (reader.tag === assignTag) return decodeAssign(reader, from, to, contexts);
    if (reader.tag === settledTag) return decodeSettled(reader, from, to);
  }
  return fromMessage(MasterMessage.decode(frame.subarray(start, stop)));
}

/** A message that the generated code has read, as what is done with it. */
export function fromMessage(message: MasterMessage): MasterSays {
  const arm = message.message;
  if (arm?.$case === "assign") {
    const { sequence, contexts, tasks } = arm.value;
    return {
      kind: "assign",
      sequence,
      contexts: contexts.map(({ jobId, ...shared }) => ({ jobId, shared })),
      tasks: tasks.map((assigned) => Assignment.of(assigned)),
    };
  }
  if (arm?.$case === "settled") {
    const { settlements } = arm.value;
    const tokens: number[] = [];
    let at = 0;
    for (const { token } of settlements) {
      tokens.push(at, token.length);
      at += token.length;
    }
    return {
      kind: "settled",
      view: viewOf(Buffer.concat(settlements.map(({ token }) => token))),
      tokens,
      outcomes: settlements.map(({ outcome }) => outcome),
    };
  }
  return { kind: "other", message };
}

function decodeAssign(
  reader: FrameReader,
  from: number,
  to: number,
  reads: ContextReader,
): AssignFrame {
  let sequence = 0;
  const contexts: StageContext[] = [];
  const blocks = new Blocks(reader.frame, to);
  const tasks: Assignment[] = [];
  reader.at = from;
  while (reader.next(to)) {
    const { start, stop, at } = reader;
    if (reader.tag === assign.tasks) {
      tasks.push(decodeTask(reader, start, stop, blocks));
      reader.at = at;
    } else if (reader.tag === assign.contexts) {
      contexts.push(reads.read(reader, start, stop));
      reader.at = at;
    } else if (reader.tag === assign.sequence) {
      sequence = reader.value;
    }
  }
  return { kind: "assign", sequence, contexts, tasks };
}

/** Copies of stretches of a frame, one after the other. */
class Blocks {
  readonly #frame: Buffer;
  readonly #end: number;
  /** The block at hand is bytes [start, stop) of the frame. */
  start = 0;
  #stop = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(frame: Buffer, end: number) {
    this.#frame = frame;
    this.#end = end;
  }

  /** The block in which bytes [start, stop) of the frame lie; it begins at `start` in the frame. */
  at(start: number, stop: number): DataView {
    if (stop > this.#stop || start < this.start) {
      this.start = start;
      this.#stop = Math.max(stop, Math.min(start + blockBytes, this.#end));
      const { buffer, byteOffset } = this.#frame;
      const from = byteOffset + start;
      this.#view = new DataView(buffer.slice(from, byteOffset + this.#stop));
    }
    return this.#view;
  }
}

function decodeTask(reader: FrameReader, from: number, to: number, blocks: Blocks): Assignment {
  const decoded = new Assignment(blocks.at(from, to));
  const shift = blocks.start;
  let isWhole = true;
  reader.at = from;
  while (reader.next(to)) {
    switch (reader.tag) {
      case task.token:
        decoded.at = reader.start - shift;
        decoded.length = reader.stop - reader.start;
        break;
      case task.payload:
        decoded.payloadAt = reader.start - shift;
        decoded.payloadBytes = reader.stop - reader.start;
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
        decoded.isLastAttempt = reader.isTrue;
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
        decoded.ahead = reader.isTrue;
        break;
      default:
        isWhole = false;
    }
  }
  if (!isWhole) decoded.whole = AssignedTask.decode(reader.frame.subarray(from, to));
  return decoded;
}

function decodeSettled(reader: FrameReader, from: number, to: number): SettledFrame {
  const tokens: number[] = [];
  const outcomes: (Outcome | undefined)[] = [];
  reader.at = from;
  while (reader.next(to)) {
    if (reader.tag !== settlementsTag) continue;
    const { start, stop, at } = reader;
    decodeSettlement(reader, start, stop, tokens, outcomes);
    reader.at = at;
  }
  return { kind: "settled", view: viewOf(reader.frame), tokens, outcomes };
}

function decodeSettlement(
  reader: FrameReader,
  from: number,
  to: number,
  tokens: number[],
  outcomes: (Outcome | undefined)[],
): void {
  let tokenAt = from;
  let length = 0;
  let outcome: Outcome | undefined;
  reader.at = from;
  while (reader.next(to)) {
    const { start, stop } = reader;
    if (reader.tag === settlement.token) {
      tokenAt = start;
      length = stop - start;
    } else if (reader.tag === settlement.outcome) {
      outcome = decodeOutcome(reader.frame, start, stop);
    }
  }
  tokens.push(tokenAt, length);
  outcomes.push(outcome);
}

function decodeOutcome(frame: Buffer, start: number, stop: number): Outcome {
  const isPlain = stop - start === 2 && frame[start] === plainSuccess[0] && frame[start + 1] === 0;
  return isPlain ? succeeded : Outcome.decode(frame.subarray(start, stop));
}
