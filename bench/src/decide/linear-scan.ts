import { Dice } from "../support/dice.js";
import { type Amount, capacityOf, demands, hostOf, TaskSource } from "./world.js";

/**
 * The placement that this one is measured beside: JobInProgress.findNewTask of Hadoop 0.15
 * (https://github.com/apache/hadoop-common, branch-0.15, src/java/org/apache/hadoop/mapred/JobInProgress.java).
 * A tracker with room asks each running job in the order of their submission; the job walks the array of its
 * tasks from the first to the last, passes by those that run or have ended, takes one whose split lies on the
 * tracker's host, and else the first that it met. (0.15 itself has lists by host in front of that walk; a task
 * that is not in the tracker's list costs the walk.) Here the array holds what is pending and a task that is
 * taken makes way for a fresh one, so that the walk keeps its length.
 */
export class LinearScan {
  readonly #dice = new Dice(7);
  readonly #workers: number;
  readonly #source: TaskSource;
  readonly #jobs: ScannedJob[] = [];

  constructor(workers: number) {
    this.#workers = workers;
    this.#source = new TaskSource(11, workers);
  }

  submit(demand: number, tasks: number): void {
    this.#jobs.push({ demand: demands[demand] as readonly Amount[], tasks: this.#take(tasks) });
  }

  /** @returns microseconds of each placement, and how many were local */
  measure(count: number): { readonly tookUs: readonly number[]; readonly local: number } {
    const tookUs: number[] = [];
    let local = 0;
    for (let i = 0; i < count; i++) {
      const worker = this.#dice.below(this.#workers);
      const capacity = capacityOf(worker);
      const host = hostOf(worker);
      const startedAt = process.hrtime.bigint();
      const found = this.#find(host, capacity);
      tookUs.push(Number(process.hrtime.bigint() - startedAt) / 1_000);
      if (found === undefined) throw new Error("a worker found nothing");
      const { job, at, isLocal } = found;
      if (isLocal) local += 1;
      job.tasks[at] = this.#take(1)[0] as ScannedTask;
    }
    return { tookUs, local };
  }

  #find(host: string, capacity: readonly Amount[]) {
    for (const job of this.#jobs) {
      if (!fits(job.demand, capacity)) continue;
      let any = -1;
      for (let at = 0; at < job.tasks.length; at++) {
        const task = job.tasks[at] as ScannedTask;
        if (task.isRunning || task.isComplete) continue;
        if (task.hosts.includes(host)) return { job, at, isLocal: true };
        if (any === -1) any = at;
      }
      if (any !== -1) return { job, at: any, isLocal: false };
    }
    return undefined;
  }

  #take(count: number): ScannedTask[] {
    return this.#source
      .take(count)
      .map(({ hosts }) => ({ hosts, isRunning: false, isComplete: false }));
  }
}

interface ScannedTask {
  readonly hosts: readonly string[];
  isRunning: boolean;
  isComplete: boolean;
}

interface ScannedJob {
  readonly demand: readonly Amount[];
  readonly tasks: ScannedTask[];
}

function fits(demand: readonly Amount[], capacity: readonly Amount[]): boolean {
  return demand.every(({ milli }, kind) => milli <= (capacity[kind]?.milli ?? 0));
}
