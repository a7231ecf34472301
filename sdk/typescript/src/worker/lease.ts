import type { FailedRecord } from "@capstan/proto/capstan/v1/failure.js";
import type { TaskAborted } from "../abort-reasons.js";
import type { ProcessSpan } from "../telemetry/spans.js";
import type { Assignment } from "./assignment.js";
import type { Demand } from "./ledger.js";
import type { Registration } from "./registration.js";
import type { SharedContext } from "./stage-contexts.js";
import { bytesOf } from "./token.js";

/**
 * How far a lease is: `waiting` until its handler starts, `running` until that has ended, `reported` until
 * the master confirms the end, then `settled`.
 */
export type LeaseState = "waiting" | "running" | "reported" | "settled";

/** What several tasks of one message have in common, looked up once. */
export interface StageFacts {
  readonly jobId: string;
  readonly context: SharedContext;
  readonly demand: Demand;
  /** The handler of their type; undefined when there is none. */
  readonly registration: Registration | undefined;
}

/** What a handler has told of its task so far; built when it tells something. */
export interface Told {
  fraction: number | undefined;
  note: string;
  /** The newest checkpoint of this delivery. */
  checkpoint: Uint8Array | undefined;
  /** Whether the newest checkpoint is on its way. */
  checkpointSent: boolean;
  failedRecords: Map<number, FailedRecord> | undefined;
  recordCount: number | undefined;
}

/**
 * One lease, from its assignment to its settlement. Nothing is built before it is needed: most tasks never
 * ask for their signal and tell nothing but their end.
 */
export class Lease {
  /** `tokenKey` of its token. */
  readonly key: number;
  /** Another lease of the same key. */
  sameKey: Lease | undefined;
  readonly task: Assignment;
  readonly stage: StageFacts;
  readonly demand: Demand;
  /** When the handler must have ended; Infinity when there is no limit. Monotonic milliseconds. */
  timeoutAt: number;
  /** Whether that limit is the deadline of the task, not the time-out of the attempt. */
  timeoutIsDeadline = true;
  state: LeaseState = "waiting";
  /** Its place in the table that the heartbeat thread reads; -1 when it has none. */
  place = -1;
  startedAt = 0;
  /** Whether the master was told that it runs, in whatever session. */
  startedSent = false;
  /** Whether the master took it away: it is ended by Completed, Failed{CANCELLED} or Returned. */
  isTakenAway = false;
  /** Why it was aborted. */
  abortReason: TaskAborted | undefined;
  controller: AbortController | undefined;
  /** Its report, encoded, to be sent until it is settled. */
  report: Uint8Array | undefined;
  /** Whether the report was sent in some session. */
  reportSent = false;
  /** How often the master refused its report. */
  refusals = 0;
  told: Told | undefined;
  span: ProcessSpan | undefined;

  constructor(key: number, task: Assignment, stage: StageFacts, demand: Demand, now: number) {
    this.key = key;
    this.task = task;
    this.stage = stage;
    this.demand = demand;
    const deadlineMs = task.deadlineRemainingMs;
    this.timeoutAt = deadlineMs === undefined ? Infinity : now + deadlineMs;
  }

  /** `job/stage/index`. */
  get taskId(): string {
    const { jobId, context } = this.stage;
    return `${jobId}/${context.stage}/${this.task.index}`;
  }

  /** Its token's bytes. */
  get token(): Buffer {
    return bytesOf(this.task);
  }

  /** Whether the attempt may run for so long only, counted from its start. */
  get hasTimeout(): boolean {
    return this.#attemptTimeoutMs > 0;
  }

  get #attemptTimeoutMs(): number {
    return this.task.attemptTimeoutMs ?? this.stage.context.attemptTimeoutMs ?? 0;
  }

  /** The handler starts: the attempt's time-out runs from here. */
  start(now: number): void {
    this.state = "running";
    this.startedAt = now;
    const timeoutMs = this.#attemptTimeoutMs;
    if (timeoutMs > 0 && now + timeoutMs < this.timeoutAt) {
      this.timeoutAt = now + timeoutMs;
      this.timeoutIsDeadline = false;
    }
  }

  /** Tells the handler to stop. Only the first reason counts. */
  abort(reason: TaskAborted): void {
    if (this.abortReason !== undefined) return;
    this.abortReason = reason;
    this.controller?.abort(reason);
  }

  /** Its signal, built when it is first asked for. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.abortReason !== undefined) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /** What the handler has told. */
  tell(): Told {
    this.told ??= {
      fraction: undefined,
      note: "",
      checkpoint: undefined,
      checkpointSent: false,
      failedRecords: undefined,
      recordCount: undefined,
    };
    return this.told;
  }
}
