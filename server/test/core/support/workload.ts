import type {
  DependencyKind,
  JobSpec,
  LeaseToken,
  OnTaskFailure,
  StageSpec,
  TaskDraft,
  TaskPolicy,
  WorkerSpec,
} from "../../../src/core/index.js";
import type { Machine } from "./machine.js";
import type { Prng } from "./prng.js";

/** Random clients and workers, mostly sensible, sometimes late, doubled, or wrong. */

const types = ["map", "reduce", "gpu"];
const hosts = ["h0", "h1", "h2", "h3", "h4"];

export function policyOf(random: Prng): TaskPolicy {
  return {
    retry: {
      attemptsMax: 1 + random.below(4),
      backoffBaseMs: random.pick([0, 100, 5_000]),
      backoffFactor: random.pick([1, 2, 3]),
      backoffCapMs: 20_000,
      nonRetryable: ["Fatal"],
    },
    attemptTimeoutMs: random.pick([0, 0, 2_000]),
    lostMax: random.pick([1, 10]),
    oomMax: 1,
    deliveriesMax: random.pick([3, 100]),
  };
}

function demandOf(random: Prng, type: string) {
  if (type === "gpu")
    return [
      { name: "slots", milli: 1_000 },
      { name: "gpu", milli: 500 },
    ];
  return [{ name: "slots", milli: random.pick([500, 1_000, 2_000]) }];
}

export function draftOf(random: Prng): TaskDraft {
  const count = random.pick([0, 0, 1, 3]);
  const picked = new Set<string>();
  for (let i = 0; i < count; i++) picked.add(random.pick(hosts));
  return {
    bodyBytes: random.below(200),
    hosts: [...picked],
    inputBytes: count === 0 ? 0 : random.below(5) * 1_000,
    delayMs: random.chance(0.05) ? 3_000 : 0,
    recordCount: 0,
  };
}

export function workerOf(random: Prng, no: number, incarnation: number): WorkerSpec {
  return {
    workerId: `w${no}`,
    incarnation: `i${incarnation}`,
    namespaces: ["default"],
    host: hosts[no % hosts.length] as string,
    rack: `r${no % 2}`,
    capacity: [
      { name: "slots", milli: 1_000 * (1 + (no % 4)) },
      { name: "gpu", milli: no % 3 === 0 ? 1_000 : 0 },
    ],
    labels: [],
    types: no % 3 === 0 ? types : ["map", "reduce"],
    prefetchTasks: random.pick([0, 0, 2]),
    sdk: "test",
  };
}

