import type { PartitionRef } from "@capstan/proto/capstan/v1/common.js";
import { PartitionRef as PartitionRefs } from "@capstan/proto/capstan/v1/common.js";
import type {
  Credit,
  Disposition,
  Failed,
  Progress,
  Received,
  Register,
  Resources,
  Returned,
  WorkerMessage,
  WorkerPing,
} from "@capstan/proto/capstan/v1/session.js";
import * as wire from "@capstan/proto/capstan/v1/session.js";
import type { LeaseToken } from "../../core/index.js";
import { decodeToken } from "../token.js";
import { FieldCursor } from "../wire/field-cursor.js";

/** One partition of a result: what it is, and its bytes as they came, which are kept as they are. */
export interface IncomingOutput {
  readonly partition: number;
  readonly encoded: Uint8Array;
  readonly inlineBytes: number;
  readonly ref: PartitionRef | undefined;
}

/** A token, or the bytes that are none. */
export type IncomingToken = LeaseToken | Uint8Array;

/** A Completed, with its outputs not unpacked: they go into the journal as they came. */
export interface IncomingResult {
  readonly kind: "completed";
  readonly token: IncomingToken;
  readonly outputs: readonly IncomingOutput[];
  /** All of them, as encoded. */
  readonly outputsBytes: number;
  readonly recordCount: number | undefined;
  readonly failedRecords: number;
}

/** One message of a worker, decoded. Those that the master does not know are left out. */
export type Incoming =
  | { readonly kind: "register"; readonly value: Register }
  | { readonly kind: "credit"; readonly value: Credit }
  | { readonly kind: "received"; readonly value: Received }
  | { readonly kind: "started"; readonly tokens: readonly IncomingToken[] }
  | { readonly kind: "progress"; readonly value: Progress }
  | IncomingResult
  | { readonly kind: "failed"; readonly value: Failed }
  | { readonly kind: "disposition"; readonly value: Disposition }
  | { readonly kind: "returned"; readonly value: Returned }
  | { readonly kind: "resources"; readonly value: Resources }
  | { readonly kind: "draining" }
  | { readonly kind: "ping"; readonly value: WorkerPing };

type Arm = NonNullable<WorkerMessage["message"]>["$case"];

/** Takes apart the message that lies at [start, stop). */
type Decode = (bytes: Uint8Array, start: number, stop: number) => Incoming;

/** An arm that comes seldom: by the generated code. */
function rare<T>(type: { decode(bytes: Uint8Array): T }, make: (value: T) => Incoming): Decode {
  return (bytes, start, stop) => make(type.decode(bytes.subarray(start, stop)));
}

// By name, with the number of its field. An arm of WorkerMessage without its row does not compile.
const decoders = {
  register: [1, rare(wire.Register, (value) => ({ kind: "register", value }))],
  credit: [2, rare(wire.Credit, (value) => ({ kind: "credit", value }))],
  received: [3, rare(wire.Received, (value) => ({ kind: "received", value }))],
  started: [4, readStarted],
  progress: [5, rare(wire.Progress, (value) => ({ kind: "progress", value }))],
  completed: [6, readCompleted],
  failed: [7, rare(wire.Failed, (value) => ({ kind: "failed", value }))],
  disposition: [8, rare(wire.Disposition, (value) => ({ kind: "disposition", value }))],
  returned: [9, rare(wire.Returned, (value) => ({ kind: "returned", value }))],
  resources: [10, rare(wire.Resources, (value) => ({ kind: "resources", value }))],
  draining: [11, rare(wire.Draining, () => ({ kind: "draining" }))],
  ping: [12, rare(wire.WorkerPing, (value) => ({ kind: "ping", value }))],
} as const satisfies Record<Arm, readonly [number, Decode]>;

const decodeByField: readonly (Decode | undefined)[] = (() => {
  const rows: (Decode | undefined)[] = [];
  for (const [field, decode] of Object.values(decoders)) rows[field] = decode;
  return rows;
})();

/**
 * Takes a frame apart, whole or not at all.
 *
 * @returns its messages in order, without those whose arm is not known
 * @throws Error when the bytes are no frame
 */
export function readFrame(frame: Uint8Array): readonly Incoming[] {
  const messages: Incoming[] = [];
  const fields = new FieldCursor(frame).reset(frame, 0, frame.length);
  const arms = new FieldCursor(frame);
  while (fields.next()) {
    if (fields.field !== 1 || !fields.isBytes) continue;
    arms.reset(frame, fields.start, fields.stop);
    // Of several arms in one message the last holds, as for every oneof.
    let decode: Decode | undefined;
    let start = 0;
    let stop = 0;
    while (arms.next()) {
      const known = decodeByField[arms.field];
      if (known === undefined || !arms.isBytes) continue;
      decode = known;
      ({ start, stop } = arms);
    }
    if (decode !== undefined) messages.push(decode(frame, start, stop));
  }
  return messages;
}

function readStarted(bytes: Uint8Array, start: number, stop: number): Incoming {
  const fields = new FieldCursor(bytes).reset(bytes, start, stop);
  const tokens: IncomingToken[] = [];
  while (fields.next()) {
    if (fields.field === 1 && fields.isBytes) tokens.push(tokenOf(bytes, fields));
  }
  return { kind: "started", tokens };
}

function tokenOf(bytes: Uint8Array, fields: FieldCursor): IncomingToken {
  return decodeToken(bytes, fields.start, fields.stop) ?? fields.content;
}

const noBytes = new Uint8Array(0);
const noOutputs: readonly IncomingOutput[] = [];

function readCompleted(bytes: Uint8Array, start: number, stop: number): Incoming {
  const fields = new FieldCursor(bytes).reset(bytes, start, stop);
  let token: IncomingToken = noBytes;
  let listed: IncomingOutput[] | undefined;
  let outputsBytes = 0;
  let recordCount: number | undefined;
  let failedRecords = 0;
  while (fields.next()) {
    if (!fields.isBytes) {
      if (fields.field === 3 && fields.isNumber) recordCount = fields.value;
    } else if (fields.field === 1) {
      token = tokenOf(bytes, fields);
    } else if (fields.field === 2) {
      (listed ??= []).push(readOutput(bytes, fields.start, fields.stop));
      outputsBytes += fields.stop - fields.start;
    } else if (fields.field === 4) {
      failedRecords += 1;
    }
  }
  const outputs = listed ?? noOutputs;
  return { kind: "completed", token, outputs, outputsBytes, recordCount, failedRecords };
}

function readOutput(bytes: Uint8Array, start: number, stop: number): IncomingOutput {
  const fields = new FieldCursor(bytes).reset(bytes, start, stop);
  let partition = 0;
  let inlineBytes = 0;
  let ref: PartitionRef | undefined;
  while (fields.next()) {
    if (fields.field === 1 && fields.isNumber) {
      partition = fields.value;
    } else if (fields.field === 2 && fields.isBytes) {
      inlineBytes = fields.stop - fields.start;
      ref = undefined;
    } else if (fields.field === 3 && fields.isBytes) {
      inlineBytes = 0;
      ref = PartitionRefs.decode(fields.content);
    }
  }
  return { partition, encoded: bytes.subarray(start, stop), inlineBytes, ref };
}
