import { createHash, hash } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * The bytes of a segment file, as docs/journal-format.md has them in tables: a header, then frames.
 * All numbers are little endian. A published version is never edited, only superseded.
 */
export const FORMAT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 96;
export const FRAME_HEADER_BYTES = 64;
export const JOURNAL_ID_BYTES = 16;
/** Where it stands in the header of a segment. */
export const JOURNAL_ID_OFFSET = 16;
/** File names end so; whatever else lies in the folder is not the journal's. */
export const SEGMENT_SUFFIX = ".segment";

// Any version keeps magic, version, header length, and a checksum in the header's last four bytes, so
// that "newer" can be told from "damaged" for ever.
const MAGIC = Buffer.from("CAPSTANJ", "latin1");
const NAME_DIGITS = 16;
const HEADER_BYTES_MAX = 4096;

export interface SegmentHeader {
  /** 16 bytes, drawn once when the journal is created. */
  readonly journalId: Buffer;
  readonly firstIndex: number;
  /** Of the entry before the first one; 0 if there was none. */
  readonly previousEpoch: number;
  /** Hash of the entry before the first one; {@link genesisHash} if there was none. */
  readonly previousHash: Buffer;
}

export type DecodedSegmentHeader =
  | { readonly kind: "whole"; readonly header: SegmentHeader }
  | { readonly kind: "newer"; readonly version: number }
  | { readonly kind: "damaged"; readonly reason: string };

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(SEGMENT_HEADER_BYTES, 12);
  header.journalId.copy(bytes, JOURNAL_ID_OFFSET);
  writeUint64(bytes, header.firstIndex, 32);
  writeUint64(bytes, header.previousEpoch, 40);
  header.previousHash.copy(bytes, 48);
  // 80..92 are zero, for later versions.
  bytes.writeUInt32LE(crc32(bytes.subarray(0, SEGMENT_HEADER_BYTES - 4)), SEGMENT_HEADER_BYTES - 4);
  return bytes;
}

/** @param bytes what the file starts with; shorter than a header if the file is */
export function decodeSegmentHeader(bytes: Buffer): DecodedSegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES) return damaged("the segment header is cut short");
  if (!bytes.subarray(0, 8).equals(MAGIC)) return damaged("the segment header has a wrong magic");
  const version = bytes.readUInt32LE(8);
  const headerBytes = bytes.readUInt32LE(12);
  const plausible = headerBytes >= SEGMENT_HEADER_BYTES && headerBytes <= HEADER_BYTES_MAX;
  if (!plausible || headerBytes > bytes.length) {
    return damaged("the segment header has an impossible length");
  }
  if (crc32(bytes.subarray(0, headerBytes - 4)) !== bytes.readUInt32LE(headerBytes - 4)) {
    return damaged("the segment header fails its checksum");
  }
  if (version > FORMAT_VERSION) return { kind: "newer", version };
  const firstIndex = readUint64(bytes, 32);
  const previousEpoch = readUint64(bytes, 40);
  if (version < 1 || !(firstIndex >= 1) || !(previousEpoch >= 0)) {
    return damaged("the segment header has impossible values");
  }
  return {
    kind: "whole",
    header: {
      journalId: Buffer.from(bytes.subarray(16, 32)),
      firstIndex,
      previousEpoch,
      previousHash: Buffer.from(bytes.subarray(48, 80)),
    },
  };
}

/** As many bytes as must be read to decode the header of any version. */
export const SEGMENT_HEADER_READ_BYTES = HEADER_BYTES_MAX;

function damaged(reason: string): DecodedSegmentHeader {
  return { kind: "damaged", reason };
}

/** Sixteen digits hold every safe integer, and names sort as their numbers do. */
export function segmentName(firstIndex: number): string {
  return String(firstIndex).padStart(NAME_DIGITS, "0") + SEGMENT_SUFFIX;
}

/** The first index that a name states, or undefined if no segment of ours is called so. */
export function parseSegmentName(name: string): number | undefined {
  const match = /^(\d{16})\.segment$/.exec(name);
  const firstIndex = Number(match?.[1] ?? 0);
  return firstIndex >= 1 && Number.isSafeInteger(firstIndex) ? firstIndex : undefined;
}

