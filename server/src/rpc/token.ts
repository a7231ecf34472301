import type { LeaseToken } from "../core/index.js";

/** Bytes of a lease token on the wire. */
export const tokenBytes = 32;

/**
 * Layout, big-endian: epoch u32, lease u64, job u32, task u32, delivery u32, and a draw of two
 * u32. To everybody else they are 32 opaque bytes.
 */
const epochAt = 0;
const leaseHighAt = 4;
const leaseLowAt = 8;
const jobAt = 12;
const taskAt = 16;
const deliveryAt = 20;
const drawHighAt = 24;
const drawLowAt = 28;

/** Writes a token's 32 bytes from `at` on. */
export function writeToken(token: LeaseToken, into: Uint8Array, at: number): void {
  writeU32(into, at + epochAt, token.epoch);
  writeU32(into, at + leaseHighAt, Math.floor(token.lease / 0x1_0000_0000));
  writeU32(into, at + leaseLowAt, token.lease);
  writeU32(into, at + jobAt, token.job);
  writeU32(into, at + taskAt, token.task);
  writeU32(into, at + deliveryAt, token.delivery);
  writeU32(into, at + drawHighAt, token.drawHigh);
  writeU32(into, at + drawLowAt, token.drawLow);
}

/** A token's 32 bytes. */
export function encodeToken(token: LeaseToken): Buffer {
  const bytes = Buffer.allocUnsafe(tokenBytes);
  writeToken(token, bytes, 0);
  return bytes;
}

/**
 * Takes a token apart.
 *
 * @param start where it begins in `bytes`, and where it ends: a view need not be made for it
 * @returns undefined if it is not 32 bytes, or of a form that no master makes
 */
export function decodeToken(
  bytes: Uint8Array,
  start = 0,
  stop = bytes.length,
): LeaseToken | undefined {
  if (stop - start !== tokenBytes) return undefined;
  const high = readU32(bytes, start + leaseHighAt);
  const lease = high * 0x1_0000_0000 + readU32(bytes, start + leaseLowAt);
  const delivery = readU32(bytes, start + deliveryAt);
  if (lease === 0 || !Number.isSafeInteger(lease) || delivery === 0) return undefined;
  return {
    epoch: readU32(bytes, start + epochAt),
    lease,
    job: readU32(bytes, start + jobAt),
    task: readU32(bytes, start + taskAt),
    delivery,
    drawHigh: readU32(bytes, start + drawHighAt) | 0,
    drawLow: readU32(bytes, start + drawLowAt) | 0,
  };
}

// By hand: faster than Buffer's methods, which check types and bounds, and it takes any Uint8Array.
function writeU32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

function readU32(from: Uint8Array, at: number): number {
  const high = ((from[at] as number) << 24) | ((from[at + 1] as number) << 16);
  return (high | ((from[at + 2] as number) << 8) | (from[at + 3] as number)) >>> 0;
}
