import { createHash } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { CallRefusedError } from "../errors.js";

/**
 * Page tokens and cursors: opaque to clients, and good only for the request that they came from.
 * Layout: a version, eight bytes of a hash of the request, then where to go on.
 */
const version = 1;
const hashBytes = 8;
const headerBytes = 1 + hashBytes;

/** What ties a cursor to its request. @param parts whatever must be the same on the next call */
export function requestHash(parts: readonly unknown[]): Buffer {
  return createHash("sha256").update(JSON.stringify(parts)).digest().subarray(0, hashBytes);
}

/** @param place where to go on: numbers below 2^32, or one text */
export function encodeCursor(hash: Buffer, place: readonly number[] | string): Buffer {
  const body =
    typeof place === "string"
      ? Buffer.from(place, "utf8")
      : Buffer.from(Uint32Array.from(place).buffer);
  return Buffer.concat([Buffer.of(version), hash, body]);
}

function bodyOf(cursor: Buffer, hash: Buffer): Buffer | undefined {
  if (cursor.length <= headerBytes || cursor[0] !== version) return undefined;
  if (!cursor.subarray(1, headerBytes).equals(hash)) return undefined;
  return cursor.subarray(headerBytes);
}

/** @throws CallRefusedError when it is not a cursor of this request */
export function decodeNumbers(cursor: Buffer, hash: Buffer, count: number): number[] {
  const body = bodyOf(cursor, hash);
  if (body?.length !== count * 4) throw cursorInvalid();
  return Array.from({ length: count }, (_, i) => body.readUInt32LE(i * 4));
}

/** @throws CallRefusedError when it is not a cursor of this request */
export function decodeText(cursor: Buffer, hash: Buffer): string {
  const body = bodyOf(cursor, hash);
  if (body === undefined) throw cursorInvalid();
  return body.toString("utf8");
}

/** A page token is a cursor as text. */
export function tokenOf(cursor: Buffer): string {
  return cursor.toString("base64url");
}

/** @throws CallRefusedError when it is no page token at all */
export function cursorOf(token: string): Buffer {
  const cursor = Buffer.from(token, "base64url");
  if (cursor.toString("base64url") !== token) throw cursorInvalid();
  return cursor;
}

function cursorInvalid(): CallRefusedError {
  return new CallRefusedError("the page token or cursor is not one of this request's", {
    code: status.INVALID_ARGUMENT,
    reason: "CURSOR_INVALID",
  });
}
