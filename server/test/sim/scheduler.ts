/** Something that is to happen at a time. */
interface Due {
  readonly at: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

/**
 * Virtual time: what is to happen, in the order of its time and, at the same time, in which it was asked for.
 * Between two of them every promise is let run dry, so that nothing depends on the machine.
 */
export class Scheduler {
  #now = 0;
  #sequence = 0;
  readonly #heap: Due[] = [];
  /** How many things have happened. */
  happened = 0;

  /** Virtual milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** @returns how to call it off */
  at(time: number, run: () => void): () => void {
    this.#sequence += 1;
    const due: Due = { at: Math.max(time, this.#now), sequence: this.#sequence, run };
    this.#push(due);
    return () => {
      due.run = undefined;
    };
  }

  after(delayMs: number, run: () => void): () => void {
    return this.at(this.#now + delayMs, run);
  }

  /** Lets things happen until a time, or until something holds. @returns whether it does */
  async runUntil(time: number, holds: () => boolean): Promise<boolean> {
    while (!holds()) {
      const due = this.#heap[0];
      if (due === undefined || due.at > time) {
        this.#now = time;
        return holds();
      }
      this.#pop();
      if (due.run === undefined) continue;
      this.#now = due.at;
      this.happened += 1;
      due.run();
      await runDry();
    }
    return true;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(due);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as Due;
      if (!isBefore(due, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Due)) child += 1;
      const below = heap[child] as Due;
      if (!isBefore(below, last)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

/** How many immediates are asked for at once. */
const trainLength = 64;
let coming = 0;
const waiting: (() => void)[] = [];

/**
 * Settled when all promises that can go on have done so: Node lets them run dry before each immediate. A turn of the
 * machine's loop takes a system call, more than most of what happens here, so that one turn takes many immediates.
 */
function runDry(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (coming > 0) return;
    coming = trainLength;
    // eslint-disable-next-line no-restricted-globals -- the one place at which the machine's own loop is met
    for (let i = 0; i < trainLength; i++) setImmediate(arrive);
  });
}

function arrive(): void {
  coming -= 1;
  waiting.shift()?.();
}
