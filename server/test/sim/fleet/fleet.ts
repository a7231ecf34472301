import { Worker, type WorkerParts } from "./worker.js";
import { drawTraits } from "./worker-traits.js";

/** All workers. */
export class Fleet {
  readonly workers: readonly Worker[];

  constructor(parts: WorkerParts, count: number, size: number) {
    this.workers = Array.from(
      { length: count },
      (_, no) =>
        new Worker({ ...parts, random: parts.random.fork() }, drawTraits(parts.random, no, size)),
    );
  }

  heal(): void {
    for (const worker of this.workers) worker.heal();
  }
}
