import { Blobs } from "../../engine/engine-port.js";
import { payloadHeaderBytes, writePayloadHeader } from "./body.js";

/** Up to here a loop costs less than a call into native code. */
const shortBytes = 48;

/**
 * Collects the bodies of a request's tasks, small ones side by side in one buffer. What was added since
 * the last `begin` or `beginAnew` belongs to one command.
 */
export class Bodies {
  #chunks: Uint8Array[] = [];
  #lengths: number[] = [];
  #buffer: Uint8Array;
  /** What lies in the buffer and is not yet among the chunks. */
  #from = 0;
  #at = 0;

  /**
   * @param bytesMax what all bodies that are payloads alone take at the most, headers included: no more
   *   than the request did
   */
  constructor(bytesMax: number) {
    this.#buffer = bufferOf(bytesMax);
  }

  /** What was added and not finished is left out. */
  begin(): void {
    this.#chunks = [];
    this.#lengths = [];
    this.#from = this.#at;
  }

  /**
   * Begins in the memory of all that was finished before, which is overwritten: for commands of which one
   * is copied before the next is decoded. What parts of an upload allocate for a moment makes the garbage
   * collector stop the event loop.
   *
   * @param bytesMax as the constructor's
   */
  beginAnew(bytesMax: number): void {
    const { length } = this.#buffer;
    if (bytesMax > length) this.#buffer = bufferOf(Math.max(bytesMax, 2 * length));
    this.#at = 0;
    this.begin();
  }

  /** The body of a task that is a payload alone: bytes [start, stop). @returns its length */
  addPayload(bytes: Uint8Array, start: number, stop: number): number {
    const size = stop - start;
    if (size === 0) return this.#push(0);
    const at = this.#at;
    writePayloadHeader(this.#buffer, at, size);
    const from = at + payloadHeaderBytes(size);
    const buffer = this.#buffer;
    if (size > shortBytes) buffer.set(bytes.subarray(start, stop), from);
    else for (let i = 0; i < size; i++) buffer[from + i] = bytes[start + i] as number;
    this.#at = from + size;
    return this.#push(this.#at - at);
  }

  /** Any other body. @returns its length */
  add(body: Uint8Array): number {
    this.#close();
    if (body.length > 0) this.#chunks.push(body);
    return this.#push(body.length);
  }

  /** All that was added since `begin`, in order. */
  finish(): Blobs {
    this.#close();
    return this.#lengths.length === 0 ? Blobs.none : new Blobs(this.#chunks, this.#lengths);
  }

  #push(length: number): number {
    this.#lengths.push(length);
    return length;
  }

  #close(): void {
    if (this.#at > this.#from) this.#chunks.push(this.#buffer.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }
}

/** From the pool where it is small: memory of its own costs more than all the rest of a small job. */
function bufferOf(bytes: number): Uint8Array {
  const { buffer, byteOffset } = Buffer.allocUnsafe(bytes);
  return new Uint8Array(buffer, byteOffset, bytes);
}
