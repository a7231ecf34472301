import { crc32 } from "node:zlib";
import { type JournalPlace, dataLoss, JournalError } from "../journal-error.js";
import type { SnapshotInfo } from "../snapshot-store.js";
import { JOURNAL_ID_BYTES } from "./format.js";

/**
 * The bytes around the contents of a snapshot's file, as docs/journal-format.md has them in tables. A published
 * version is never edited, only superseded.
 */
export const SNAPSHOT_VERSION = 1;
export const SNAPSHOT_HEADER_BYTES = 96;
export const SNAPSHOT_TRAILER_BYTES = 64;
export const SNAPSHOT_SUFFIX = ".snapshot";
/** While it is being written. What a crash leaves of it is removed. */
export const UNFINISHED_SUFFIX = ".snapshot.new";

const MAGIC = Buffer.from("CAPSTANS", "latin1");
const END_MAGIC = Buffer.from("SNAPSEND", "latin1");
const NAME_DIGITS = 16;
const NAME = new RegExp(`^(\\d{${String(NAME_DIGITS)}})\\${SNAPSHOT_SUFFIX}$`);

export function snapshotName(index: number): string {
  return `${String(index).padStart(NAME_DIGITS, "0")}${SNAPSHOT_SUFFIX}`;
}

/** The index that a snapshot's file is named for; undefined: it is none. */
export function parseSnapshotName(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export interface SnapshotHeader {
  /** 32 hex digits. */
  readonly journalId: string;
  readonly index: number;
  readonly formatVersion: number;
}

export function encodeSnapshotHeader(header: SnapshotHeader): Buffer {
  const bytes = Buffer.alloc(SNAPSHOT_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(SNAPSHOT_VERSION, 8);
  bytes.writeUInt32LE(SNAPSHOT_HEADER_BYTES, 12);
  Buffer.from(header.journalId, "hex").copy(bytes, 16);
  bytes.writeBigUInt64LE(BigInt(header.index), 32);
  bytes.writeUInt32LE(header.formatVersion, 40);
  // 44..92 are zero, for later versions.
  sealLast(bytes);
  return bytes;
}

export function encodeSnapshotTrailer(contents: {
  readonly bytes: number;
  readonly sha256: Buffer;
}): Buffer {
  const bytes = Buffer.alloc(SNAPSHOT_TRAILER_BYTES);
  END_MAGIC.copy(bytes, 0);
  bytes.writeBigUInt64LE(BigInt(contents.bytes), 8);
  contents.sha256.copy(bytes, 16);
  // 48..60 are zero, for later versions.
  sealLast(bytes);
  return bytes;
}

/** @throws JournalError `data_loss`, or `newer_format` */
export function decodeSnapshotHeader(bytes: Buffer, segment: string): SnapshotHeader {
  const place = { segment, offset: 0 };
  if (bytes.length < SNAPSHOT_HEADER_BYTES) throw dataLoss("the snapshot is cut short", place);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw dataLoss("the snapshot has a wrong magic", place);
  }
  checkSeal(bytes.subarray(0, SNAPSHOT_HEADER_BYTES), "the snapshot's header", place);
  const version = bytes.readUInt32LE(8);
  if (version > SNAPSHOT_VERSION) throw newerSnapshot(version, SNAPSHOT_VERSION, place);
  return {
    journalId: bytes.subarray(16, 16 + JOURNAL_ID_BYTES).toString("hex"),
    index: Number(bytes.readBigUInt64LE(32)),
    formatVersion: bytes.readUInt32LE(40),
  };
}

/**
 * @param offset where the trailer stands in the file
 * @throws JournalError `data_loss`
 */
export function decodeSnapshotTrailer(
  bytes: Buffer,
  segment: string,
  offset: number,
): Pick<SnapshotInfo, "bytes" | "sha256"> {
  const place = { segment, offset };
  const isWhole = bytes.length === SNAPSHOT_TRAILER_BYTES;
  if (!isWhole || !bytes.subarray(0, END_MAGIC.length).equals(END_MAGIC)) {
    throw dataLoss("the snapshot has no end", place);
  }
  checkSeal(bytes, "the snapshot's end", place);
  const length = Number(bytes.readBigUInt64LE(8));
  if (length !== offset - SNAPSHOT_HEADER_BYTES) {
    throw dataLoss(`the snapshot should have ${String(length)} bytes of contents`, place);
  }
  return { bytes: length, sha256: bytes.subarray(16, 48).toString("hex") };
}

export function newerSnapshot(version: number, known: number, place: JournalPlace): JournalError {
  const message =
    `the snapshot has format ${String(version)}, written by a later release; this one reads up to ` +
    `format ${String(known)}: start that release, or a later one`;
  return new JournalError("newer_format", message, { place });
}

/** Every version has the checksum of header and trailer in their last four bytes. */
function sealLast(bytes: Buffer): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, bytes.length - 4)), bytes.length - 4);
}

function checkSeal(bytes: Buffer, what: string, place: JournalPlace): void {
  const sum = bytes.readUInt32LE(bytes.length - 4);
  if (crc32(bytes.subarray(0, bytes.length - 4)) !== sum) {
    throw dataLoss(`${what} fails its checksum`, place);
  }
}
