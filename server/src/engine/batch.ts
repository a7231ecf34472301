import type { BlobId, CoreEvent, Stamp } from "../core/index.js";
import type { EntryBuilder } from "../journal/entry/index.js";
import { Notices } from "./sessions.js";

/**
 * What is decided together and becomes durable together: an entry in the making, and all that
 * waits for it. All its events share one stamp, live and on replay.
 */
export class Batch {
  readonly stamp: Stamp;
  readonly builder: EntryBuilder;
  readonly #releases: (() => void)[] = [];
  /** Blobs that nothing refers to any more once the batch is durable. */
  readonly freedBlobs: BlobId[] = [];
  /** What is told to each session, in the order of the decisions. */
  readonly notices = new Notices();

  /** Kept for the observer; undefined when there is none. */
  readonly observed: CoreEvent[] | undefined;

  /** @param builder with its entry begun */
  constructor(stamp: Stamp, builder: EntryBuilder, isObserved: boolean) {
    this.observed = isObserved ? [] : undefined;
    this.stamp = stamp;
    this.builder = builder;
  }

  /** Calls back once the batch is durable, in the order of these calls. */
  after(release: () => void): void {
    this.#releases.push(release);
  }

  release(): void {
    for (const release of this.#releases) release();
  }
}
