/**
 * The bytes of a journal entry: protobuf of the internal package `capstan.journal.v1`, which
 * documents the format. What is frequent is written and read by hand, in columns; the rest goes
 * through the generated code. The two read each other's bytes.
 */
export { Blobs } from "./blobs.js";
export type { FinishedEntry } from "./entry-builder.js";
export { EntryBuilder } from "./entry-builder.js";
export type { DecodedEntry } from "./entry-decoder.js";
export { decodeEntry } from "./entry-decoder.js";
export { decodeJobSpec, decodeTaskKind, encodeJobSpec, encodeTaskKind } from "./spec-bytes.js";
export { weigh, weighOutputs, weighTasks } from "./weigh.js";
