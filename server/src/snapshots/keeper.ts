import type { Journal } from "../journal/journal.js";
import type { SnapshotInfo, SnapshotStore } from "../journal/snapshot-store.js";
import type { Building } from "./builder.js";
import type { PayloadSource } from "./payload-source.js";

/** Something that whoever operates the master should know. */
export type SnapshotNews =
  | { readonly kind: "built"; readonly snapshot: SnapshotInfo }
  /** Entries below an index are no longer in the journal. */
  | { readonly kind: "cut"; readonly firstIndex: number }
  /** History has not come far enough for the journal to be cut below the last snapshot but one. */
  | { readonly kind: "pinned"; readonly previousIndex: number; readonly checkpoint: number }
  /** No snapshot this time; it is tried again when the next segment is closed. Nothing is lost. */
  | { readonly kind: "not_built"; readonly error: unknown }
  /** The journal could not be cut; it is tried again. */
  | { readonly kind: "not_cut"; readonly error: unknown };

export interface KeeperOptions {
  readonly journal: Pick<Journal, "closed" | "firstIndex" | "truncate">;
  readonly store: Pick<SnapshotStore, "open">;
  readonly source: PayloadSource;
  /** Starts to build a snapshot through an entry, beside the master. */
  readonly build: (through: number) => Building;
  /** A snapshot is made when so many segments were closed after the last; 0: never. */
  readonly everySegments: number;
  /** The newest snapshot and the one before it, both verified; 0: there is none. */
  readonly newestIndex: number;
  readonly previousIndex: number;
  /** The last entry that history has synced. */
  readonly checkpoint: () => number;
  readonly onNews: (news: SnapshotNews) => void;
}

/**
 * Below which entry the journal may be cut: what the snapshot before the newest holds, and what history has
 * synced, is needed no more.
 */
export function cutBelow(previousIndex: number, checkpoint: number): number {
  return Math.min(previousIndex, checkpoint) + 1;
}

/**
 * Has snapshots made as the journal grows, and cuts it below them. All that takes time is done elsewhere: the
 * building in a thread of its own, the cutting in the journal's.
 */
export class SnapshotKeeper {
  readonly #options: KeeperOptions;
  #newest: number;
  #previous: number;
  /** What it was last tried to build a snapshot through. */
  #tried = 0;
  #building: Building | undefined;
  #working: Promise<void> | undefined;
  #isCutting = false;
  #isPinned = false;
  #isClosed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#newest = options.newestIndex;
    this.#previous = options.previousIndex;
  }

  /** The last entry whose effect the newest snapshot holds; 0: there is none. */
  get newestIndex(): number {
    return this.#newest;
  }

  /** Something became durable: is it time for a snapshot? Asked often. */
  look(): void {
    const { closed } = this.#options.journal;
    const through = closed[closed.length - 1] ?? 0;
    const { everySegments } = this.#options;
    if (this.#isClosed || this.#building !== undefined || everySegments === 0) return;
    if (through <= this.#newest || through <= this.#tried) return;
    if (closed.filter((last) => last > this.#newest).length < everySegments) return;
    this.#tried = through;
    try {
      this.#building = this.#options.build(through);
      this.#working = this.#finish(this.#building);
    } catch (error) {
      // Whoever says that something is durable is not to be told of it.
      this.#options.onNews({ kind: "not_built", error });
    }
  }

  /** Cuts what may be cut: whole segments, one after the other, so that appends go in between. */
  async cut(): Promise<void> {
    const { journal, checkpoint, source, onNews } = this.#options;
    const below = cutBelow(this.#previous, checkpoint());
    const lasts = journal.closed.filter((last) => last < below);
    if (this.#isClosed || this.#isCutting || lasts.length === 0) return;
    this.#isCutting = true;
    try {
      // Before they are gone: what is read meanwhile is read elsewhere.
      source.cut(below);
      for (const last of lasts) await journal.truncate(last + 1);
      onNews({ kind: "cut", firstIndex: journal.firstIndex });
    } catch (error) {
      if (!this.#isClosed) onNews({ kind: "not_cut", error });
    } finally {
      this.#isCutting = false;
    }
  }

  /** Gives up what is in the making. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#building?.stop();
    await this.#working;
  }

  async #finish(building: Building): Promise<void> {
    const { store, source, onNews } = this.#options;
    try {
      const { info, previousIndex, records } = await building.finished;
      if (this.#isClosed) return;
      source.use({ records, bytes: store.open(info.index) });
      this.#newest = info.index;
      this.#previous = previousIndex;
      onNews({ kind: "built", snapshot: info });
      this.#sayIfPinned();
      await this.cut();
    } catch (error) {
      if (!this.#isClosed) onNews({ kind: "not_built", error });
    } finally {
      this.#building = undefined;
    }
  }

  /** Once, until history has caught up. */
  #sayIfPinned(): void {
    const checkpoint = this.#options.checkpoint();
    const isPinned = checkpoint < this.#previous;
    if (isPinned && !this.#isPinned) {
      this.#options.onNews({ kind: "pinned", previousIndex: this.#previous, checkpoint });
    }
    this.#isPinned = isPinned;
  }
}
