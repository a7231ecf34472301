import { JournalError, JournalFailure, type JournalPlace } from "../journal-error.js";
import { type WriterOptions, type WriterState } from "./segment-writer.js";
import { type AppendReply } from "./writer.js";

/** Given to the writer's thread when it starts. */
export interface ThreadData {
  readonly options: WriterOptions;
  /** A module that exports `createStorage(data)`; the disk if absent. */
  readonly storageModule?: string;
  readonly storageData?: unknown;
}

/** Requests carry no number: the thread answers them one by one, in order. */
export type ThreadRequest =
  | { readonly kind: "open" }
  | { readonly kind: "append"; readonly epoch: number; readonly body: Uint8Array }
  | { readonly kind: "truncate"; readonly below: number }
  | { readonly kind: "close" };

export type ThreadReply =
  | { readonly kind: "opened"; readonly state: WriterState }
  | { readonly kind: "appended"; readonly reply: AppendReply }
  | { readonly kind: "truncated"; readonly firstIndex: number }
  | { readonly kind: "closed" }
  | { readonly kind: "error"; readonly error: PlainError };

/** An error as data: structured cloning keeps neither classes nor codes. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly kind?: JournalError["kind"];
  readonly place?: JournalPlace;
  readonly mustReach?: number;
  readonly cause?: PlainError;
}

export function toPlain(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack, cause } = error;
  const code: unknown = "code" in error ? error.code : undefined;
  return {
    name,
    message,
    ...(stack !== undefined && { stack }),
    ...(typeof code === "string" && { code }),
    ...(error instanceof JournalError && { kind: error.kind }),
    ...(error instanceof JournalError && error.place !== undefined && { place: error.place }),
    ...(error instanceof JournalError &&
      error.mustReach !== undefined && { mustReach: error.mustReach }),
    ...(cause !== undefined && { cause: toPlain(cause) }),
  };
}

export function fromPlain(plain: PlainError): Error {
  const error = revive(plain);
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}

function revive(plain: PlainError): Error {
  const cause = plain.cause === undefined ? undefined : fromPlain(plain.cause);
  if (plain.kind !== undefined) {
    const error =
      plain.kind === "failed"
        ? new JournalFailure("", { cause })
        : new JournalError(plain.kind, "", { cause });
    // The message already names the place.
    return Object.assign(error, {
      message: plain.message,
      place: plain.place,
      mustReach: plain.mustReach,
    });
  }
  const error = new Error(plain.message, cause === undefined ? undefined : { cause });
  error.name = plain.name;
  return plain.code === undefined ? error : Object.assign(error, { code: plain.code });
}
