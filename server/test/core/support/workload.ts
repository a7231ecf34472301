import type { Command, JobSpec, LeaseToken } from "../../../src/core/index.js";
import type { Machine } from "./machine.js";
import type { Idleness } from "./placement-check.js";
import { checkMovedUp, checkNobodyIdles } from "./placement-check.js";
import type { Prng } from "./prng.js";
import { capacityOf, draftOf, failureOf, jobOf, outputsOf, workerOf } from "./random-specs.js";

/** Random clients and workers, mostly sensible, sometimes late, doubled, or wrong. */

const weights = {
  submit: 3,
  resubmit: 1,
  append: 12,
  seal: 6,
  cancel: 1,
  register: 3,
  register_again: 3,
  end_session: 2,
  credit: 6,
  turn: 30,
  start: 20,
  receive: 8,
  complete: 30,
  fail: 10,
  give_back: 4,
  checkpoint: 4,
  late: 6,
  reconcile: 3,
  drain: 1,
  update: 1,
  renew: 6,
  progress: 3,
  alive: 2,
  project: 3,
  time: 14,
  long_time: 1,
  stall: 1,
  wall: 1,
} as const;

/** How often the process ends before a step: replaying is the dear part of it. */
const restartShare = 1 / 2_500;
/** As many as an engine grants in a turn: more than any round here can. */
const grantsPerTurn = 512;

type Act = keyof typeof weights;

/** Drives a machine with random acts; tokens that were ever given stay known, for late comers. */
export class Workload {
  readonly #machine: Machine;
  readonly #random: Prng;
  readonly #tokens: { token: LeaseToken; worker: number }[] = [];
  readonly #uploads: { jobId: string; counts: number[] }[] = [];
  readonly #submitted: { spec: JobSpec; key: string }[] = [];
  #session = 1;
  #incarnation = 1;
  #grantsSeen = 0;
  /** What the run went through, beyond the commands that were accepted. */
  readonly seen = {
    turns: 0,
    ahead: 0,
    restarts: 0,
    restartsWithLeases: 0,
    stalls: 0,
    idleness: { unavailable: 0, infeasible: 0, full: 0, bytes: 0 } satisfies Idleness,
  };

  constructor(machine: Machine, random: Prng) {
    this.#machine = machine;
    this.#random = random;
  }

  step(): void {
    if (this.#random.chance(restartShare)) this.#restart();
    this.#act(this.#random.weighted(weights));
    this.#machine.followUp();
    this.#learnTokens();
  }

  /** Everything ends: enough workers, nobody lost, time goes on. @returns whether it did */
  heal(): boolean {
    const { state } = this.#machine;
    for (const { jobId } of this.#uploads.splice(0)) this.#cancel(jobId);
    for (let no = 0; no < 6; no++) this.#refresh(no);
    this.#tokens.length = 0;
    for (let round = 0; round < 400; round++) {
      this.#turn(grantsPerTurn);
      this.#learnTokens();
      for (const { token, worker } of this.#tokens.splice(0)) {
        this.#machine.run({ kind: "complete_lease", worker, token, outputs: [], recordCount: 0 });
      }
      this.#machine.now += 1_000;
      this.#machine.tick();
      if (
        [...state.jobs].every((job) => ["succeeded", "failed", "cancelled"].includes(job.state))
      ) {
        return true;
      }
    }
    return false;
  }

  #act(act: Act): void {
    const random = this.#random;
    const machine = this.#machine;
    switch (act) {
      case "submit":
        return this.#submit();
      case "resubmit":
        return this.#resubmit();
      case "append":
        return this.#append();
      case "seal":
        return this.#seal();
      case "cancel":
        return this.#cancelAny();
      case "project":
        // History is a while behind.
        return machine.note({
          kind: "note_projected",
          through: machine.now - random.below(10_000),
        });
      case "register":
        return this.#register(random.below(6), random.chance(0.3));
      case "register_again":
        return this.#registerAgain();
      case "turn":
        // Some are cut short, as an engine's is that has granted all that one entry holds.
        return this.#turn(random.chance(0.3) ? 1 + random.below(4) : grantsPerTurn);
      case "time":
        machine.now += random.below(1_500);
        return machine.tick();
      case "long_time":
        machine.now += random.below(40_000);
        return machine.tick();
      case "stall":
        this.seen.stalls += 1;
        machine.stall(random.below(40_000));
        return machine.tick();
      case "wall":
        machine.wallOffMs = random.pick([-1, 0, 1]) * random.below(3_600_000);
        return;
      case "alive":
      case "credit":
      case "end_session":
      case "receive":
      case "reconcile":
      case "drain":
      case "update":
        return this.#actOfWorker(act);
      case "start":
      case "complete":
      case "fail":
      case "give_back":
      case "checkpoint":
      case "late":
      case "renew":
      case "progress":
        return this.#actOnLease(act);
    }
  }

  /** As a turn of the engine: what is due, what follows, then one round of placement. */
  #turn(most: number): void {
    const machine = this.#machine;
    machine.tick();
    const granted = machine.place(most);
    if (granted.length >= most) return;
    this.seen.turns += 1;
    this.seen.ahead += checkMovedUp(machine.state);
    checkNobodyIdles(machine.state, this.seen.idleness);
  }

