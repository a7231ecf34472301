import assert from "node:assert/strict";
import type {
  Dependency,
  FailureDraft,
  HeldLease,
  JobSpec,
  LeaseToken,
  OnTaskFailure,
  Outcome,
  OutputDraft,
  RegisterReply,
  Resource,
  TaskDraft,
  TaskPolicy,
} from "../../../src/core/index.js";
import { queries } from "../../../src/core/index.js";
import { Machine } from "./machine.js";

export const defaultPolicy: TaskPolicy = {
  retry: {
    attemptsMax: 3,
    backoffBaseMs: 1_000,
    backoffFactor: 2,
    backoffCapMs: 60_000,
    nonRetryable: ["Fatal"],
  },
  attemptTimeoutMs: 0,
  lostMax: 10,
  oomMax: 3,
  deliveriesMax: 100,
};

export interface StageSketch {
  readonly name?: string;
  readonly tasks: number | readonly Partial<TaskDraft>[];
  readonly dependsOn?: readonly Dependency[];
  readonly partitions?: number;
  readonly demand?: readonly Resource[];
  readonly type?: string;
  readonly policy?: Partial<TaskPolicy>;
}

export interface JobSketch {
  readonly stages: readonly StageSketch[];
  readonly onTaskFailure?: OnTaskFailure;
  readonly key?: string;
  readonly fingerprint?: string;
  readonly upload?: boolean;
}

/** A grant that a worker was told of. */
export interface Grant {
  readonly worker: number;
  readonly token: LeaseToken;
  readonly index: number;
  readonly stage: string;
  readonly level: number;
  readonly ahead: boolean;
  readonly delivery: number;
  readonly attempt: number;
}

export const slots = (count: number): Resource => ({ name: "slots", milli: count * 1_000 });
export const failure = (draft: Partial<FailureDraft> = {}): FailureDraft => ({
  kind: "error",
  type: "Error",
  message: "it broke",
  retryable: true,
  bodyBytes: 0,
  ...draft,
});

/** Stories about the core: jobs and workers in a sentence each, invariants looked at throughout. */
export class Scenario {
  readonly machine: Machine;
  #session = 0;

  /** @param checks false for a story of thousands of tasks: a look at every invariant costs the whole state */
  constructor({ checks = true } = {}) {
    this.machine = new Machine(undefined, checks);
  }

  submit(sketch: JobSketch): string {
    const decision = this.machine.run(
      {
        kind: "submit_job",
        spec: specOf(sketch),
        idempotencyKey: sketch.key ?? "",
        fingerprint: sketch.fingerprint ?? "f",
        moreToUpload: sketch.upload ?? false,
        tasks: sketch.stages.map(({ tasks }, stage) => ({ stage, tasks: draftsOf(tasks) })),
      },
      sketch.stages.reduce((sum, { tasks }) => sum + draftsOf(tasks).length, 0),
    );
    this.machine.followUp();
    assert(decision.ok);
    return (decision.reply as { jobId: string }).jobId;
  }

  /** A worker with a session and credit. @returns its number */
  worker(
    sketch: {
      readonly id?: string;
      readonly incarnation?: string;
      readonly host?: string;
      readonly rack?: string;
      readonly capacity?: readonly Resource[];
      readonly types?: readonly string[];
      readonly prefetch?: number;
      readonly credit?: number;
      readonly held?: readonly HeldLease[];
    } = {},
  ): number {
    return this.register(sketch).worker;
  }

  register(sketch: NonNullable<Parameters<Scenario["worker"]>[0]>): RegisterReply {
    const session = ++this.#session;
    const decision = this.machine.run({
      kind: "register_worker",
      session,
      held: sketch.held ?? [],
      spec: {
        workerId: sketch.id ?? `w${session}`,
        incarnation: sketch.incarnation ?? "1",
        namespaces: ["default"],
        host: sketch.host ?? `h${session}`,
        rack: sketch.rack ?? "r",
        capacity: sketch.capacity ?? [slots(1)],
        labels: [],
        types: sketch.types ?? ["work"],
        prefetchTasks: sketch.prefetch ?? 0,
        sdk: "test",
      },
    });
    assert(decision.ok);
    const reply = decision.reply as RegisterReply;
    const { worker } = reply;
    const tasks = sketch.credit ?? 100;
    this.machine.note({ kind: "grant_credit", worker, session, tasks, bytes: 1e9 });
    this.machine.followUp();
    return reply;
  }

