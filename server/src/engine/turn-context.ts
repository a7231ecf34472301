import type { Context } from "../core/index.js";
import type { CommitPipeline } from "./commit.js";
import type { JournalClock } from "./journal-clock.js";
import type { Draw } from "./random.js";

/**
 * What the decisions of one turn share: made once and set anew each turn, because a turn makes
 * thousands of them. Whoever wants to keep something of it copies it.
 */
export class TurnContext implements Context {
  now = 0;
  wall = 0;
  termNow = 0;
  readonly draw: Draw;
  readonly epoch: number;
  readonly #time: JournalClock;
  readonly #commit: CommitPipeline;

  constructor(parts: {
    readonly draw: Draw;
    readonly epoch: number;
    readonly time: JournalClock;
    readonly commit: CommitPipeline;
  }) {
    this.draw = parts.draw;
    this.epoch = parts.epoch;
    this.#time = parts.time;
    this.#commit = parts.commit;
    this.begin();
  }

  get firstBlob(): number {
    return this.#commit.nextBlob;
  }

  /** The same, for what is due by the clock of terms at another moment of it. */
  asOf(termNow: number): Context {
    const { now, wall, draw, epoch, firstBlob } = this;
    return { now, wall, termNow, draw, epoch, firstBlob };
  }

  /** A turn begins. Events of one entry share its stamp, also over turns. */
  begin(): void {
    const stamp = this.#commit.stamp ?? this.#time;
    this.now = stamp.now;
    this.wall = stamp.wall;
    this.termNow = this.#time.termNow;
  }
}