/** What the first entry of a journal names as the hash before it: no entry of another journal fits. */
export function genesisHash(journalId: Uint8Array): Buffer {
  return createHash("sha256").update("capstan.journal.v1\0").update(journalId).digest();
}

/**
 * Checksums of frames start from the journal's id. So a frame of another journal does not pass, and
 * nobody can put bytes into a payload that would pass for a frame without knowing the id.
 */
export function checksumSeed(journalId: Uint8Array): number {
  return crc32(journalId);
}

export interface Frame {
  readonly epoch: number;
  readonly index: number;
  readonly previousHash: Buffer;
}

/**
 * The frame's header, to be written before the body. It has a checksum of its own, so that its length
 * can be trusted when the body is damaged: that tells an unfinished write from damage.
 */
export function encodeFrameHeader(frame: Frame, body: Uint8Array, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  bytes.writeUInt32LE(body.length, 0);
  bytes.writeUInt32LE(checksum(body, seed), 4);
  // 12..16 are zero, for later versions.
  bytes.writeUInt32LE(0, 12);
  writeUint64(bytes, frame.epoch, 16);
  writeUint64(bytes, frame.index, 24);
  frame.previousHash.copy(bytes, 32);
  bytes.writeUInt32LE(headerChecksum(bytes, 0, seed), 8);
  return bytes;
}

/** A frame's header at `start`, read without judging it. Numbers beyond 2^53 read as NaN. */
export const frameHeader = {
  length: (bytes: Buffer, start: number): number => bytes.readUInt32LE(start),
  epoch: (bytes: Buffer, start: number): number => readUint64(bytes, start + 16),
  index: (bytes: Buffer, start: number): number => readUint64(bytes, start + 24),
  previousHash: (bytes: Buffer, start: number): Buffer => bytes.subarray(start + 32, start + 64),
};

export function frameHeaderFits(bytes: Buffer, start: number, seed: number): boolean {
  return headerChecksum(bytes, start, seed) === bytes.readUInt32LE(start + 8);
}

/** Whether the body of the whole frame at [start, end) passes its checksum. */
export function frameBodyFits(bytes: Buffer, start: number, end: number, seed: number): boolean {
  return frameBodyDifference(bytes, start, end, seed) === 0;
}

/** The checksum of the body of the whole frame at [start, end), XOR the one that its header states. */
export function frameBodyDifference(
  bytes: Buffer,
  start: number,
  end: number,
  seed: number,
): number {
  const body = bytes.subarray(start + FRAME_HEADER_BYTES, end);
  return (checksum(body, seed) ^ bytes.readUInt32LE(start + 4)) >>> 0;
}

/**
 * Hash of the entry whose whole frame stands at [start, end): SHA-256 over epoch, index, the previous
 * entry's hash and the body, whatever else the file has around them.
 */
export function frameHash(bytes: Buffer, start: number, end: number): Buffer {
  // In one shot: for small entries a hash object costs three times what its hash does.
  return hash("sha256", bytes.subarray(start + 16, end), "buffer");
}

/** As {@link frameHash}, of a header and a body that stand apart. */
export function entryHash(header: Buffer, body: Uint8Array): Buffer {
  return createHash("sha256").update(header.subarray(16)).update(body).digest();
}

function headerChecksum(bytes: Buffer, start: number, seed: number): number {
  const before = crc32(bytes.subarray(start, start + 8), seed);
  return crc32(bytes.subarray(start + 12, start + FRAME_HEADER_BYTES), before);
}

function checksum(body: Uint8Array, seed: number): number {
  // zlib takes an empty buffer, which may have no memory behind it, for a request to start anew.
  return body.length === 0 ? seed : crc32(body, seed);
}

/** NaN if the number is not a safe integer, so that every comparison with it fails. */
function readUint64(bytes: Buffer, offset: number): number {
  const high = bytes.readUInt32LE(offset + 4);
  return high < 2 ** 21 ? high * 2 ** 32 + bytes.readUInt32LE(offset) : Number.NaN;
}

function writeUint64(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32LE(value >>> 0, offset);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), offset + 4);
}
