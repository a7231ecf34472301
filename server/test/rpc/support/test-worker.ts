import { PartitionOutput } from "@capstan/proto/capstan/v1/common.js";
import { Failure, FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import type { AssignmentView, WorkerNo, WorkerSpec } from "../../../src/core/index.js";
import type { Engine } from "../../../src/engine/engine-port.js";
import { Blobs } from "../../../src/engine/engine-port.js";

let lastSession = 1_000_000;

/** A worker beside the wire: what the edge shows of its work is what these tests are about. */
export class TestWorker {
  readonly assigned: AssignmentView[] = [];
  readonly #engine: Engine;
  readonly #session = ++lastSession;
  #waiting: (() => void)[] = [];
  #no = -1;

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  static async register(engine: Engine, spec: Partial<WorkerSpec> = {}): Promise<TestWorker> {
    const worker = new TestWorker(engine);
    await worker.#register({
      workerId: `worker-${worker.#session}`,
      incarnation: "1",
      namespaces: ["default"],
      host: "h1",
      rack: "r1",
      capacity: [{ name: "slots", milli: 4_000 }],
      labels: [],
      types: ["noop"],
      prefetchTasks: 0,
      sdk: "test/1.0",
      ...spec,
    });
    return worker;
  }

  async #register(spec: WorkerSpec): Promise<void> {
    const session = this.#session;
    this.#engine.attach(session, {
      notify: (notices) => {
        for (const notice of notices) {
          if (notice.kind === "assign") this.assigned.push(notice);
        }
        for (const wake of this.#waiting.splice(0)) wake();
      },
    });
    const result = await this.#engine.submit<"register_worker">({
      kind: "register_worker",
      session,
      held: [],
      spec,
    });
    if (!result.ok) throw new Error(result.rejection.message);
    this.#no = result.reply.worker;
    this.#engine.note({
      kind: "grant_credit",
      worker: this.#no,
      session,
      tasks: 4_096,
      bytes: 1e9,
    });
  }

  /** Its number in the core. */
  get no(): number {
    return this.#no;
  }

  /** The next assignment, once it has come. */
  async next(): Promise<AssignmentView> {
    while (this.assigned.length === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.assigned.shift() as AssignmentView;
  }

  /** Its stream is gone, as when its process was killed. */
  leave(): void {
    this.#engine.note({ kind: "end_session", worker: this.#no, session: this.#session });
  }

  /** It was told to stop, and says that it does. */
  async drain(): Promise<void> {
    const [worker, session] = [this.#no, this.#session];
    await this.#engine.submit<"drain_worker">({ kind: "drain_worker", worker, session });
  }

  start(token: AssignmentView): void {
    this.#engine.note({ kind: "note_started", worker: this.#no, tokens: [token] });
  }

  /** @param outputs bytes by partition */
  async complete(
    token: AssignmentView,
    outputs: Readonly<Record<number, Buffer>> = {},
  ): Promise<void> {
    const entries = Object.entries(outputs).map(([partition, bytes]) => ({
      partition: Number(partition),
      dataBytes: bytes.length,
      blob: PartitionOutput.encode({
        partition: Number(partition),
        value: { $case: "inline", value: bytes },
      }).finish(),
    }));
    await this.#engine.submit<"complete_lease">(
      {
        kind: "complete_lease",
        worker: this.#no,
        token,
        recordCount: 0,
        outputs: entries.map(({ partition, dataBytes, blob }) => ({
          partition,
          dataBytes,
          bodyBytes: blob.length,
          hosts: [],
        })),
      },
      Blobs.of(entries.map(({ blob }) => blob)),
    );
  }

  async fail(token: AssignmentView, type = "Error", retryable = true): Promise<void> {
    const kind = FailureKind.FAILURE_KIND_ERROR;
    const blob = Failure.encode(
      Failure.fromPartial({ kind, type, message: "it broke", stack: "at line 1" }),
    ).finish();
    await this.#engine.submit<"fail_lease">(
      {
        kind: "fail_lease",
        worker: this.#no,
        token,
        failure: {
          kind: "error",
          type,
          message: "it broke",
          retryable,
          retryAfterMs: 0,
          bodyBytes: blob.length,
        },
      },
      Blobs.of([blob]),
    );
  }
}

/** Loses a worker without a session, as if its term were over. */
export async function loseWorker(engine: Engine, no: WorkerNo): Promise<void> {
  await engine.read((state) => {
    state.worker(no).seenAt -= engine.settings.leaseTermMs;
  });
  await engine.submit({ kind: "lose_worker", worker: no });
}
