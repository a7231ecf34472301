import { JournalError } from "../journal-error.js";

/** The format that this release writes, and the highest that it reads. */
export const FORMAT = 1;

/** Numbers of the fields of `JournalEntry`. */
export const EntryField = {
  format: 1,
  now: 2,
  wall: 3,
  events: 4,
  firstBlob: 5,
  blobLengths: 6,
  blobs: 7,
} as const;

/** Numbers of the arms of `EventRecord` that are written by hand. */
export const HotArm = {
  leaseGrantedV1: 1,
  taskSucceededV1: 2,
  tasksAddedV1: 3,
  jobSubmittedV1: 14,
  jobFinishedV1: 20,
} as const;

/** The highest arm of `EventRecord` that this release knows; there are no gaps below. */
export const lastArm = 28;

/** What follows a run is written as another: bounds what an estimate can be off by. */
export const runEventsMax = 1_024;

/** Written by a later release: this one must not guess what it means. */
export function newerFormat(what: string): JournalError {
  return new JournalError(
    "newer_format",
    `the journal was written by a later release of Capstan: ${what}; start that release or a later one`,
  );
}

/** The bytes are not what any release writes, though they are what was stored. */
export function malformed(what: string, cause?: unknown): JournalError {
  return new JournalError(
    "data_loss",
    `DATA_LOSS: an entry of the journal cannot be read: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
