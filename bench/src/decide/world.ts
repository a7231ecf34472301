import type { TaskDraft } from "@capstan/server/inside";
import { Dice } from "../support/dice.js";

/**
 * What the bench `decide` places and where: unequal workers on racks, and jobs of tasks whose data lies on three
 * hosts each. The same seed gives the same tasks, whoever places them.
 */

export const taskType = "work";
/** Workers of a rack. */
const rackWorkers = 40;
const replicas = 3;

export interface Amount {
  readonly name: string;
  readonly milli: number;
}

/** Four kinds of resources; twenty demands, from a small task to one that takes half of the smallest worker. */
export const demands: readonly (readonly Amount[])[] = [500, 1_000, 1_500, 2_000].flatMap((cpu) =>
  [1, 2, 4, 6, 8].map((memory) => amounts(cpu, memory * 1_000, 10 * cpu, 100 + cpu / 10)),
);

function amounts(cpu: number, memory: number, disk: number, network: number): Amount[] {
  return [
    { name: "cpu", milli: cpu },
    { name: "memory", milli: memory },
    { name: "disk", milli: disk },
    { name: "network", milli: network },
  ];
}

/** The largest worker has eight times what the smallest has, and some have more memory to a processor. */
export function capacityOf(worker: number): readonly Amount[] {
  const cpu = 4_000 * 2 ** (worker % 4);
  const memory = cpu * (worker % 3 === 0 ? 8 : 4);
  return amounts(cpu, memory, 100_000 * 2 ** (worker % 4), 10_000);
}

export function hostOf(worker: number): string {
  return `h${String(worker)}`;
}

export function rackOf(worker: number): string {
  return `r${String(Math.floor(worker / rackWorkers))}`;
}

/** Tasks one after another: their inputs, and the three hosts that hold each. */
export class TaskSource {
  readonly #dice: Dice;
  readonly #workers: number;

  constructor(seed: number, workers: number) {
    this.#dice = new Dice(seed);
    this.#workers = workers;
  }

  take(count: number): TaskDraft[] {
    return Array.from({ length: count }, () => this.#one());
  }

  #one(): TaskDraft {
    const dice = this.#dice;
    const hosts = new Set<number>();
    const wanted = Math.min(replicas, this.#workers);
    while (hosts.size < wanted) hosts.add(dice.below(this.#workers));
    return {
      bodyBytes: 100,
      hosts: Array.from(hosts, hostOf),
      inputBytes: (1 + dice.below(256)) * 2 ** 20,
      delayMs: 0,
      recordCount: 0,
    };
  }
}
