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
  /** It lies in a request that is kept until it is answered: its upload is asked for nothing more. */
  written(): void;
  accepted(response: SubmitJobResponse): void;
  refused(error: unknown): void;
}

/** A job that waits to be sent, with the trace context that goes with it. */
interface Queued {
  readonly job: SmallJob;
  readonly trace: TraceContext | undefined;
}

/** A bulk request: what waits for its answer is bytes, and not the jobs as they were encoded. */
interface BulkRequest {
  readonly bytes: Uint8Array;
  readonly jobs: readonly SmallJob[];
  /** Where each item begins, as a field of the request, and where the last one ends. */
  readonly places: readonly number[];
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
  async #sendMany(queued: readonly Queued[]): Promise<void> {
    const retries = this.#connection.retries();
    let request = this.#requestOf(queued);
    while (request.jobs.length > 0) {
      const results = await this.#connection.unary(submitJobs, request.bytes);
      const again: number[] = [];
      let busy: CapstanError | undefined;
      for (let i = 0; i < request.jobs.length; i++) {
        const job = request.jobs[i] as SmallJob;
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
          again.push(i);
        } else {
          job.refused(error);
        }
      }
      if (busy === undefined) return;
      await retries.next(busy);
      request = this.#requestAgain(request, again);
    }
  }

  #requestOf(queued: readonly Queued[]): BulkRequest {
    let bytes = 128;
    for (const one of queued) bytes += boundOf(one);
    const writer = new MessageWriter(bytes);
    writer.text(field.namespace, this.#namespace);
    const places = [writer.length];
    for (const one of queued) {
      const item = writer.open(field.items, boundOf(one));
      one.job.upload.writeItem(writer, one.trace);
      writer.close(item);
      places.push(writer.length);
      one.job.written();
    }
    return { bytes: writer.finish(), jobs: queued.map(({ job }) => job), places };
  }

  /** Some of the items once more, as they were written. */
  #requestAgain({ bytes, jobs, places }: BulkRequest, again: readonly number[]): BulkRequest {
    const writer = new MessageWriter(bytes.byteLength);
    writer.text(field.namespace, this.#namespace);
    const newPlaces = [writer.length];
    for (const i of again) {
      writer.span(bytes, places[i] as number, places[i + 1] as number);
      newPlaces.push(writer.length);
    }
    const left = again.map((i) => jobs[i] as SmallJob);
    return { bytes: writer.finish(), jobs: left, places: newPlaces };
  }
}

/** What a job takes in a bulk request, at most. */
function boundOf({ job: { upload }, trace }: Queued): number {
  const bytes = upload.byteLength + 3 * upload.key.length + 64;
  if (trace === undefined) return bytes;
  const texts = trace.traceparent + trace.tracestate + trace.baggage;
  return bytes + Buffer.byteLength(texts) + 16;
}
