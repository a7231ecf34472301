import { act } from "./clients/actions/index.js";
import type { Client } from "./clients/client.js";
import type { FaultClass } from "./faults/classes.js";
import { faultClasses } from "./faults/classes.js";
import { strikes } from "./faults/list.js";
import { drawKnobs, enoughCommands } from "./knobs.js";
import type { Plant } from "./planted/plant.js";
import { noPlant } from "./planted/plant.js";
import { Random } from "./random.js";
import { digestOf } from "./auditor/digest-of.js";
import { isOver, nameOf, type WorkerModel } from "./auditor/model.js";
import { World } from "./world.js";

/** What is to be run. The same again gives the same run, to the byte. */
export interface RunOptions {
  readonly seed: number;
  /** Actions of clients. By default as many as a whole run takes. */
  readonly steps?: number;
  /** Only these faults, of those that the seed chooses; for shrinking. */
  readonly faults?: readonly FaultClass[];
  readonly plant?: Plant;
  /** Is told what happens, line by line. */
  readonly trace?: (at: number, line: () => string) => void;
}

/** What a run came to. */
export interface RunReport {
  readonly seed: number;
  readonly steps: number;
  /** The promise that was broken; undefined: none was. */
  readonly violation: string | undefined;
  readonly virtualMs: number;
  readonly accepted: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly gates: Readonly<Record<string, number>>;
  readonly checks: number;
  readonly entries: number;
  readonly starts: number;
  /** How many things happened, one after the other. */
  readonly events: number;
  /** Of all bytes of the journal. */
  readonly journalHash: string;
}

/** After the faults, everything must have ended within so long. */
const healedWithinMs = 1_800_000;

/** A run: an hour of work among faults, then all is well, then everything must come to its end. */
export async function run(options: RunOptions): Promise<RunReport> {
  const { seed, steps, plant = noPlant } = options;
  const random = new Random(seed);
  const knobs = drawKnobs(random, steps, options.faults);
  const world: World = new World(random, knobs, plant, (line) => {
    options.trace?.(world.scheduler.now, line);
  });
  return new Run(world, seed).toTheEnd();
}

