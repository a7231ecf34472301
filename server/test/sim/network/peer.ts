import type { ProcessClock } from "../process-clock.js";

/** Somebody who speaks with the master: a client, or one process of a worker. */
export interface Peer {
  readonly name: string;
  readonly clock: ProcessClock;
  /** The way to the master and back. */
  readonly line: Line;
}

/** A way through the network, as faults leave it. */
export class Line {
  /** Nothing arrives at the master. */
  isDeadThere = false;
  /** Nothing comes back. */
  isDeadBack = false;
  /** Added to every delay. */
  slowMs = 0;
  readonly #connections = new Set<() => void>();

  /** Something that ends with the connection. @returns how to take it out again */
  add(onCut: () => void): () => void {
    this.#connections.add(onCut);
    return () => {
      this.#connections.delete(onCut);
    };
  }

  /** Ends all that goes through it, as both sides notice. */
  cut(): number {
    const cut = [...this.#connections];
    this.#connections.clear();
    for (const onCut of cut) onCut();
    return cut.length;
  }

  heal(): void {
    this.isDeadThere = this.isDeadBack = false;
    this.slowMs = 0;
  }
}
