import { ENTRY_BYTES_MAX } from "../journal.js";
import {
  FRAME_HEADER_BYTES,
  frameBodyFits,
  frameHash,
  frameHeader,
  frameHeaderFits,
} from "./format.js";

/** What stands at a place in a segment, judged against the chain so far. */
export type FrameCheck =
  | {
      readonly kind: "whole";
      readonly epoch: number;
      readonly index: number;
      readonly bodyStart: number;
      readonly end: number;
    }
  /** The buffer ends before the frame does. */
  | { readonly kind: "short" }
  | { readonly kind: "bad"; readonly reason: string };

/** The last entry that was found right. */
export interface ChainPosition {
  readonly index: number;
  readonly epoch: number;
  readonly hash: Buffer;
}

/**
 * Walks frames and holds each against the one before: index + 1, the epoch's rules, the hash chain,
 * and its checksum. Opening and every reader use this one judgement.
 */
export class Chain {
  #index: number;
  #epoch: number;
  #hash: Buffer;
  readonly #seed: number;

  constructor(from: ChainPosition, checksumSeed: number) {
    this.#index = from.index;
    this.#epoch = from.epoch;
    this.#hash = from.hash;
    this.#seed = checksumSeed;
  }

  get position(): ChainPosition {
    return { index: this.#index, epoch: this.#epoch, hash: this.#hash };
  }

  /** Judges the frame at `start` and, if it is whole, moves on to it. */
  next(bytes: Buffer, start: number, limit: number): FrameCheck {
    if (limit - start < FRAME_HEADER_BYTES) return { kind: "short" };
    const misfit = this.headerMisfit(bytes, start);
    if (misfit !== undefined) return { kind: "bad", reason: misfit };
    const end = start + FRAME_HEADER_BYTES + frameHeader.length(bytes, start);
    if (end > limit) return { kind: "short" };
    if (!frameBodyFits(bytes, start, end, this.#seed)) {
      return { kind: "bad", reason: "an entry fails its checksum" };
    }
    this.#index += 1;
    this.#epoch = frameHeader.epoch(bytes, start);
    this.#hash = frameHash(bytes, start, end);
    const bodyStart = start + FRAME_HEADER_BYTES;
    return { kind: "whole", epoch: this.#epoch, index: this.#index, bodyStart, end };
  }

  /** Why what stands at `start` cannot head the next entry, or undefined if it can. */
  headerMisfit(bytes: Buffer, start: number): string | undefined {
    if (!frameHeaderFits(bytes, start, this.#seed)) return "an entry's header fails its checksum";
    const length = frameHeader.length(bytes, start);
    if (length > ENTRY_BYTES_MAX) return "an entry states an impossible length";
    const index = frameHeader.index(bytes, start);
    if (index !== this.#index + 1) {
      return `entry ${String(this.#index + 1)} is expected and ${String(index)} found`;
    }
    const epoch = frameHeader.epoch(bytes, start);
    // A claim raises the epoch and has no body; every other entry keeps it.
    if (length === 0 ? !(epoch > this.#epoch) : epoch !== this.#epoch) {
      return `an entry has epoch ${String(epoch)} after epoch ${String(this.#epoch)}`;
    }
    const isNext = frameHeader.previousHash(bytes, start).equals(this.#hash);
    return isNext ? undefined : "the hash chain is broken";
  }
}