class Run {
  readonly #world: World;
  readonly #seed: number;
  readonly #struck = new Map<FaultClass, number>();
  #steps = 0;
  #pending = 0;
  #isHealed = false;
  /** Faults that wait for the next crowd. */
  #lurking: (() => void)[] = [];

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#seed = seed;
  }

  async toTheEnd(): Promise<RunReport> {
    const { scheduler, auditor, knobs } = this.#world;
    const isBroken = () => auditor.verdict.violation !== undefined;
    this.#actLater();
    for (const fault of faultClasses) if (knobs.faults.has(fault)) this.#strikeLater(fault);
    const hasActed = () => this.#hasActed() && scheduler.now >= knobs.leastMs;
    await scheduler.runUntil(Infinity, () => isBroken() || hasActed());
    if (!isBroken()) {
      this.#isHealed = true;
      this.#world.heal();
      const isOverNow = () => isBroken() || this.#isAtRest();
      const hasEnded = await scheduler.runUntil(scheduler.now + healedWithinMs, isOverNow);
      if (!hasEnded) auditor.verdict.fail(`not all came to its end: ${this.#whatIsLeft()}`);
    }
    if (!isBroken()) await this.#check();
    return this.#report();
  }

  /** Have the clients done what they are there for? */
  #hasActed(): boolean {
    const { steps } = this.#world.knobs;
    return steps === undefined ? this.#world.acceptedInAll >= enoughCommands : this.#steps >= steps;
  }

  #actLater(): void {
    const { scheduler, random, clients, knobs } = this.#world;
    scheduler.after(random.exponential(knobs.actionEveryMs * knobs.crowd), () => {
      for (const strike of this.#lurking.splice(0))
        scheduler.after(random.exponential(500), strike);
      for (let i = 0; i < knobs.crowd && !this.#hasActed(); i++) {
        this.#steps += 1;
        this.#pending += 1;
        const client = random.pick(clients);
        if (knobs.crowd === 1) this.#act(client);
        else {
          scheduler.after(random.exponential(100), () => {
            this.#act(client);
          });
        }
      }
      if (!this.#hasActed()) this.#actLater();
    });
  }

  #act(client: Client): void {
    act(client).then(
      () => {
        this.#pending -= 1;
      },
      (error: unknown) => {
        this.#world.auditor.verdict.fail(`a client of the simulator is wrong: ${String(error)}`);
      },
    );
  }

  #strikeLater(fault: FaultClass): void {
    const { scheduler, random, knobs, trace } = this.#world;
    const meanMs = knobs.faultEveryMs * (costly.has(fault) ? 16 : 1);
    scheduler.after(random.exponential(meanMs), () => {
      const strike = () => {
        if (this.#isHealed) return;
        this.#struck.set(fault, (this.#struck.get(fault) ?? 0) + 1);
        trace(() => `*** ${fault}`);
        strikes[fault](this.#world);
        this.#strikeLater(fault);
      };
      // Between two crowds there is little to break: most wait for the next.
      if (knobs.crowd > 1 && random.chance(0.7)) this.#lurking.push(strike);
      else strike();
    });
  }

  #isAtRest(): boolean {
    const { auditor, supervisor, fleet } = this.#world;
    if (this.#pending > 0 || supervisor.master === undefined) return false;
    const { jobs, workers } = auditor.model;
    return (
      jobs.every((job) => job.retired || isOver(job)) &&
      workers.every((worker) => worker.leases.size === 0) &&
      fleet.workers.every(({ process }) => process?.isConnected === true)
    );
  }

  #whatIsLeft(): string {
    const { auditor, fleet, supervisor } = this.#world;
    const { jobs, workers } = auditor.model;
    const open = jobs.filter((job) => !job.retired && !isOver(job));
    const held = workers.filter((worker) => worker.leases.size > 0);
    const away = fleet.workers.filter(({ process }) => process?.isConnected !== true);
    const described = open.slice(0, 3).map((job) => {
      const tasks = job.stages.map(({ tasks: all }) => all.map(({ state }) => state).join(" "));
      return `${job.id} (${job.spec.name}) is ${job.state}: ${tasks.join(", ")}`;
    });
    return [
      `${open.length} jobs are open`,
      ...described,
      `${this.#pending} clients wait`,
      `${held.map(heldBy).join(", ")}`,
      `${away.map(({ traits }) => traits.id).join(", ")} are away`,
      `the master is ${supervisor.master === undefined ? "down" : "up"}`,
    ].join("; ");
  }

  /** What must hold at the end: what was acknowledged is there, and a replay is what lives. */
  async #check(): Promise<void> {
    const { auditor, promises } = this.#world;
    const { model, verdict } = auditor;
    for (const id of promises.acknowledged) {
      const job = model.jobById.get(id);
      verdict.check(job !== undefined && isOver(job), () => `job ${id} was acknowledged and lost`);
    }
    for (const worker of model.workers) {
      for (const [name, used] of worker.used) {
        verdict.check(
          used === 0,
          () => `${worker.spec.workerId} has ${used} of ${name} used at rest`,
        );
      }
    }
    await this.#compareLive();
  }

  /** The live state, which may come from a snapshot, against a replay from zero. */
  async #compareLive(): Promise<void> {
    const { auditor, supervisor, scheduler } = this.#world;
    let difference: string | undefined = "the master answers no more";
    // What it decided meanwhile is not durable yet when it is asked: then it is asked again.
    for (let tries = 0; tries < 10 && difference !== undefined; tries++) {
      let has: string | undefined;
      void supervisor.master?.look(digestOf).then((text) => (has = text));
      await scheduler.runUntil(scheduler.now + 20_000, () => has !== undefined);
      if (has !== undefined) difference = auditor.differenceOf(has);
    }
    auditor.verdict.check(
      difference === undefined,
      () => `the live state is not what a replay from zero comes to: ${difference}`,
    );
  }

  #report(): RunReport {
    const { auditor, scheduler, accepted, gates, supervisor } = this.#world;
    return {
      seed: this.#seed,
      steps: this.#steps,
      violation: auditor.verdict.violation,
      virtualMs: scheduler.now,
      accepted: Object.fromEntries(accepted),
      faults: Object.fromEntries(this.#struck),
      gates: Object.fromEntries(gates),
      checks: auditor.verdict.checks,
      entries: auditor.lastIndex,
      starts: supervisor.starts,
      events: scheduler.happened,
      journalHash: this.#world.disk.hash(),
    };
  }
}

function heldBy({ spec, leases }: WorkerModel): string {
  const each = [...leases].map(({ token, end, task }) => {
    const what = task === undefined ? "whose task has left" : `of ${nameOf(task)}`;
    return `lease ${token.lease} ${what} (${end?.type ?? "live"})`;
  });
  return `${spec.workerId} holds ${each.join(", ")}`;
}

/** Faults that cost a restart, and with it a replay. */
const costly: ReadonlySet<FaultClass> = new Set([
  "kill_master",
  "cut_power",
  "fail_fsync",
  "fail_write",
  "cut_power_in_sync",
]);
