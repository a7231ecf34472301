import type { BlobId, CoreEvent, EventType, Stamp } from "../core/index.js";
import type { EntryBuilder } from "../journal/entry/index.js";
import { Notices } from "./sessions.js";

/** Of which events an observer is told. */
export type WantedEvents = "none" | "all" | ReadonlySet<EventType>;

/** Whoever waits for an answer, and is told so when there will be none. */
export interface Waiting {
  readonly reject: (error: Error) => void;
}

/**
 * What is decided together and becomes durable together: an entry in the making, and all that
 * waits for it. All its events share one stamp, live and on replay.
 */
export class Batch {
  readonly stamp: Stamp;
  readonly builder: EntryBuilder;
  readonly #releases: (() => void)[] = [];
  readonly #waiting: Waiting[] = [];
  /** Blobs that nothing refers to any more once the batch is durable. */
  readonly freedBlobs: BlobId[] = [];
  /** What is told to each session, in the order of the decisions. */
  readonly notices = new Notices();

  /** Kept for the observer. */
  readonly observed: CoreEvent[] = [];
  readonly #wanted: WantedEvents;

  /** @param builder with its entry begun */
  constructor(stamp: Stamp, builder: EntryBuilder, wanted: WantedEvents) {
    this.#wanted = wanted;
    this.stamp = stamp;
    this.builder = builder;
  }

  /** Keeps of what was applied what the observer wants to see. */
  observe(events: readonly CoreEvent[]): void {
    const wanted = this.#wanted;
    if (wanted === "none") return;
    for (const event of events) {
      if (wanted === "all" || wanted.has(event.type)) this.observed.push(event);
    }
  }

  /** Calls back once the batch is durable, in the order of these calls. @param waiting who waits for that */
  after(release: () => void, waiting: Waiting): void {
    this.#releases.push(release);
    this.#waiting.push(waiting);
  }

  /** It will not be durable: nobody is left to wait for it. */
  giveUp(error: Error): void {
    for (const { reject } of this.#waiting) reject(error);
  }

  release(): void {
    for (const release of this.#releases) release();
  }
}
