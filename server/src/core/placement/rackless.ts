import type { TaskNo } from "../ids.js";

/** A task in line, as it was when it was threaded. */
interface Waiting {
  readonly task: TaskNo;
  readonly delivery: number;
}

type IsLive = (task: TaskNo, delivery: number) => boolean;

/** With fewer entries it is not worth a look which of them are still good. */
const fewEntries = 4_096;

/**
 * Tasks that name a host of unknown rack, by host: threaded again once the rack is known. Most such hosts never
 * are: entries of tasks that moved on go when they may be half of all.
 */
export class Rackless {
  readonly #byHost = new Map<number, Waiting[]>();
  /** Entries, those of tasks that moved on included. */
  entries = 0;
  #lookAt = fewEntries;

  add(host: number, waiting: Waiting, isLive: IsLive): void {
    if (this.entries >= this.#lookAt) this.#compact(isLive);
    const known = this.#byHost.get(host);
    if (known === undefined) this.#byHost.set(host, [waiting]);
    else known.push(waiting);
    this.entries += 1;
  }

  /** What waits for the rack of a host, which is known now. */
  take(host: number, isLive: IsLive): Waiting[] {
    const known = this.#byHost.get(host) ?? [];
    this.#byHost.delete(host);
    this.entries -= known.length;
    return known.filter(({ task, delivery }) => isLive(task, delivery));
  }

  #compact(isLive: IsLive): void {
    this.entries = 0;
    for (const [host, waiting] of this.#byHost) {
      const live = waiting.filter(({ task, delivery }) => isLive(task, delivery));
      if (live.length === 0) this.#byHost.delete(host);
      else this.#byHost.set(host, live);
      this.entries += live.length;
    }
    this.#lookAt = Math.max(fewEntries, 2 * this.entries);
  }
}
