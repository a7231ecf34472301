import { InvalidPayloadError } from "./errors.js";

/**
 * Turns the values of payloads and outputs into bytes and back. Raw bytes never pass through it: a
 * `Uint8Array` goes as it is, and `bytes()` gives it back as it came.
 */
export interface Codec {
  /**
   * The bytes of a value that is no `Uint8Array`. `undefined` never gets here: it is no bytes at all.
   * @throws whatever says that the value cannot be encoded
   */
  encode(value: unknown): Uint8Array;

  /**
   * The value of some bytes, at least one.
   * @throws whatever says that the bytes cannot be decoded
   */
  decode(bytes: Uint8Array): unknown;
}

const emptyBytes = new Uint8Array(0);

/**
 * The default codec: JSON in UTF-8. A string becomes a JSON string, with its quotes.
 * `encode` throws a TypeError for what JSON does not have: functions, symbols, bigints, cycles.
 */
export const jsonCodec: Codec = {
  encode(value: unknown): Uint8Array {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`);
    return Buffer.from(text, "utf8");
  },

  decode(bytes: Uint8Array): unknown {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return JSON.parse(view.toString("utf8")) as unknown;
  },
};

/**
 * The bytes of a payload or an output: `undefined` is empty, a `Uint8Array` stays as it is, anything else
 * goes through the codec.
 * @throws InvalidPayloadError when the codec cannot
 */
export function encodeValue(codec: Codec, value: unknown): Uint8Array {
  if (value === undefined) return emptyBytes;
  if (value instanceof Uint8Array) return value;
  try {
    return codec.encode(value);
  } catch (error) {
    throw new InvalidPayloadError(`the value cannot be encoded: ${messageOf(error)}`, error);
  }
}

/**
 * The value of a payload or an output: no bytes are `undefined`, others go through the codec.
 * @throws InvalidPayloadError when the codec cannot
 */
export function decodeValue(codec: Codec, bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) return undefined;
  try {
    return codec.decode(bytes);
  } catch (error) {
    throw new InvalidPayloadError(`the bytes cannot be decoded: ${messageOf(error)}`, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
