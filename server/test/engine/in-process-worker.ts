import type { AssignmentView, JobSpec, SubmitJob, TaskDraft } from "../../src/core/index.js";
import type { Engine, SessionNotice } from "../../src/engine/engine-port.js";
import { Blobs } from "../../src/engine/engine-port.js";

/** A job of one stage, as the codec would hand it to the core. */
export function specOf(name: string): JobSpec {
  return {
    namespace: "default",
    name,
    labels: [],
    onTaskFailure: { kind: "fail_fast" },
    trace: { traceparent: "", tracestate: "", baggage: "" },
    uploadTtlMs: 3_600_000,
    stages: [
      {
        name: "main",
        dependsOn: [],
        partitions: 1,
        task: {
          type: "noop",
          demand: [{ name: "slots", milli: 1_000 }],
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
  };
}

export function draftOf(bodyBytes: number, delayMs = 0): TaskDraft {
  return { bodyBytes, hosts: [], inputBytes: 0, delayMs, recordCount: 0 };
}

/** A job without tasks, and nothing to upload. */
export function submitOf(name: string): SubmitJob {
  return {
    kind: "submit_job",
    spec: specOf(name),
    idempotencyKey: "",
    fingerprint: "",
    moreToUpload: false,
    tasks: [],
  };
}

/** Submits a job of so many tasks, all in one command. */
export async function submit(
  engine: Engine,
  name: string,
  count: number,
  bodyBytes = 0,
  delayMs = 0,
) {
  const tasks = Array.from({ length: count }, () => draftOf(bodyBytes, delayMs));
  const blobs = Blobs.of(tasks.map(() => new Uint8Array(bodyBytes)));
  const result = await engine.submit<"submit_job">(
    { ...submitOf(name), tasks: [{ stage: 0, tasks }] },
    blobs,
  );
  if (!result.ok) throw new Error(result.rejection.message);
  return result.reply.jobId;
}

/** Once all promises are through that were settled before. */
async function soon(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

/** A worker without a wire: takes what it is assigned and completes it at once. */
export class InProcessWorker {
  readonly assigned: AssignmentView[] = [];
  readonly #engine: Engine;
  readonly #session: number;
  readonly #waiting: { count: number; resolve: () => void }[] = [];
  readonly #expecting: { count: number; resolve: () => void }[] = [];
  #sent = 0;
  completed = 0;
  /** How many assignments it had at once of which it was told no outcome. */
  mostHeld = 0;
  #worker = -1;

  constructor(engine: Engine, session: number) {
    this.#engine = engine;
    this.#session = session;
  }

  async register(slots: number, completes = true, window = 4_096): Promise<void> {
    this.#engine.attach(this.#session, {
      notify: (notices) => {
        this.#take(notices, completes);
      },
    });
    const result = await this.#engine.submit<"register_worker">({
      kind: "register_worker",
      session: this.#session,
      held: [],
      spec: {
        workerId: `w${this.#session}`,
        incarnation: "1",
        namespaces: ["default"],
        host: "h1",
        rack: "r1",
        capacity: [{ name: "slots", milli: slots * 1_000 }],
        labels: [],
        types: ["noop"],
        prefetchTasks: 0,
        sdk: "test",
      },
    });
    if (!result.ok) throw new Error(result.rejection.message);
    this.#worker = result.reply.worker;
    this.#engine.note({
      kind: "grant_credit",
      worker: this.#worker,
      session: this.#session,
      tasks: window,
      bytes: 1e9,
    });
  }

  /** Resolves once so many results are settled. */
  settled(count: number): Promise<void> {
    if (this.completed >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Resolves once it has been given so many tasks in all. */
  given(count: number): Promise<void> {
    if (this.assigned.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#expecting.push({ count, resolve }));
  }

  /** Completes all that it holds, in one message. */
  async completeAll(): Promise<void> {
    await this.#complete(this.assigned.slice(this.#sent));
  }

  #take(notices: readonly SessionNotice[], completes: boolean): void {
    const assigned = notices.filter((notice) => notice.kind === "assign");
    this.assigned.push(...assigned);
    const given = this.assigned.length;
    for (const { count, resolve } of this.#expecting) if (given >= count) resolve();
    void soon().then(() => {
      this.mostHeld = Math.max(this.mostHeld, given - this.completed);
    });
    if (completes && assigned.length > 0) void this.#complete(assigned);
  }

  async #complete(assigned: readonly AssignmentView[]): Promise<void> {
    this.#sent += assigned.length;
    const submissions = assigned.map((token) => ({
      command: {
        kind: "complete_lease" as const,
        worker: this.#worker,
        token,
        outputs: [],
        recordCount: 0,
      },
      blobs: Blobs.none,
    }));
    const results = await this.#engine.submitMany(submissions);
    this.completed += results.length;
    for (const { count, resolve } of this.#waiting) if (this.completed >= count) resolve();
  }
}
