import type { SubmitJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { CapstanError } from "../errors.js";
import type { Connection } from "../rpc/connection.js";
import type { SendSpan } from "../telemetry/spans.js";
import type { SubmitOutcome } from "./answers.js";
import { JobHandle, type JobCalls } from "./job-handle.js";
import type { SubmitOptions } from "./options.js";
import type { SmallJob, Submitter } from "./submitter.js";
import type { JobUpload } from "./upload.js";

/** Who waits for a job to be accepted. */
export interface SubmitAnswer {
  accepted(handle: JobHandle): void;
  refused(error: unknown): void;
}

/** One job from the call that submits it to its answer. */
export class Submission implements SmallJob {
  readonly span: SendSpan;
  /** Undefined once it has been written down: a job that waits for its answer is small. */
  #upload: JobUpload | undefined;
  readonly #options: SubmitOptions;
  readonly #answer: SubmitAnswer;
  readonly #calls: JobCalls;
  #stopListening: (() => void) | undefined;
  /** Answered, or given up by its caller: what comes later is too late. */
  #isOver = false;

  constructor(
    upload: JobUpload,
    span: SendSpan,
    options: SubmitOptions,
    answer: SubmitAnswer,
    calls: JobCalls,
  ) {
    this.#upload = upload;
    this.span = span;
    this.#options = options;
    this.#answer = answer;
    this.#calls = calls;
  }

  get upload(): JobUpload {
    if (this.#upload === undefined) throw new Error("the job has been written down already");
    return this.#upload;
  }

  written(): void {
    this.#upload = undefined;
  }

  /** Sends it on its way: with others of the same turn if it fits in one message, else in parts. */
  begin(submitter: Submitter, connection: Connection): void {
    let fits: boolean | Promise<boolean>;
    try {
      fits = this.upload.fitsOneMessage();
    } catch (error) {
      this.refused(error);
      return;
    }
    if (fits === true) this.#sendWhole(submitter);
    else void this.#sendLater(fits, submitter, connection);
  }

  accepted(response: SubmitJobResponse): void {
    if (this.#isOver) return;
    this.#end();
    this.span.submitted(response.jobId);
    // Under a key that was drawn for this call, only an earlier try of it can have been there before.
    const existing = response.existing && this.#options.idempotencyKey !== undefined;
    this.#answer.accepted(new JobHandle(response, existing, this.#calls));
  }

  refused(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.span.failed(error);
    const answer = (): void => this.#answer.refused(error);
    // Of a job that was written down every task has been read.
    if (this.#upload === undefined) answer();
    else this.#upload.close().then(answer, answer);
  }

  #end(): void {
    this.#isOver = true;
    this.#stopListening?.();
  }

  #sendWhole(submitter: Submitter): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) {
      // While its tasks were read.
      this.refused(signal.reason);
      return;
    }
    if (signal !== undefined) {
      const onAbort = (): void => this.refused(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#stopListening = () => signal.removeEventListener("abort", onAbort);
    }
    submitter.add(this);
  }

  async #sendLater(
    fits: boolean | Promise<boolean>,
    submitter: Submitter,
    connection: Connection,
  ): Promise<void> {
    try {
      if (await fits) {
        this.#sendWhole(submitter);
        return;
      }
      const trace = this.span.traceContext(undefined);
      this.accepted(await this.upload.uploadInParts(connection, trace, this.#options.signal));
    } catch (error) {
      this.refused(error);
    }
  }
}

/** What becomes of many jobs, in order. */
export class Outcomes {
  readonly #outcomes: SubmitOutcome<JobHandle>[] = [];
  #count = 0;
  #open = 0;
  #wake: (() => void) | undefined;

  /** Who waits for the next of them. */
  next(): SubmitAnswer {
    this.#open += 1;
    return new Place(this, this.#count++);
  }

  /** All of them, once they have been settled. */
  async all(): Promise<SubmitOutcome<JobHandle>[]> {
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#outcomes;
  }

  settle(place: number, outcome: SubmitOutcome<JobHandle>): void {
    this.#outcomes[place] = outcome;
    this.#open -= 1;
    if (this.#open === 0) this.#wake?.();
  }
}

/** Who waits for the outcome of one job of many. */
class Place implements SubmitAnswer {
  readonly #outcomes: Outcomes;
  readonly #place: number;

  constructor(outcomes: Outcomes, place: number) {
    this.#outcomes = outcomes;
    this.#place = place;
  }

  accepted(job: JobHandle): void {
    this.#outcomes.settle(this.#place, { ok: true, job });
  }

  refused(error: unknown): void {
    this.#outcomes.settle(this.#place, { ok: false, error: CapstanError.from(error) });
  }
}