  /** The master ends at any moment and comes back; most of its workers do too, sooner or later. */
  #restart(): void {
    const machine = this.#machine;
    this.seen.restarts += 1;
    if (machine.state.leases.size > 0) this.seen.restartsWithLeases += 1;
    machine.restart(this.#random.below(30_000));
    for (const { no } of machine.state.workers) {
      if (this.#random.chance(0.7)) this.#resume(no);
    }
  }

  #submit(): void {
    const random = this.#random;
    // A few hundred tasks are enough; an upload costs nothing until it grows.
    if (this.#machine.state.tasks.count > 350 && random.chance(0.9)) return;
    const { spec, counts } = jobOf(random);
    const upload = random.chance(0.4);
    const key = random.chance(0.5) ? `k${this.#submitted.length}` : "";
    const tasks = upload
      ? []
      : counts.map((count, stage) => ({
          stage,
          tasks: Array.from({ length: count }, () => draftOf(random)),
        }));
    const blobs = tasks.reduce((sum, stage) => sum + stage.tasks.length, 0);
    const decision = this.#machine.run(
      {
        kind: "submit_job",
        spec,
        idempotencyKey: key,
        fingerprint: key,
        moreToUpload: upload,
        tasks,
      },
      blobs,
    );
    if (key !== "") this.#submitted.push({ spec, key });
    const jobId = decision.ok ? (decision.reply as { jobId: string }).jobId : "";
    if (upload) this.#uploads.push({ jobId, counts });
  }

  #cancelAny(): void {
    const jobs = [...this.#machine.state.jobs];
    if (jobs.length > 0) this.#cancel(this.#random.pick(jobs).id);
  }

