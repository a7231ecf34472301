import {
  annotate,
  apply,
  checkInvariants,
  type Command,
  type CoreEvent,
  decide,
  type Decision,
  defaultSettings,
  type JobSpec,
  newState,
  placementRound,
} from "@capstan/server/inside";
import { Dice } from "../support/dice.js";
import { monotonicMs } from "../support/monotonic.js";
import { capacityOf, demands, hostOf, rackOf, TaskSource, taskType } from "./world.js";

/** Levels of a placement: on the host of its data, in its rack, anywhere; and without a preference. */
export type Levels = readonly [host: number, rack: number, anywhere: number, indifferent: number];

/** What one size measured. Microseconds a placement, decide and apply. */
export interface PlaceTimes {
  readonly tookUs: readonly number[];
  readonly levels: Levels;
}

/** Tasks of a job that is there to fill workers. */
const fillerTasks = 50;

interface Job {
  readonly demand: number;
  /** How many tasks it has, and how many of them wait. */
  readonly tasks: number;
  left: number;
}

/** The core with workers that are full and a backlog that keeps its size. */
export class Placer {
  readonly #state = newState(1);
  readonly #dice = new Dice(7);
  readonly #source: TaskSource;
  readonly #jobs = new Map<number, Job>();
  readonly #leases: number[] = [];
  #now = 1_000_000;
  #firstBlob = 1;

  constructor(workers: number) {
    this.#source = new TaskSource(11, workers);
    for (let no = 0; no < workers; no++) this.#register(no);
  }

  get leases(): number {
    return this.#leases.length;
  }

  /** How many tasks wait. */
  get pending(): number {
    let pending = 0;
    for (const { left } of this.#jobs.values()) pending += left;
    return pending;
  }

  /** Gives every worker all that it has room for, of every demand. */
  fill(): void {
    for (let demand = 0; demand < demands.length; demand++) this.submit(demand, fillerTasks);
    for (const { no: worker } of this.#state.workers) {
      for (;;) {
        const decision = this.#carryOut({ kind: "place", worker, reach: 2, ahead: false });
        const event = decision.ok ? decision.events[0] : undefined;
        if (event?.type !== "lease_granted") break;
        this.#placed(event);
      }
    }
    // What nobody has room for makes way. Leases of these jobs go on, and stop when they are answered for.
    for (const no of this.#jobs.keys()) {
      const { id: jobId } = this.#state.job(no);
      this.#run({ kind: "cancel_job", namespace: "default", jobId, note: "" });
    }
    this.#jobs.clear();
    while (this.#state.toSweep.size > 0) {
      for (const job of this.#state.toSweep) this.#run({ kind: "sweep_job", job });
    }
    this.#advance();
  }

  /** A job with one stage, one bag: tasks that are alike but for their data. */
  submit(demand: number, tasks: number): void {
    const job = this.#state.jobs.count;
    this.#run({
      kind: "submit_job",
      spec: specs[demand] as JobSpec,
      idempotencyKey: "",
      fingerprint: "",
      moreToUpload: false,
      tasks: [{ stage: 0, tasks: this.#source.take(tasks) }],
    });
    this.#firstBlob += tasks;
    this.#jobs.set(job, { demand, tasks, left: tasks });
  }

  /**
   * A task ends at a worker, which is given another: so many times. A job that is all placed is followed by one
   * like it.
   */
  measure(count: number): PlaceTimes {
    const tookUs: number[] = [];
    const levels: [number, number, number, number] = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const worker = this.#end(this.#dice.below(this.#leases.length));
      const startedAt = monotonicMs();
      const decision = this.#carryOut({ kind: "place", worker, reach: 2, ahead: false });
      tookUs.push((monotonicMs() - startedAt) * 1_000);
      const event = grantOf(decision);
      levels[event.level] += 1;
      this.#placed(event);
    }
    return { tookUs, levels };
  }

  /** The same, but as a turn of the engine asks: a whole round, which looks at all who may have room. */
  measureRounds(count: number): number[] {
    const tookUs: number[] = [];
    for (let i = 0; i < count; i++) {
      this.#end(this.#dice.below(this.#leases.length));
      const startedAt = monotonicMs();
      const granted = this.#round(512);
      tookUs.push((monotonicMs() - startedAt) * 1_000);
      for (const event of granted) this.#placed(event);
    }
    return tookUs;
  }

  /** Who was given one task where several had room takes the others, before rounds are measured. */
  settle(): void {
    for (let granted = Infinity; granted > 1;) {
      const events = this.#round(512);
      for (const event of events) this.#placed(event);
      granted = events.length;
    }
  }

  check(): void {
    checkInvariants(this.#state);
  }

  #round(most: number): readonly Grant[] {
    const granted: Grant[] = [];
    placementRound(
      this.#state,
      (worker, reach, ahead) => {
        const decision = this.#carryOut({ kind: "place", worker, reach, ahead });
        const event = decision.ok ? decision.events[0] : undefined;
        if (event?.type !== "lease_granted") return 0;
        granted.push(event);
        return event.lease;
      },
      most,
    );
    return granted;
  }

  /** One task less in its job; the last of it brings the next job. */
  #placed(event: Grant): void {
    this.#leases.push(event.lease);
    const no = this.#state.leases.get(event.lease)?.job ?? -1;
    const job = this.#jobs.get(no);
    if (job === undefined) throw new Error(`a task of job ${String(no)} that has none left`);
    job.left -= 1;
    if (job.left > 0) return;
    this.#jobs.delete(no);
    this.submit(job.demand, job.tasks);
  }

