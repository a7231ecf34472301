import type { JournalMs } from "../core/index.js";
import type { WorkQueue } from "./work-queue.js";

/**
 * Up to when everything that came has been heard, on the clock of terms. Where a turn leaves input to the next,
 * renewals may be among it: what ran out since then may have been renewed in time.
 */
export class Heard {
  readonly #queue: WorkQueue;
  /** What came before this was heard. */
  through: JournalMs = -Infinity;
  /** As many items as had come at a moment. */
  #mark = 0;
  #markedAt: JournalMs = -Infinity;

  constructor(queue: WorkQueue) {
    this.#queue = queue;
  }

  /** The input of a turn has been taken, as far as it was. @param termNow when the turn began */
  note(termNow: JournalMs): void {
    const { pushed, done } = this.#queue;
    if (done >= this.#mark) this.through = this.#markedAt;
    if (done === pushed) this.through = termNow;
    else if (done < this.#mark) return;
    this.#mark = pushed;
    this.#markedAt = termNow;
  }
}
