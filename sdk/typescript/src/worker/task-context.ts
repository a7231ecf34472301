import type { FailedRecord } from "@capstan/proto/capstan/v1/failure.js";
import type { Codec } from "../codec.js";
import { failureOf as failureView } from "../client/views.js";
import { readOutputs } from "../client/read-outputs.js";
import type { Connection } from "../rpc/connection.js";
import { userTracestate } from "../telemetry/spans.js";
import type { Failure } from "../views.js";
import { cut, failureOf } from "./failure.js";
import type { Lease } from "./lease.js";
import type { Task, TaskContext, Upstream } from "./task.js";

/** What the contexts of a worker share. */
export interface ContextServices {
  readonly workerId: string;
  readonly codec: Codec;
  /** For calls beside the stream; connects when it is first used. */
  connection(): Connection;
  /** Something was told that is to be sent. */
  told(lease: Lease, urgent: boolean): void;
}

const maxCheckpointBytes = 65_536;
const maxNoteBytes = 1_024;
const maxKeyBytes = 1_024;

/** The most failed records that one report may list. REC-1 of the protocol. */
export const maxFailedRecords = 1_000;

/**
 * What a handler knows about its run: a view of its lease. Methods are getters of bound functions, so that a
 * handler may take them apart (`async (task, { progress }) => …`) and none is built for one that does not.
 */
export class ContextView implements TaskContext {
  readonly task: Task;
  readonly #lease: Lease;
  readonly #services: ContextServices;

  constructor(task: Task, lease: Lease, services: ContextServices) {
    this.task = task;
    this.#lease = lease;
    this.#services = services;
  }

  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  get attempt(): number {
    return this.#lease.task.attempt;
  }

  get maxAttempts(): number {
    return this.#lease.stage.context.maxAttempts;
  }

  get isLastAttempt(): boolean {
    return this.#lease.task.isLastAttempt;
  }

  get delivery(): number {
    return this.#lease.task.delivery;
  }

  get generation(): number {
    return this.#lease.task.generation;
  }

  get speculative(): boolean {
    return this.#lease.task.speculative;
  }

  get previousFailure(): Failure | undefined {
    const failure = this.#lease.task.previousFailure;
    return failure && failureView(failure);
  }

  get checkpoint(): Uint8Array | undefined {
    const own = this.#lease.told?.checkpoint;
    if (own !== undefined) return own;
    const { checkpoint } = this.#lease.task;
    return checkpoint.byteLength === 0 ? undefined : checkpoint;
  }

  get workerId(): string {
    return this.#services.workerId;
  }

  get traceparent(): string {
    return this.#lease.stage.context.traceContext?.traceparent ?? "";
  }

  get tracestate(): string {
    return userTracestate(this.#lease.stage.context.traceContext?.tracestate ?? "");
  }

  get baggage(): string {
    return this.#lease.stage.context.traceContext?.baggage ?? "";
  }

  get remainingMs(): TaskContext["remainingMs"] {
    return () => {
      const { timeoutAt } = this.#lease;
      return timeoutAt === Infinity ? undefined : Math.max(0, timeoutAt - performance.now());
    };
  }

  get progress(): TaskContext["progress"] {
    return (fraction, note) => {
      const told = this.#lease.tell();
      // NaN and what went back are as if nothing had been said: the share never falls.
      if (fraction >= 0 && !(fraction < (told.fraction ?? 0)))
        told.fraction = Math.min(1, fraction);
      if (note !== undefined) told.note = cut(note, maxNoteBytes);
      this.#services.told(this.#lease, false);
    };
  }

  get saveCheckpoint(): TaskContext["saveCheckpoint"] {
    return (bytes) => {
      if (bytes.byteLength > maxCheckpointBytes) {
        throw new RangeError(
          `a checkpoint has at most ${maxCheckpointBytes} bytes, not ${bytes.byteLength}`,
        );
      }
      const told = this.#lease.tell();
      // A copy: the handler may go on writing to its own.
      told.checkpoint = Buffer.from(bytes);
      told.checkpointSent = false;
      this.#services.told(this.#lease, true);
    };
  }

  get failRecord(): TaskContext["failRecord"] {
    return (index, error, record = {}) => {
      if (!Number.isInteger(index) || index < 0) {
        throw new RangeError(`a record's index is a whole number from 0, not ${index}`);
      }
      const told = this.#lease.tell();
      told.failedRecords ??= new Map<number, FailedRecord>();
      // Beyond the limit the attempt fails as a whole: one more is enough to know.
      if (told.failedRecords.size > maxFailedRecords) return;
      told.failedRecords.set(index, {
        index,
        key: bytesOf(record.key).subarray(0, maxKeyBytes),
        content: bytesOf(record.content),
        failure: failureOf(error),
      });
    };
  }

  get setRecordCount(): TaskContext["setRecordCount"] {
    return (count) => {
      if (!Number.isInteger(count) || count < 0 || count > 1_000_000) {
        throw new RangeError(`a record count is a whole number from 0 to 1,000,000, not ${count}`);
      }
      this.#lease.tell().recordCount = count;
    };
  }

  get readPartition(): TaskContext["readPartition"] {
    return (stage) => {
      const upstream = upstreamOf(this.task, stage);
      const { index } = this.task;
      const query = {
        namespace: this.task.namespace,
        jobId: this.task.jobId,
        stage: upstream.stage,
        partition: upstream.kind === "partition" ? index : undefined,
        taskIndex: upstream.kind === "each" ? index : undefined,
        signal: this.signal,
        // While the lease holds, a master that is away comes back.
        retryForMs: Infinity,
      };
      return readOutputs(this.#services.connection(), query, this.#services.codec);
    };
  }
}

function upstreamOf(task: Task, stage: string | undefined): Upstream {
  const { upstream } = task;
  const found =
    stage === undefined && upstream.length === 1
      ? upstream[0]
      : upstream.find((one) => one.stage === stage);
  if (found !== undefined) return found;
  const names = upstream.map((one) => one.stage).join(", ") || "none";
  throw new RangeError(
    `task ${task.taskId} does not read stage ${stage ?? "?"}; it reads ${names}`,
  );
}

function bytesOf(value: Uint8Array | string | undefined): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  return typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value);
}