  /** A lease ends well, and what follows from it. @returns its worker */
  #end(at: number): number {
    const no = this.#leases[at] as number;
    this.#leases[at] = this.#leases[this.#leases.length - 1] as number;
    this.#leases.pop();
    const lease = this.#state.leases.get(no);
    if (lease === undefined) throw new Error(`lease ${String(no)} is gone`);
    const { epoch, job, task, delivery, drawHigh, drawLow, worker } = lease;
    const token = { epoch, lease: no, job, task, delivery, drawHigh, drawLow };
    this.#run({ kind: "complete_lease", worker, token, outputs: [], recordCount: 0 });
    this.#advance();
    return worker;
  }

  #advance(): void {
    for (const job of this.#state.toAdvance) {
      this.#state.toAdvance.delete(job);
      this.#run({ kind: "advance_job", job });
    }
  }

  #register(no: number): void {
    const session = no + 1;
    this.#run({
      kind: "register_worker",
      session,
      held: [],
      spec: {
        workerId: `w${String(no)}`,
        incarnation: "1",
        namespaces: ["default"],
        host: hostOf(no),
        rack: rackOf(no),
        capacity: capacityOf(no),
        labels: [],
        types: [taskType],
        prefetchTasks: 0,
        sdk: "bench",
      },
    });
    const credit = { kind: "grant_credit", worker: no, session, tasks: 1_000, bytes: 1e9 } as const;
    annotate(this.#state, credit, this.#context(), defaultSettings);
  }

  /** @throws Error unless it is accepted and changes something */
  #run(command: Command): void {
    const decision = this.#carryOut(command);
    if (!decision.ok) throw new Error(`${command.kind}: ${decision.rejection.kind}`);
    for (const note of decision.annotations) {
      annotate(this.#state, note, this.#context(), defaultSettings);
    }
    if (decision.events.length > 0 || command.kind === "advance_job") return;
    throw new Error(`${command.kind} changed nothing`);
  }

  #carryOut(command: Command): Decision {
    const context = this.#context();
    const decision: Decision = decide(this.#state, command, context, defaultSettings);
    if (decision.ok) for (const event of decision.events) apply(this.#state, event, context);
    return decision;
  }

  #context() {
    this.#now += 0.01;
    const { uint32: draw } = this.#dice;
    const now = Math.floor(this.#now);
    return { now, wall: now, termNow: now, draw, epoch: 1, firstBlob: this.#firstBlob };
  }
}

type Grant = Extract<CoreEvent, { type: "lease_granted" }>;

/** @throws Error if nothing was placed: what was measured then is no placement */
function grantOf(decision: Decision): Grant {
  const event = decision.ok ? decision.events[0] : undefined;
  if (event?.type === "lease_granted") return event;
  throw new Error(`nothing was placed: ${JSON.stringify(decision)}`);
}

const specs: readonly JobSpec[] = demands.map((demand) => ({
  namespace: "default",
  name: "decide",
  labels: [],
  onTaskFailure: { kind: "continue" },
  trace: { traceparent: "", tracestate: "", baggage: "" },
  uploadTtlMs: 60_000,
  stages: [
    {
      name: "only",
      dependsOn: [],
      partitions: 1,
      task: {
        type: taskType,
        demand,
        constraints: [],
        policy: {
          retry: {
            attemptsMax: 3,
            backoffBaseMs: 1_000,
            backoffFactor: 2,
            backoffCapMs: 60_000,
            nonRetryable: [],
          },
          attemptTimeoutMs: 0,
          lostMax: 10,
          oomMax: 3,
          deliveriesMax: 100,
        },
      },
    },
  ],
}));
