import { varintSize } from "./byte-sink.js";

/**
 * Bytes on their way into an entry: payloads, outputs, failures, one after the other. Where one ends
 * and the next begins is said by their lengths alone, so that ten thousand small ones may lie in one
 * buffer.
 */
export class Blobs {
  static readonly none = new Blobs([], []);

  /** Joined, they are the blobs joined. */
  readonly chunks: readonly Uint8Array[];
  /** The length of each blob, in order; they add up to the chunks. */
  readonly lengths: readonly number[];
  /** What they take in an entry, lengths included. */
  readonly entryBytes: number;

  constructor(chunks: readonly Uint8Array[], lengths: readonly number[]) {
    this.chunks = chunks;
    this.lengths = lengths;
    let bytes = 0;
    for (const length of lengths) bytes += length + varintSize(length);
    this.entryBytes = bytes;
  }

  /** A blob for each. */
  static of(blobs: readonly Uint8Array[]): Blobs {
    return new Blobs(
      blobs,
      blobs.map(({ length }) => length),
    );
  }

  get count(): number {
    return this.lengths.length;
  }
}
