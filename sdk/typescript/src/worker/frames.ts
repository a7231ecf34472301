import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { PartitionOutput } from "@capstan/proto/capstan/v1/common.js";
import type { FailedRecord, Failure } from "@capstan/proto/capstan/v1/failure.js";
import { ReturnReason, WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import { bytesOf, copyToken, tokenBytes, type TokenPlace } from "./token.js";

/**
 * What a worker says, as bytes. An entry is one WorkerMessage as it stands in a PullTasksRequest: key, length
 * and content; a frame is any number of entries. So a report is encoded once, kept until it is settled, and
 * sent again as it is.
 */
export type Entry = Uint8Array;

/** The largest frame. Bytes. FRAME-2 of the protocol. */
export const maxFrameBytes = 1_048_576;

/** The largest output of a task, all partitions together. Bytes. RESULT-6 of the protocol. */
export const maxOutputBytes = 262_144;

/** The largest failures and records of a report together. Bytes. RESULT-6 of the protocol. */
export const maxFailureBytes = 131_072;

/** One message as an entry. */
export function entryOf(message: NonNullable<WorkerMessage["message"]>): Entry {
  const writer = new BinaryWriter();
  return WorkerMessage.encode({ message }, writer.uint32(0x0a).fork()).join().finish();
}

/**
 * The entry of any lease that ended well and put out nothing: it differs in its token alone, so that it is
 * written when it is sent, by `writeCompleted`. Never sent itself.
 */
export const emptyCompleted: Entry = new Uint8Array(0);

// WorkerMessage.completed = 6, Completed.token = 1.
const completedHead = [0x0a, 36, 0x32, 34, 0x0a, 32];

/** What an `emptyCompleted` takes in a frame. */
export const emptyCompletedBytes = completedHead.length + tokenBytes;

/** Writes an `emptyCompleted` for a token of 32 bytes. */
export function writeCompleted(token: TokenPlace, into: DataView, at: number): void {
  for (let i = 0; i < completedHead.length; i++) into.setUint8(at + i, completedHead[i] as number);
  copyToken(token, into, at + completedHead.length);
}

/** A lease that ended well. */
export function completedEntry(
  token: TokenPlace,
  outputs: PartitionOutput[],
  recordCount: number | undefined,
  failedRecords: FailedRecord[],
): Entry {
  const isEmpty = outputs.length === 0 && failedRecords.length === 0 && recordCount === undefined;
  if (isEmpty && token.length === tokenBytes) return emptyCompleted;
  const value = { token: bytesOf(token), outputs, recordCount, failedRecords };
  return entryOf({ $case: "completed", value });
}

/** A lease that failed. */
export function failedEntry(token: Buffer, failure: Failure): Entry {
  return entryOf({ $case: "failed", value: { token, failure } });
}

/** Why leases go back, by its word. */
export const returnReasons = {
  recalled: ReturnReason.RETURN_REASON_RECALLED,
  drained: ReturnReason.RETURN_REASON_DRAINED,
  over_delivered: ReturnReason.RETURN_REASON_OVER_DELIVERED,
  cancelled: ReturnReason.RETURN_REASON_CANCELLED,
} as const;

/** See {@link returnReasons}. */
export type ReturnWord = keyof typeof returnReasons;

/** A lease that is given back. */
export function returnedEntry(token: Buffer, why: ReturnWord): Entry {
  return entryOf({ $case: "returned", value: { reason: returnReasons[why], tokens: [token] } });
}

/** How far a lease is. */
export function progressEntry(
  token: Buffer,
  told: {
    readonly fraction: number | undefined;
    readonly note: string;
    readonly checkpoint: Uint8Array | undefined;
  },
): Entry {
  const checkpoint = told.checkpoint as Buffer | undefined;
  const { fraction, note } = told;
  return entryOf({ $case: "progress", value: { token, fraction, note, checkpoint } });
}