  /** One round of placement. @returns what was granted in it */
  place(most?: number): Grant[] {
    const { state } = this.machine;
    return this.machine.place(most).flatMap((no) => {
      const view = queries.assignment(state, no);
      const worker = state.leases.get(no)?.worker;
      if (worker === undefined || view === undefined) return [];
      const { index, level, ahead, delivery, attempt, context } = view;
      const { epoch, lease, job, task, drawHigh, drawLow } = view;
      const token = { epoch, lease, job, task, delivery, drawHigh, drawLow };
      return { worker, token, index, stage: context.stageName, level, ahead, delivery, attempt };
    });
  }

  /** One round in which exactly one task is granted. */
  placeOne(): Grant {
    const grants = this.place();
    assert.equal(grants.length, 1);
    return grants[0] as Grant;
  }

  start(grant: Grant): void {
    this.machine.note({ kind: "note_started", worker: grant.worker, tokens: [grant.token] });
  }

  complete(grant: Grant, outputs: readonly OutputDraft[] = []): Outcome {
    return this.#outcome(
      {
        kind: "complete_lease",
        worker: grant.worker,
        token: grant.token,
        outputs,
        recordCount: 0,
      },
      outputs.length,
    );
  }

  fail(grant: Grant, draft: Partial<FailureDraft> = {}): Outcome {
    const { worker, token } = grant;
    return this.#outcome({ kind: "fail_lease", worker, token, failure: failure(draft) }, 0);
  }

  giveBack(grant: Grant, reason: "recalled" | "drained" | "over_delivered" = "drained"): Outcome {
    const { worker, token } = grant;
    return this.#outcome({ kind: "return_lease", worker, token, reason }, 0);
  }

  cancel(jobId: string): void {
    this.machine.run({ kind: "cancel_job", namespace: "default", jobId, note: "" });
    this.machine.followUp();
  }

  /** Time goes by, and what is due is done. */
  pass(ms: number): void {
    this.machine.now += ms;
    this.machine.tick();
  }

  job(jobId: string) {
    const view = queries.getJob(this.machine.state, "default", jobId);
    assert(view !== undefined);
    return view;
  }

  task(jobId: string, index = 0, stage = "s0") {
    const { state, now } = this.machine;
    const view = queries.getTask(state, "default", jobId, stage, index, now);
    assert(view !== undefined);
    return view;
  }

  #outcome(command: Parameters<Machine["run"]>[0], blobs: number): Outcome {
    const decision = this.machine.run(command, blobs);
    this.machine.followUp();
    assert(decision.ok, JSON.stringify(decision));
    return decision.reply as Outcome;
  }
}

function specOf(sketch: JobSketch): JobSpec {
  return {
    namespace: "default",
    name: "job",
    labels: [],
    onTaskFailure: sketch.onTaskFailure ?? { kind: "fail_fast" },
    trace: { traceparent: "", tracestate: "", baggage: "" },
    uploadTtlMs: 60_000,
    stages: sketch.stages.map((stage, i) => ({
      name: stage.name ?? `s${i}`,
      dependsOn: stage.dependsOn ?? [],
      partitions: stage.partitions ?? 1,
      task: {
        type: stage.type ?? "work",
        demand: stage.demand ?? [slots(1)],
        constraints: [],
        policy: { ...defaultPolicy, ...stage.policy },
      },
    })),
  };
}

export function draftsOf(tasks: StageSketch["tasks"]): TaskDraft[] {
  const sketches = typeof tasks === "number" ? Array.from({ length: tasks }, () => ({})) : tasks;
  return sketches.map((sketch) => ({
    bodyBytes: 0,
    hosts: [],
    inputBytes: 0,
    delayMs: 0,
    recordCount: 0,
    ...sketch,
  }));
}
