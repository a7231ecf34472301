import type { Input } from "@capstan/proto/capstan/v1/common.js";
import type { TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import type { TaskDraft, TaskKind } from "../../core/index.js";
import { limits, safeIntegerMax } from "../limits.js";
import { InvalidInputError } from "../errors.js";
import type { Bodies } from "./bodies.js";
import { encodeBody, payloadHeaderBytes } from "./body.js";
import type { Checker } from "./checker.js";
import type { EncodedTasks } from "./encoded-tasks.js";
import type { JobPolicies } from "./job-policies.js";
import { decodeConstraints, decodeDemand, isSameKind, keyOf } from "./kinds.js";
import { hostsOf, inputBytesOf } from "./locality.js";
import type { Weight } from "./weight.js";

const nowhere: readonly string[] = [];

/** Where decoded tasks go: drafts for the core, a body for each, in the same order. */
export interface TaskSink {
  readonly bodies: Bodies;
  readonly weight: Weight;
}

/**
 * Decodes the tasks of one stage. The path of a task is written only when something is wrong with
 * it, and tasks without overrides share their stage's kind: this loop runs for every task there is.
 */
export class TaskDecoder {
  readonly #checker: Checker;
  readonly #policies: JobPolicies;
  readonly #sink: TaskSink;
  /** Kinds that differ from the stage's, by what tells them apart: equal overrides share one. */
  #kinds: Map<string, TaskKind> | undefined;

  constructor(checker: Checker, policies: JobPolicies, sink: TaskSink) {
    this.#checker = checker;
    this.#policies = policies;
    this.#sink = sink;
  }

  /** @param stageKind what holds for tasks that say nothing else; its type may be empty */
  decode(tasks: EncodedTasks, stageKind: TaskKind): TaskDraft[] {
    const checker = this.#checker;
    const { weight } = this.#sink;
    const { count } = tasks;
    const drafts = new Array<TaskDraft>(count);
    // Also of those that were refused half-way.
    this.#kinds = undefined;
    for (let i = 0; i < count; i++) {
      checker.task = i;
      const payload = tasks.payloadStart(i);
      const draft =
        payload >= 0
          ? this.#plain(tasks.bytes, payload, tasks.stop(i), stageKind)
          : this.#full(tasks, i, stageKind);
      drafts[i] = draft;
      weight.addTask(draft);
    }
    checker.task = -1;
    return drafts;
  }

  /** A task that is a payload and nothing else: bytes [start, stop). */
  #plain(bytes: Uint8Array, start: number, stop: number, stageKind: TaskKind): TaskDraft {
    this.#checkSize(stop - start);
    if (stageKind.type === "") this.#failForType();
    const bodyBytes = this.#sink.bodies.addPayload(bytes, start, stop);
    return { bodyBytes, hosts: nowhere, inputBytes: 0, delayMs: 0, recordCount: 0 };
  }

  #full(tasks: EncodedTasks, i: number, stageKind: TaskKind): TaskDraft {
    const checker = this.#checker;
    const task = this.#message(tasks, i);
    const { payload, inputs } = task;
    if (inputs.length > 0) this.#checkInputs(inputs);
    const body = encodeBody(payload, inputs);
    this.#checkSize(body.length - payloadHeaderBytes(payload.length));
    const draft: TaskDraft = {
      bodyBytes: this.#sink.bodies.add(body),
      hosts: this.#policies.placesByData ? hostsOf(inputs) : nowhere,
      inputBytes: inputBytesOf(inputs),
      delayMs: checker.optional(".delay_ms", task.delayMs, 0, limits.durationMs, 0),
      recordCount: checker.optional(".record_count", task.recordCount, 0, limits.recordCount, 0),
    };
    const kind = this.#kindOf(task, stageKind);
    return kind === undefined ? draft : { ...draft, kind };
  }

  #message(tasks: EncodedTasks, i: number): TaskSpec {
    try {
      return tasks.message(i);
    } catch {
      throw new InvalidInputError(
        [{ field: this.#checker.path(""), description: "the bytes are no task" }],
        "MALFORMED",
      );
    }
  }

  #checkSize(content: number): void {
    if (content <= limits.taskContentBytes) return;
    const what = "bytes of payload and inputs";
    this.#checker.exceed(".payload", limits.taskContentBytes, content, what);
  }

  #failForType(): void {
    this.#checker.fail(".task_type", "is missing, and the stage does not give it either");
  }

  #checkInputs(inputs: readonly Input[]): void {
    const checker = this.#checker;
    if (!checker.count(".inputs", inputs.length, limits.inputs)) return;
    for (let i = 0; i < inputs.length; i++) {
      const { uri, hosts, sizeBytes } = inputs[i] as Input;
      if (uri === "") checker.fail(`.inputs[${i}].uri`, "is missing");
      else if (uri.length * 3 > limits.uriBytes) {
        checker.text(`.inputs[${i}].uri`, uri, limits.uriBytes);
      }
      if (sizeBytes > safeIntegerMax) {
        checker.fail(`.inputs[${i}].size_bytes`, "is beyond 9,007,199,254,740,991");
      }
      if (hosts.length > limits.inputHosts) {
        checker.count(`.inputs[${i}].hosts`, hosts.length, limits.inputHosts);
        continue;
      }
      for (let j = 0; j < hosts.length; j++) {
        const host = hosts[j] as string;
        if (host !== "" && host.length * 3 <= limits.hostBytes) continue;
        checker.host(`.inputs[${i}].hosts[${j}]`, host);
      }
    }
  }

  /** @returns undefined when the task is as its stage says */
  #kindOf(task: TaskSpec, stageKind: TaskKind): TaskKind | undefined {
    if (task.deadlineMs !== undefined || task.priority !== undefined) this.#checkLater(task);
    if (
      task.taskType === "" &&
      task.demand.length === 0 &&
      task.constraints === undefined &&
      task.attemptTimeoutMs === undefined
    ) {
      if (stageKind.type === "") this.#failForType();
      return undefined;
    }
    return this.#override(task, stageKind);
  }

  #checkLater(task: TaskSpec): void {
    const checker = this.#checker;
    if (checker.optionalLimit(".deadline_ms", task.deadlineMs, 1, 0) > 0) {
      checker.unsupported(".deadline_ms", "taskDeadline");
    }
    const priority = checker.optional(
      ".priority",
      task.priority,
      -limits.priority,
      limits.priority,
      0,
    );
    if (priority !== 0) checker.unsupported(".priority", "priority");
  }

  #override(task: TaskSpec, stageKind: TaskKind): TaskKind | undefined {
    const checker = this.#checker;
    const type = task.taskType === "" ? stageKind.type : task.taskType;
    checker.name(".task_type", type);
    const policy = type === stageKind.type ? stageKind.policy : this.#policies.policyOf(type);
    const attemptTimeoutMs = checker.optionalLimit(
      ".attempt_timeout_ms",
      task.attemptTimeoutMs,
      limits.attemptTimeoutMsMin,
      policy.attemptTimeoutMs,
    );
    const kind: TaskKind = {
      type,
      demand: decodeDemand(checker, ".demand", task.demand, stageKind.demand),
      constraints: decodeConstraints(
        checker,
        ".constraints",
        task.constraints,
        stageKind.constraints,
      ),
      policy:
        attemptTimeoutMs === policy.attemptTimeoutMs ? policy : { ...policy, attemptTimeoutMs },
    };
    if (isSameKind(kind, stageKind)) return undefined;
    return this.#intern(kind);
  }

  /** Type and time-out decide the policy, so that they tell policies apart as well. */
  #intern(kind: TaskKind): TaskKind {
    const key = keyOf(kind);
    const kinds = (this.#kinds ??= new Map());
    const known = kinds.get(key);
    if (known !== undefined) return known;
    kinds.set(key, kind);
    this.#sink.weight.addKind(kind);
    return kind;
  }
}
