import type { WorkerNo } from "../ids.js";

const none = -1;

/**
 * Workers by when they last may have gained room, the latest first: a list through arrays, so that a worker
 * moves to its front in a few steps, and whoever looks for the news since a moment meets nothing older.
 */
export class RecentRoom {
  /** Grows with every move: the moment of the latest. */
  moment = 0;
  readonly #momentOf: number[] = [];
  readonly #newer: number[] = [];
  readonly #older: number[] = [];
  #newest = none;

  /** The worker may have gained room just now. */
  touch(no: WorkerNo): void {
    this.moment += 1;
    while (this.#momentOf.length <= no) {
      this.#momentOf.push(0);
      this.#newer.push(none);
      this.#older.push(none);
    }
    const isListed = this.#momentOf[no] !== 0;
    this.#momentOf[no] = this.moment;
    if (this.#newest === no) return;
    if (isListed) this.#unlink(no);
    this.#newer[no] = none;
    this.#older[no] = this.#newest;
    if (this.#newest !== none) this.#newer[this.#newest] = no;
    this.#newest = no;
  }

  /** Names all whose moment is later than one. */
  since(moment: number, name: (no: WorkerNo) => void): void {
    for (let no = this.#newest; no !== none; no = this.#older[no] as number) {
      if ((this.#momentOf[no] as number) <= moment) return;
      name(no);
    }
  }

  #unlink(no: WorkerNo): void {
    const newer = this.#newer[no] as number;
    const older = this.#older[no] as number;
    if (newer !== none) this.#older[newer] = older;
    if (older !== none) this.#newer[older] = newer;
  }
}
