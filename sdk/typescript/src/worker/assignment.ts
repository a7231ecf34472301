import type { ResourceList } from "@capstan/proto/capstan/v1/common.js";
import type { Failure } from "@capstan/proto/capstan/v1/failure.js";
import { type AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import type { TokenPlace } from "./token.js";
import { viewOf } from "./token.js";

type Inputs = AssignedTask["inputs"];

const noInputs: Inputs = [];
const noNumbers: readonly number[] = [];
const noBytes = Buffer.alloc(0);

/**
 * A task as the master assigned it. Token and payload stay where they lie; what few tasks have is decoded
 * apart.
 */
export class Assignment implements TokenPlace {
  /** The bytes in which token and payload lie. */
  readonly view: DataView;
  /** Where the token begins, and its length. */
  at = 0;
  length = 0;
  payloadAt = 0;
  payloadBytes = 0;
  /** Index into the contexts of its message. */
  context = 0;
  index = 0;
  delivery = 0;
  attempt = 0;
  isLastAttempt = false;
  generation = 0;
  leaseRemainingMs: number | undefined;
  recordCount: number | undefined;
  ahead = false;
  /** The whole message, of a task that has more than the fields above. */
  whole: AssignedTask | undefined;

  constructor(view: DataView) {
    this.view = view;
  }

  /** Of a message that is decoded already. */
  static of(task: AssignedTask): Assignment {
    const { token, payload } = task;
    const assignment = new Assignment(viewOf(Buffer.concat([token, payload])));
    assignment.length = token.length;
    assignment.payloadAt = token.length;
    assignment.payloadBytes = payload.length;
    assignment.context = task.context;
    assignment.index = task.index;
    assignment.delivery = task.delivery;
    assignment.attempt = task.attempt;
    assignment.isLastAttempt = task.isLastAttempt;
    assignment.generation = task.generation;
    assignment.leaseRemainingMs = task.leaseRemainingMs;
    assignment.recordCount = task.recordCount;
    assignment.ahead = task.ahead;
    assignment.whole = task;
    return assignment;
  }

  /** Not a copy. */
  get payload(): Buffer {
    if (this.payloadBytes === 0) return noBytes;
    const { buffer, byteOffset } = this.view;
    return Buffer.from(buffer, byteOffset + this.payloadAt, this.payloadBytes);
  }

  get inputs(): Inputs {
    return this.whole?.inputs ?? noInputs;
  }

  get deadlineRemainingMs(): number | undefined {
    return this.whole?.deadlineRemainingMs;
  }

  get previousFailure(): Failure | undefined {
    return this.whole?.previousFailure;
  }

  get checkpoint(): Buffer {
    return this.whole?.checkpoint ?? noBytes;
  }

  get pendingRecords(): readonly number[] {
    return this.whole?.pendingRecords ?? noNumbers;
  }

  get speculative(): boolean {
    return this.whole?.speculative ?? false;
  }

  get demand(): ResourceList | undefined {
    return this.whole?.demand;
  }

  get attemptTimeoutMs(): number | undefined {
    return this.whole?.attemptTimeoutMs;
  }
}