/** A job of one to three stages whose task counts go together. */
export function jobOf(random: Prng): { spec: JobSpec; counts: number[] } {
  const counts: number[] = [];
  const stages: StageSpec[] = [];
  const stageCount = random.pick([1, 1, 2, 3]);
  for (let i = 0; i < stageCount; i++) {
    const type = random.pick(types);
    const kind: DependencyKind = random.pick(["all", "partition", "each"]);
    const partitions = 1 + random.below(3);
    const upstream = stages[i - 1];
    const dependsOn = upstream === undefined ? [] : [{ stage: upstream.name, kind }];
    let count = random.below(6);
    if (upstream !== undefined && kind === "partition") count = upstream.partitions;
    if (upstream !== undefined && kind === "each") count = counts[i - 1] as number;
    counts.push(count);
    const task = {
      type,
      demand: demandOf(random, type),
      constraints: [],
      policy: policyOf(random),
    };
    stages.push({ name: `s${i}`, dependsOn, partitions, task });
  }
  const onTaskFailure: OnTaskFailure = random.pick([
    { kind: "fail_fast" },
    { kind: "continue" },
    { kind: "tolerate_count", count: 2 },
    { kind: "tolerate_share", shareMillionths: 500_000 },
  ]);
  const spec: JobSpec = {
    namespace: "default",
    name: "job",
    labels: [],
    onTaskFailure,
    trace: { traceparent: "", tracestate: "", baggage: "" },
    uploadTtlMs: 60_000,
    stages,
  };
  return { spec, counts };
}

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
  place: 30,
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
  time: 14,
  long_time: 1,
} as const;

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

  constructor(machine: Machine, random: Prng) {
    this.#machine = machine;
    this.#random = random;
  }

  step(): void {
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
      this.#machine.place();
      this.#learnTokens();
      for (const { token, worker } of this.#tokens.splice(0)) {
        this.#machine.run({ kind: "complete_lease", worker, token, outputs: [], recordCount: 0 });
      }
      this.#machine.now += 1_000;
      this.#machine.tick();
      if (state.jobs.every((job) => ["succeeded", "failed", "cancelled"].includes(job.state))) {
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
        if (machine.state.jobs.length > 0) this.#cancel(random.pick(machine.state.jobs).id);
        return;
      case "register":
        return this.#register(random.below(6), random.chance(0.3));
      case "register_again":
        return this.#registerAgain();
      case "place":
        machine.place(1 + random.below(4));
        return;
      case "time":
        machine.now += random.below(1_500);
        return machine.tick();
      case "long_time":
        machine.now += random.below(40_000);
        return machine.tick();
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
        return this.#actOnLease(act);
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
    const job = this.#machine.state.jobs.find(({ id }) => id === jobId);
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
    if (decision.ok) this.#uploads.splice(at, 1);
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
    this.#machine.run({ kind: "register_worker", spec, session: this.#session++, held: [] });
  }

  /** The same process comes back, with most of what it held, and perhaps more. */
  #registerAgain(): void {
    const { state } = this.#machine;
    if (state.workers.length === 0) return;
    const random = this.#random;
    const worker = random.pick(state.workers);
    const own = this.#tokens.filter((known) => known.worker === worker.no).slice(-12);
    const held = own
      .filter(() => random.chance(0.7))
      .map(({ token }) => ({
        token,
        state: random.pick(["received", "started", "result_pending"] as const),
        demand: [{ name: "slots", milli: 500 }],
      }));
    this.#machine.run({
      kind: "register_worker",
      spec: worker.spec,
      session: this.#session++,
      held,
    });
  }

  #actOfWorker(act: "credit" | "end_session" | "receive" | "reconcile" | "drain" | "update"): void {
    const { state } = this.#machine;
    if (state.workers.length === 0) return;
    const random = this.#random;
    const { no: worker, session, spec } = random.pick(state.workers);
    const sequences = [...state.worker(worker).leases].map(
      (lease) => state.leases.get(lease)?.sequence ?? 0,
    );
    const throughSequence = Math.max(0, ...sequences);
    switch (act) {
      case "credit":
        return this.#machine.note({
          kind: "grant_credit",
          worker,
          session,
          tasks: random.pick([0, 2, 10, 10]),
          bytes: random.pick([150, 100_000]),
        });
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
        const capacity = spec.capacity.map(({ name, milli }) => ({
          name,
          milli: Math.max(0, milli + random.pick([-500, 0, 1_000])),
        }));
        this.#machine.run({ kind: "update_worker", worker, session, capacity });
        return;
      }
    }
  }

  #actOnLease(
    act: "start" | "complete" | "fail" | "give_back" | "checkpoint" | "late" | "renew",
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
      case "late":
      case "complete": {
        const outputs = random.chance(0.5)
          ? [
              {
                partition: random.below(3),
                bodyBytes: 10,
                dataBytes: 10,
                hosts: random.chance(0.5) ? [random.pick(hosts)] : [],
              },
            ]
          : [];
        const by = random.chance(0.05) ? worker + 1 : worker;
        machine.run(
          { kind: "complete_lease", worker: by, token, outputs, recordCount: 0 },
          outputs.length,
        );
        return;
      }
      case "fail": {
        const failure = {
          kind: random.pick(["error", "error", "timeout", "out_of_memory", "invalid"] as const),
          type: random.pick(["Error", "Error", "Fatal"]),
          message: "it broke",
          retryable: random.chance(0.9),
          bodyBytes: random.pick([0, 30]),
        };
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
