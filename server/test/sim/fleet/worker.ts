import type { Network } from "../network/network.js";
import { Line } from "../network/peer.js";
import type { ProcessClock } from "../process-clock.js";
import type { Random } from "../random.js";
import type { Scheduler } from "../scheduler.js";
import { WorkerProcess } from "./worker-process.js";
import { capacityOf, type WorkerTraits } from "./worker-traits.js";

export interface WorkerParts {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly newClock: () => ProcessClock;
}

/** A worker over all its processes: it is started again whenever one has ended. */
export class Worker {
  readonly line = new Line();
  readonly traits: WorkerTraits;
  process: WorkerProcess | undefined;
  readonly #parts: WorkerParts;
  readonly #home: WorkerTraits["capacity"];
  #life = 0;
  #starting: (() => void) | undefined;

  constructor(parts: WorkerParts, traits: WorkerTraits) {
    this.#parts = parts;
    this.traits = traits;
    this.#home = traits.capacity;
    this.#start();
  }

  /** The process is gone at once; another follows. @param sameLife it comes back as the same process */
  crash(downMs: number, sameLife: boolean): void {
    const { random } = this.#parts;
    this.process?.die(random.chance(0.5) ? 0 : random.integer(1, 120_000));
    this.process = undefined;
    if (!sameLife) this.#life += 1;
    this.#startAfter(downMs);
  }

  /** Another process comes up under the same id while this one goes on. */
  double(): void {
    this.#life += 1;
    this.#start();
  }

  resize(slots: number, gpus: number): void {
    this.traits.capacity = capacityOf(slots, gpus);
    this.process?.resize();
  }

  heal(): void {
    this.line.heal();
    if (this.traits.capacity !== this.#home) {
      this.traits.capacity = this.#home;
      this.process?.resize();
    }
    this.#starting?.();
  }

  #startAfter(ms: number): void {
    const start = () => {
      cancel();
      this.#starting = undefined;
      this.#start();
    };
    const cancel = this.#parts.scheduler.after(ms, start);
    this.#starting = start;
  }

  #start(): void {
    // A process that begins with nothing would not be let in.
    if (this.traits.capacity.every(({ milli }) => milli === 0n)) this.traits.capacity = this.#home;
    const { network, random, newClock } = this.#parts;
    const clock = newClock();
    const started: WorkerProcess = new WorkerProcess({
      network,
      clock,
      line: this.line,
      random: random.fork(),
      traits: this.traits,
      incarnation: `life-${this.#life}`,
      onEnd: (why) => {
        started.die(why === "poison" ? random.integer(0, 20_000) : 0);
        if (this.process !== started) return;
        this.process = undefined;
        this.#life += 1;
        this.#startAfter(random.integer(100, why === "drained" ? 30_000 : 5_000));
      },
    });
    this.process = started;
  }
}
