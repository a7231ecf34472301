import { createHash } from "node:crypto";
import type { RunOperation } from "../../../src/journal/file/writer.js";
import { SimulatedDisk } from "../../journal/simulated-disk.js";
import { slowly } from "../../journal/slow-disk.js";
import type { ProcessClock } from "../process-clock.js";
import type { Random } from "../random.js";

/** Where the journal lies on it. */
export const journalDirectory = "/journal";

/** The disk of the master, with what faults do to it. */
export class MasterDisk {
  readonly storage = new SimulatedDisk();
  /** Added to each operation: it is slow just now. */
  slowMs = 0;
  /** No operation ends before this time. */
  blockedUntil = 0;
  readonly #random: Random;
  readonly #diskMs: number;
  readonly #now: () => number;

  constructor(random: Random, diskMs: number, now: () => number) {
    this.#random = random;
    this.#diskMs = diskMs;
    this.#now = now;
  }

  /**
   * How a process does what it does to the disk: not at once.
   *
   * @param carriedOut is told of what each operation came to, at the moment at which it is carried out
   */
  runner(clock: ProcessClock, carriedOut: (result: unknown) => void) {
    const { run, stop } = slowly(
      clock,
      () => this.#latencyMs(),
      () => this.#random.between(0, 1),
    );
    const watched: RunOperation = (operation) =>
      run(() => {
        const result = operation();
        carriedOut(result);
        return result;
      });
    return { run: watched, stop };
  }

  /** Of all bytes of the journal, as they are seen now. */
  hash(): string {
    const hash = createHash("sha256");
    for (const path of this.storage.paths(journalDirectory)) {
      hash.update(path).update(this.storage.contents(path));
    }
    return hash.digest("hex");
  }

  #latencyMs(): number {
    const blocked = Math.max(0, this.blockedUntil - this.#now());
    return this.#diskMs * this.#random.between(0.5, 2) + this.slowMs + blocked;
  }
}