  #resubmit(): void {
    if (this.#submitted.length === 0) return;
    const { spec, key } = this.#random.pick(this.#submitted);
    const fingerprint = this.#random.chance(0.7) ? key : "other";
    this.#machine.run({
      kind: "submit_job",
      spec,
      idempotencyKey: key,
      fingerprint,
      moreToUpload: true,
      tasks: [],
    });
  }

  #append(): void {
    if (this.#uploads.length === 0) return;
    const random = this.#random;
    const { jobId, counts } = random.pick(this.#uploads);
    const stage = random.below(counts.length);
    const job = [...this.#machine.state.jobs].find(({ id }) => id === jobId);
    const has = this.#machine.state.stage((job?.firstStage ?? 0) + stage).taskCount;
    const left = (counts[stage] as number) - has;
    if (left <= 0 && random.chance(0.8)) return;
    const firstIndex = random.chance(0.9) ? has : has + 1;
    const count = Math.max(1, Math.min(left, 1 + random.below(3)));
    this.#machine.run(
      {
        kind: "append_tasks",
        namespace: "default",
        jobId,
        stage: `s${stage}`,
        firstIndex,
        tasks: Array.from({ length: count }, () => draftOf(random)),
      },
      count,
    );
  }

  #seal(): void {
    if (this.#uploads.length === 0) return;
    const at = this.#random.below(this.#uploads.length);
    const { jobId, counts } = this.#uploads[at] as { jobId: string; counts: number[] };
    const decision = this.#machine.run({
      kind: "seal_job",
      namespace: "default",
      jobId,
      counts: counts.map((count, stage) => ({ stage: `s${stage}`, count })),
    });
    // Sealed, or over (lapsed, cancelled): either way there is nothing more to bring.
    const job = [...this.#machine.state.jobs].find(({ id }) => id === jobId);
    if (decision.ok || job?.state !== "uploading") this.#uploads.splice(at, 1);
  }

  #cancel(jobId: string): void {
    this.#machine.run({ kind: "cancel_job", namespace: "default", jobId, note: "" });
    this.#machine.followUp();
  }

  #refresh(no: number): void {
    this.#register(no, true);
    const worker = this.#machine.state.workerById.get(`w${no}`) as number;
    const session = this.#session - 1;
    this.#machine.note({ kind: "grant_credit", worker, session, tasks: 100, bytes: 1e9 });
  }

  #register(no: number, fresh: boolean): void {
    if (fresh) this.#incarnation += 1;
    const spec = workerOf(this.#random, no, this.#incarnation);
    this.#open({ kind: "register_worker", spec, session: this.#session++, held: [] });
  }

  /** The same process comes back, with most of what it held, and perhaps more. */
  #registerAgain(): void {
    const { state } = this.#machine;
    if (state.workers.length === 0) return;
    this.#resume(this.#random.pick(state.workers).no);
  }

  #resume(no: number): void {
    const random = this.#random;
    const worker = this.#machine.state.worker(no);
    const own = this.#tokens.filter((known) => known.worker === worker.no).slice(-12);
    const held = own
      .filter(() => random.chance(0.7))
      .map(({ token }) => ({
        token,
        state: random.pick(["received", "started", "result_pending"] as const),
        demand: [{ name: "slots", milli: 500 }],
      }));
    this.#open({ kind: "register_worker", spec: worker.spec, session: this.#session++, held });
  }

  /** A session begins, mostly with credit: without it a worker is no one to give work to. */
  #open(command: Extract<Command, { kind: "register_worker" }>): void {
    this.#machine.run(command);
    if (this.#random.chance(0.3)) return;
    const worker = this.#machine.state.workerById.get(command.spec.workerId) as number;
    this.#credit(worker, command.session);
  }

  #credit(worker: number, session: number): void {
    const tasks = this.#random.pick([0, 2, 10, 10]);
    const bytes = this.#random.pick([150, 1_000, 100_000]);
    this.#machine.note({ kind: "grant_credit", worker, session, tasks, bytes });
  }

  #actOfWorker(
    act: "alive" | "credit" | "end_session" | "receive" | "reconcile" | "drain" | "update",
  ): void {
    const { state } = this.#machine;
    if (state.workers.length === 0) return;
    const random = this.#random;
    const { no: worker, session, spec } = random.pick(state.workers);
    // What it says, it says in a session.
    if (session === 0) return;
    const sequences = [...state.worker(worker).leases].map(
      (lease) => state.leases.get(lease)?.sequence ?? 0,
    );
    const throughSequence = Math.max(0, ...sequences);
    switch (act) {
      case "alive":
        return this.#machine.note({ kind: "note_alive", worker, session });
      case "credit":
        return this.#credit(worker, session);
      case "end_session":
        return this.#machine.note({ kind: "end_session", worker, session });
      case "receive":
        return this.#machine.note({ kind: "note_received", worker, session, throughSequence });
      case "reconcile": {
        const held = this.#tokens
          .filter((known) => known.worker === worker && random.chance(0.8))
          .map(({ token }) => token);
        this.#machine.run({ kind: "reconcile_held", worker, session, throughSequence, held });
        return;
      }
      case "drain":
        this.#machine.run({ kind: "drain_worker", worker, session });
        return;
      case "update": {
        const capacity = capacityOf(random, spec);
        this.#machine.run({ kind: "update_worker", worker, session, capacity });
        return;
      }
    }
  }

  #actOnLease(
    act: "start" | "complete" | "fail" | "give_back" | "checkpoint" | "late" | "renew" | "progress",
  ): void {
    if (this.#tokens.length === 0) return;
    const random = this.#random;
    const machine = this.#machine;
    // Late comers come with any token ever given; the others with one of the latest.
    const recent = this.#tokens.slice(act === "late" ? 0 : -15);
    const { token, worker } = random.pick(recent);
    switch (act) {
      case "start":
        return machine.note({ kind: "note_started", worker, tokens: [token] });
      case "renew":
        return machine.note({ kind: "renew_leases", worker, tokens: [token] });
      case "progress": {
        const fraction = random.chance(0.5) ? random.below(100) / 100 : undefined;
        return machine.note({ kind: "note_progress", token, fraction, note: "" });
      }
      case "late":
      case "complete": {
        const outputs = outputsOf(random);
        const by = random.chance(0.05) ? worker + 1 : worker;
        machine.run(
          { kind: "complete_lease", worker: by, token, outputs, recordCount: 0 },
          outputs.length,
        );
        return;
      }
      case "fail": {
        const failure = failureOf(random);
        const blobs = failure.bodyBytes > 0 ? 1 : 0;
        machine.run({ kind: "fail_lease", worker, token, failure }, blobs);
        return;
      }
      case "give_back": {
        const reason = random.pick(["recalled", "drained", "over_delivered"] as const);
        machine.run({ kind: "return_lease", worker, token, reason });
        return;
      }
      case "checkpoint":
        machine.run({ kind: "save_checkpoint", token, bodyBytes: 8 }, 1);
        return;
    }
  }

  /** Assignments arrive, in batches with a sequence, as a session would send them. */
  #learnTokens(): void {
    const { granted, state } = this.#machine;
    for (; this.#grantsSeen < granted.length; this.#grantsSeen++) {
      const lease = state.leases.get(granted[this.#grantsSeen] ?? 0);
      if (lease === undefined) continue;
      const { epoch, no, job, task, delivery, drawHigh, drawLow, worker } = lease;
      this.#tokens.push({
        token: { epoch, lease: no, job, task, delivery, drawHigh, drawLow },
        worker,
      });
      if (this.#random.chance(0.9)) {
        this.#machine.note({
          kind: "note_assigned",
          worker,
          session: state.worker(worker).session,
          leases: [no],
          sequence: this.#grantsSeen + 1,
        });
      }
    }
  }
}
