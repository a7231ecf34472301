import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  Annotation,
  Command,
  CoreEvent,
  JobSpec,
  LeaseToken,
  TaskDraft,
} from "../../../src/core/index.js";
import {
  annotate,
  apply,
  decide,
  defaultSettings,
  dueCommands,
  newState,
} from "../../../src/core/index.js";
import {
  Blobs,
  EntryBuilder,
  weigh,
  weighOutputs,
  weighTasks,
} from "../../../src/journal/entry/index.js";
import { tasks as someTasks } from "./arbitraries.js";
import { grant, kind, spec, success } from "./samples.js";

/** A master without an engine: each command is weighed, decided, applied and written. */
class Scale {
  readonly state = newState();
  readonly granted: LeaseToken[] = [];
  readonly seen = new Set<string>();
  now = 1_000;
  #draw = 1;

  run(command: Command, bytes: readonly Uint8Array[] = []): void {
    const blobs = Blobs.of(bytes);
    const { state } = this;
    const builder = new EntryBuilder({ now: this.now, wall: this.now }, 2 ** 50);
    // Something of the other kinds before, so that the command's event has to begin a record.
    builder.addEvent(grant());
    const before = builder.bytes;
    const draw = () => (this.#draw = (this.#draw * 48_271) % 2_147_483_647);
    const times = { now: this.now, wall: this.now, termNow: this.now };
    const context = { ...times, draw, epoch: 2 ** 32 - 1, firstBlob: builder.nextBlob };
    const bounds = [weigh(command, blobs), weigh(command, blobs, state)];
    const decision = decide(state, command, context, defaultSettings);
    assert.ok(decision.ok, JSON.stringify(decision));
    for (const event of decision.events) this.#take(event, builder);
    if (decision.keepsBlobs) builder.addBlobs(blobs);
    const added = builder.bytes - before;
    for (const bound of bounds) {
      assert.ok(added <= bound, `${command.kind} added ${added} bytes and was weighed ${bound}`);
    }
    if (decision.events.length > 0) this.seen.add(command.kind);
    for (const annotation of decision.annotations) this.note(annotation);
  }

  due(): Command[] {
    const { now } = this;
    const context = { now, wall: now, termNow: 0, draw: () => 1, epoch: 1, firstBlob: 1 };
    return dueCommands(this.state, context, defaultSettings);
  }

  #take(event: CoreEvent, builder: EntryBuilder): void {
    apply(this.state, event, { now: this.now, wall: this.now });
    builder.addEvent(event);
    if (event.type !== "lease_granted") return;
    const { lease, task, delivery, epoch, drawHigh, drawLow } = event;
    const { no: job } = this.state.jobOf(task);
    this.granted.push({ epoch, lease, job, task, delivery, drawHigh, drawLow });
  }

  note(annotation: Annotation): void {
    const { now } = this;
    const context = { now, wall: now, termNow: now, draw: () => 1, epoch: 1, firstBlob: 1 };
    annotate(this.state, annotation, context, defaultSettings);
  }

  place(worker: number): LeaseToken {
    const { length } = this.granted;
    this.run({ kind: "place", worker, reach: 2, ahead: true });
    const token = this.granted[length];
    assert.ok(token !== undefined, "nothing was placed");
    return token;
  }
}

const slots = (milli: number) => [{ name: "slots", milli }];
const policy = { ...kind.policy, lostMax: 0 };
const taskKind = { type: "t", demand: slots(1_000), constraints: [], policy };
const mapTask: TaskDraft = {
  bodyBytes: 3,
  hosts: ["h1", "ein-wärmerer-host"],
  inputBytes: 2 ** 50,
  delayMs: 0,
  recordCount: 0,
};

const jobSpec: JobSpec = {
  ...spec,
  onTaskFailure: { kind: "continue" },
  stages: [
    { name: "map", dependsOn: [], partitions: 3, task: taskKind },
    {
      name: "next",
      dependsOn: [{ stage: "map", kind: "each" }],
      partitions: 1,
      task: { ...taskKind, type: "never" },
    },
  ],
};

const workerSpec = {
  workerId: "w",
  incarnation: "1",
  namespaces: ["default"],
  host: "h1",
  rack: "",
  capacity: slots(4_000),
  labels: [],
  types: ["t"],
  prefetchTasks: 20,
  sdk: "test",
};

