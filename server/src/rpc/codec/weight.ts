import type { TaskDraft, TaskKind } from "../../core/index.js";
import { LimitExceededError } from "../errors.js";
import { limits } from "../limits.js";

/**
 * What a command weighs in the journal at the most: its events and bytes lie in one entry of a
 * bounded size, never split. A request can weigh more there than on the wire: a policy said once
 * holds for many kinds of tasks, and hosts are kept beside the inputs that name them.
 */
const taskBytes = 24;
const hostReferenceBytes = 2;
const textOverheadBytes = 4;
const kindBytes = 80;

/** Adds up while a request is decoded. */
export class Weight {
  bytes: number;
  readonly #hosts = new Set<string>();

  constructor(bytes = 0) {
    this.bytes = bytes;
  }

  addTask(draft: TaskDraft): void {
    this.bytes += draft.bodyBytes + taskBytes;
    const { hosts } = draft;
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[i] as string;
      this.bytes += hostReferenceBytes;
      if (this.#hosts.has(host)) continue;
      this.#hosts.add(host);
      this.bytes += Buffer.byteLength(host) + textOverheadBytes;
    }
  }

  /** @throws LimitExceededError */
  check(field: string): void {
    if (this.bytes <= limits.entryBytes) return;
    throw new LimitExceededError(field, limits.entryBytes, this.bytes, "bytes as it is kept");
  }

  addText(text: string): void {
    this.bytes += 3 * text.length + textOverheadBytes;
  }

  /** A kind of tasks, which the journal spells out wherever it is named. */
  addKind(kind: TaskKind): void {
    this.bytes += kindBytes;
    this.addText(kind.type);
    for (const { name } of kind.demand) {
      this.addText(name);
      this.bytes += 10;
    }
    for (const { label, value } of kind.constraints) {
      this.addText(label);
      this.bytes += Buffer.byteLength(value) + textOverheadBytes;
    }
    for (const type of kind.policy.retry.nonRetryable) {
      this.bytes += Buffer.byteLength(type) + textOverheadBytes;
    }
  }
}
