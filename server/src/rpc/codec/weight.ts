import type { JobSpec, TaskDraft, TaskKind } from "../../core/index.js";
import { LimitExceededError } from "../errors.js";
import { limits } from "../limits.js";

/**
 * What a command weighs in the journal at the most: its events and bytes lie in one entry of a
 * bounded size, never split. A request can weigh more there than on the wire: a policy said once
 * holds for many kinds of tasks, and hosts are kept beside the inputs that name them. A test holds
 * this to what the journal says itself.
 */
const jobBytes = 512;
const stageBytes = 32;
const kindBytes = 128;
const resourceBytes = 16;
const textOverheadBytes = 8;

/** Adds up while a request is decoded. */
export class Weight {
  bytes: number;
  /** Hosts that were met; made when there is one. */
  #known: Set<string> | undefined;

  /** @param bytes what was added up before: of a job whose spec is known */
  constructor(bytes: number = jobBytes) {
    this.bytes = bytes;
  }

  /** Anew. @param bytes as the constructor's */
  begin(bytes: number): void {
    this.bytes = bytes;
    this.#known = undefined;
  }

  addTask({ bodyBytes, inputBytes, delayMs, recordCount, hosts }: TaskDraft): void {
    // Its length among the blobs and in the event, then two bytes for its kind and one for its hosts.
    let bytes = bodyBytes + 2 * numberBytes(bodyBytes) + numberBytes(inputBytes) + 3;
    bytes += numberBytes(delayMs) + numberBytes(recordCount);
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[i] as string;
      bytes += 3;
      const known = (this.#known ??= new Set());
      if (known.has(host)) continue;
      known.add(host);
      bytes += textBytes(host);
    }
    this.bytes += bytes;
  }

  /** A kind of tasks, which the journal spells out for each stage that names it. */
  addKind({ type, demand, constraints, policy }: TaskKind): void {
    let bytes = kindBytes + textBytes(type);
    for (const { name } of demand) bytes += resourceBytes + textBytes(name);
    for (const { label, value } of constraints) bytes += 8 + textBytes(label) + textBytes(value);
    for (const failureType of policy.retry.nonRetryable) bytes += textBytes(failureType);
    this.bytes += bytes;
  }

  /** A job without its tasks. */
  addSpec({ namespace, name, labels, trace, stages, source }: JobSpec): void {
    this.bytes += textBytes(namespace) + textBytes(name) + (source?.length ?? 0);
    this.bytes += trace.traceparent.length + trace.tracestate.length + trace.baggage.length;
    for (const label of labels) this.bytes += 8 + textBytes(label.name) + textBytes(label.value);
    for (const stage of stages) {
      this.bytes += stageBytes + textBytes(stage.name);
      this.addKind(stage.task);
      for (const dependency of stage.dependsOn) this.bytes += 16 + textBytes(dependency.stage);
    }
  }

  /** @throws LimitExceededError */
  check(field: string): void {
    if (this.bytes <= limits.entryBytes) return;
    throw new LimitExceededError(field, limits.entryBytes, this.bytes, "bytes as it is kept");
  }
}

function textBytes(text: string): number {
  const bytes = text.length < 32 ? 3 * text.length : Buffer.byteLength(text);
  return bytes + textOverheadBytes;
}

/** A number as a varint. */
function numberBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 8;
}
