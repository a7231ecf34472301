import type { TraceContext } from "@capstan/proto/capstan/v1/common.js";
import type { SubmitJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { CapstanError } from "../errors.js";
import type { Connection } from "../rpc/connection.js";
import { MessageWriter } from "../rpc/message-writer.js";
import { submitJob, submitJobs } from "../rpc/methods.js";
import type { SendSpan } from "../telemetry/spans.js";
import type { JobUpload } from "./upload.js";

/**
 * What one SubmitJobs carries at most, with room for what stands around the items. More would be allowed, and
 * would hold up the master for longer at a time without being cheaper.
 */
const bulkLimits = { items: 1_024, bytes: 900 * 1_024 };

/** How many bulk calls are under way at once. */
const callsInFlight = 3;

// SubmitJobsRequest.
const field = { namespace: 1, items: 2 } as const;

/** A job that fits in one message, and who waits for it. */
export interface SmallJob {
  readonly upload: JobUpload;
  readonly span: SendSpan;
  accepted(response: SubmitJobResponse): void;
  refused(error: unknown): void;
}

/** A job that waits to be sent, with the trace context that goes with it. */
interface Queued {
  readonly job: SmallJob;
  readonly trace: TraceContext | undefined;
}

/**
 * Sends small jobs: those that are submitted in one turn of the event loop go together in bulk calls by
 * themselves, a few at once. Each job has its own outcome.
 */
export class Submitter {
  readonly #connection: Connection;
  readonly #namespace: string;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #scheduled = false;
  #calls = 0;
  #waiting: (() => void)[] = [];

  constructor(connection: Connection, namespace: string) {
    this.#connection = connection;
    this.#namespace = namespace;
  }

  /** Sends a job at the end of this turn, or at once when a call is full. */
  add(job: SmallJob): void {
    const queued = { job, trace: job.span.traceContext(job.upload.taskCount) };
    const bytes = boundOf(queued);
    const full =
      this.#queue.length >= bulkLimits.items || this.#queuedBytes + bytes > bulkLimits.bytes;
    if (full) this.#flush();
    this.#queue.push(queued);
    this.#queuedBytes += bytes;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** Waits until another call may begin: for a caller with more jobs than fit in memory. */
  async ready(): Promise<void> {
    while (this.#calls >= callsInFlight) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #flush(): void {
    const jobs = this.#queue;
    if (jobs.length === 0) return;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#calls += 1;
    void this.#send(jobs).finally(() => {
      this.#calls -= 1;
      for (const resume of this.#waiting.splice(0)) resume();
    });
  }

  async #send(jobs: readonly Queued[]): Promise<void> {
    try {
      const [only] = jobs;
      if (only !== undefined && jobs.length === 1) await this.#sendOne(only);
      else await this.#sendMany(jobs);
    } catch (error) {
      for (const { job } of jobs) job.refused(error);
    }
  }

  async #sendOne({ job, trace }: Queued): Promise<void> {
    const request = job.upload.wholeRequest(trace);
    job.accepted(await this.#connection.unary(submitJob, request));
  }

  /** Jobs that the master is too busy for are sent again, when it says so; the others have their outcome. */
  async #sendMany(all: readonly Queued[]): Promise<void> {
    const retries = this.#connection.retries();
    let jobs = all;
    while (jobs.length > 0) {
      const results = await this.#connection.unary(submitJobs, this.#bulkRequest(jobs));
      const again: Queued[] = [];
      let busy: CapstanError | undefined;
      for (let i = 0; i < jobs.length; i++) {
        const queued = jobs[i] as Queued;
        const { job } = queued;
        const result = results[i]?.result;
        if (result?.$case === "job") {
          job.accepted(result.value);
          continue;
        }
        const error =
          result?.$case === "error"
            ? CapstanError.fromStatus(result.value)
            : new CapstanError("the master gave no outcome for this job", { code: "INTERNAL" });
        if (error.code === "UNAVAILABLE" || error.retryAfterMs !== undefined) {
          busy = error;
          again.push(queued);
        } else {
          job.refused(error);
        }
      }
      if (busy !== undefined) await retries.next(busy);
      jobs = again;
    }
  }

  #bulkRequest(jobs: readonly Queued[]): Uint8Array {
    let bytes = 128;
    for (const queued of jobs) bytes += boundOf(queued);
    const writer = new MessageWriter(bytes);
    writer.text(field.namespace, this.#namespace);
    for (const queued of jobs) {
      const item = writer.open(field.items, boundOf(queued));
      queued.job.upload.writeItem(writer, queued.trace);
      writer.close(item);
    }
    return writer.finish();
  }
}

/** What a job takes in a bulk request, at most. */
function boundOf({ job: { upload }, trace }: Queued): number {
  const bytes = upload.byteLength + 3 * upload.key.length + 64;
  if (trace === undefined) return bytes;
  const texts = trace.traceparent + trace.tracestate + trace.baggage;
  return bytes + Buffer.byteLength(texts) + 16;
}