describe("the weight of a command", () => {
  it("is never less than what is decided on it", () => {
    const scale = new Scale();
    const body = new Uint8Array(3);
    const mapTasks = Array.from({ length: 40 }, () => mapTask);
    const nextTasks = [...mapTasks, { ...mapTask, delayMs: 1, kind }];
    scale.run(
      {
        kind: "submit_job",
        spec: jobSpec,
        idempotencyKey: "key",
        fingerprint: "f".repeat(64),
        moreToUpload: true,
        tasks: [{ stage: 0, tasks: mapTasks }],
      },
      mapTasks.map(() => body),
    );
    const { id: jobId } = scale.state.job(0);
    const job = { namespace: "default", jobId };
    scale.run(
      { kind: "append_tasks", ...job, stage: "next", firstIndex: 0, tasks: nextTasks.slice(0, 40) },
      nextTasks.slice(0, 40).map(() => body),
    );
    const counts = [
      { stage: "map", count: 40 },
      { stage: "next", count: 40 },
    ];
    scale.run({ kind: "seal_job", ...job, counts });
    scale.run({ kind: "advance_job", job: 0 });
    scale.run({ kind: "register_worker", spec: workerSpec, session: 1, held: [] });
    scale.note({ kind: "grant_credit", worker: 0, session: 1, tasks: 100, bytes: 1e9 });

    const [a, b, c, d, e, f] = Array.from({ length: 24 }, () => scale.place(0)) as LeaseToken[];
    assert.ok(a && b && c && d && e && f);
    const output = { partition: 2, bodyBytes: 3, dataBytes: 2 ** 50, hosts: ["x", "größer"] };
    const outputs = [output, { ...output, hosts: [] }];
    const two = [body, body];
    scale.run({ kind: "save_checkpoint", token: a, bodyBytes: 3 }, [body]);
    scale.run({ kind: "complete_lease", worker: 0, token: a, outputs, recordCount: 9 }, two);
    const draft = { kind: "error", type: "Ä".repeat(99), message: "é".repeat(999) } as const;
    const failure = { ...draft, retryable: true, bodyBytes: 3 };
    scale.run({ kind: "fail_lease", worker: 0, token: b, failure }, [body]);
    scale.run(
      { kind: "fail_lease", worker: 0, token: c, failure: { ...failure, retryable: false } },
      [body],
    );
    scale.run({ kind: "return_lease", worker: 0, token: d, reason: "recalled" });
    const expired = scale.state.leases.get(e.lease);
    assert(expired !== undefined);
    expired.deadlineAt = 0;
    scale.run({ kind: "expire_lease", lease: e.lease });
    scale.run({ kind: "time_out_attempt", lease: f.lease });
    const recalled = scale.granted.at(-1);
    assert.ok(recalled);
    scale.run({ kind: "recall_lease", lease: recalled.lease });
    scale.run({ kind: "complete_lease", worker: 0, token: e, outputs: [], recordCount: 0 });
    scale.now += 3_000_000_000;
    for (const command of scale.due()) if (command.kind === "release_tasks") scale.run(command);
    scale.run({ kind: "update_worker", worker: 0, session: 1, capacity: kind.demand });
    scale.run({ kind: "drain_worker", worker: 0, session: 1 });

    const held = { token: b, state: "started", demand: kind.demand } as const;
    scale.run({ kind: "register_worker", spec: workerSpec, session: 2, held: [held] });
    scale.note({ kind: "grant_credit", worker: 0, session: 2, tasks: 100, bytes: 1e9 });
    const unsent = scale.place(0);
    const leases = [unsent.lease];
    scale.note({ kind: "note_assigned", worker: 0, session: 2, leases, sequence: 1 });
    scale.run({ kind: "reconcile_held", worker: 0, session: 2, throughSequence: 1, held: [] });
    scale.place(0);
    scale.note({ kind: "end_session", worker: 0, session: 2 });
    scale.now += 15_000;
    scale.run({ kind: "lose_worker", worker: 0 });
    scale.run({ kind: "cancel_job", ...job, note: "ü".repeat(500) });
    scale.run({ kind: "sweep_job", job: 0 });
    scale.run({
      kind: "submit_job",
      spec: jobSpec,
      idempotencyKey: "",
      fingerprint: "",
      moreToUpload: true,
      tasks: [],
    });
    scale.run({ kind: "lapse_upload", job: 1 });

    // Every kind was weighed against something.
    assert.deepEqual([...scale.seen].sort(), kinds);
  });

  it("of tasks is never less than their event, and little more", () => {
    const builder = new EntryBuilder({ now: 1, wall: 1 }, 1);
    fc.assert(
      fc.property(someTasks, (tasks) => {
        const before = builder.bytes;
        const max = { job: 2 ** 32 - 1, stage: 2 ** 32 - 1, firstTask: 2 ** 32 - 1 };
        const numbers = { ...max, firstIndex: 2 ** 32 - 1, firstBlob: 2 ** 53 - 1 };
        builder.addEvent({ type: "tasks_added", version: 1, ...numbers, tasks });
        const added = builder.bytes - before;
        const weight = weighTasks(tasks);
        assert.ok(added <= weight, `${added} bytes weighed ${weight}`);
        const spare = 150 + 12 * tasks.length + tasks.flatMap(({ hosts }) => hosts).length;
        assert.ok(weight <= 3 * added + spare, `${added} bytes weighed ${weight}`);
      }),
    );
  });

  it("of outputs is never less than what they add to a success", () => {
    const output = { partition: 2 ** 32 - 1, bodyBytes: 2 ** 32 - 1, dataBytes: 2 ** 53 - 1 };
    const outputs = Array.from({ length: 100 }, (_, i) => ({
      ...output,
      hosts: [`höst ${i}`, "b"],
    }));
    const builder = new EntryBuilder({ now: 1, wall: 1 }, 1);
    builder.addEvent(success());
    const before = builder.bytes;
    builder.addEvent(success({ firstBlob: 1, outputs }));
    assert.ok(builder.bytes - before <= weighOutputs(outputs) + 200);
  });

  it("of a worker's end follows its leases, where the state is at hand", () => {
    const scale = new Scale();
    scale.run({ kind: "register_worker", spec: workerSpec, session: 1, held: [] });
    const command = { kind: "lose_worker", worker: 0 } as const;
    assert.ok(weigh(command, Blobs.none, scale.state) < 200);
    assert.ok(weigh(command, Blobs.none) > 4_096 * 100);
  });
});

const kinds: readonly Command["kind"][] = [
  "advance_job",
  "append_tasks",
  "cancel_job",
  "complete_lease",
  "drain_worker",
  "expire_lease",
  "fail_lease",
  "lapse_upload",
  "lose_worker",
  "place",
  "recall_lease",
  "reconcile_held",
  "register_worker",
  "release_tasks",
  "return_lease",
  "save_checkpoint",
  "seal_job",
  "submit_job",
  "sweep_job",
  "time_out_attempt",
  "update_worker",
];
