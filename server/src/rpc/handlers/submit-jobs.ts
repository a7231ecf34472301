import type { SubmitJobResult } from "@capstan/proto/capstan/v1/master_service.js";
import { SubmitJobResult as SubmitJobResults } from "@capstan/proto/capstan/v1/master_service.js";
import type { Warning } from "@capstan/proto/capstan/v1/job.js";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import type { JobReply, JobSpec, State, SubmitJob } from "../../core/index.js";
import { assert } from "../../core/index.js";
import type { Result, Submission, SubmissionSource } from "../../engine/engine-port.js";
import { unary } from "../call.js";
import { Checker } from "../codec/checker.js";
import type { EncodedItems } from "../codec/encoded-items.js";
import type { BulkRequest } from "../codec/job-request.js";
import { LastHead, SubmitDecoder } from "../codec/submit-job.js";
import { LimitExceededError } from "../errors.js";
import { limits } from "../limits.js";
import type { Log } from "../log.js";
import { refusalOf, toRefusal } from "../status.js";
import type { Refusal } from "../status-details.js";
import { detailsOf } from "../status-details.js";
import { type KindInStage, kindsOf, warningsOf } from "../warnings.js";
import { WireWriter } from "../wire/wire-writer.js";
import { type HandlerDeps, type TraceOfSubmit, traced } from "./deps.js";
import { encodeSubmitted } from "./submit-job.js";

/** What all refusals together may take of the answer, and all warnings. */
const refusalBytes = 640 * 1_024;
const warningsMax = 1_024;

/**
 * Submits many jobs through the same command as SubmitJob, in order, with an outcome for each: one
 * that is wrong holds up none of the others.
 */
export function submitJobs({ engine, log, traceOfSubmit }: HandlerDeps) {
  const writer = new WireWriter();
  const lastHead = new LastHead();
  return unary<BulkRequest, Buffer>(log, async (request) => {
    checkEnvelope(request);
    const { namespace, bytes } = request;
    const decoder = new SubmitDecoder("SubmitJobs", namespace, bytes, lastHead);
    const jobs = new BulkJobs(request.items, decoder, log, traceOfSubmit);
    const [results, warnings] = await Promise.all([
      engine.submitFrom(jobs),
      engine.read((state, { now }) => warningsOfAll(state, jobs.kinds, decoder.namespace, now)),
    ]);
    return encodeResults(writer, jobs, results as readonly Result<JobReply>[], warnings);
  });
}

/** The jobs of a request, each decoded when the engine takes it. */
class BulkJobs implements SubmissionSource {
  /** By the place of the item in its request. */
  readonly refusals = new Map<number, Refusal>();
  /** Of each job that was taken: what may have to be warned of. Jobs that are alike share one. */
  readonly kinds: (readonly KindInStage[])[] = [];
  readonly #items: EncodedItems;
  readonly #decoder: SubmitDecoder;
  readonly #log: Log;
  readonly #traceOfSubmit: TraceOfSubmit | undefined;
  #next = 0;
  #spec: JobSpec | undefined;
  #kindsOfSpec: readonly KindInStage[] = [];

  constructor(
    items: EncodedItems,
    decoder: SubmitDecoder,
    log: Log,
    traceOfSubmit: TraceOfSubmit | undefined,
  ) {
    this.#items = items;
    this.#decoder = decoder;
    this.#log = log;
    this.#traceOfSubmit = traceOfSubmit;
  }

  get count(): number {
    return this.#items.length;
  }

  next(): Submission | undefined {
    while (this.#next < this.#items.length) {
      const at = this.#next++;
      try {
        const { command, blobs } = this.#decoder.decode(this.#items.at(at));
        this.kinds.push(this.#kindsOf(command));
        return { command: traced(command, this.#traceOfSubmit), blobs };
      } catch (error) {
        this.refusals.set(at, toRefusal(error, this.#log));
      }
    }
    return undefined;
  }

  #kindsOf(command: SubmitJob): readonly KindInStage[] {
    const { spec, tasks } = command;
    const isPlain = tasks.every((stage) => stage.tasks.every(({ kind }) => kind === undefined));
    if (!isPlain) return kindsOf(command);
    if (this.#spec !== spec) {
      this.#spec = spec;
      this.#kindsOfSpec = kindsOf(command);
    }
    return this.#kindsOfSpec;
  }
}

/** Jobs of the same kinds of tasks have the same warnings. */
function warningsOfAll(
  state: State,
  kindsOfJobs: readonly (readonly KindInStage[])[],
  namespace: string,
  now: number,
): Warning[][] {
  const known = new Map<readonly KindInStage[], Warning[]>();
  let left = warningsMax;
  return kindsOfJobs.map((kinds) => {
    let found = known.get(kinds);
    if (found === undefined) {
      found = warningsOf(state, namespace, kinds, now);
      known.set(kinds, found);
    }
    left -= found.length;
    return left < 0 ? [] : found;
  });
}

function checkEnvelope({ namespace, items }: BulkRequest): void {
  const checker = new Checker("SubmitJobs", "");
  checker.namespace(".namespace", namespace);
  if (items.length === 0) checker.fail(".items", "is empty; at least one is needed");
  checker.finish();
  if (items.length > limits.bulkItems) {
    throw new LimitExceededError("items", limits.bulkItems, items.length, "jobs");
  }
}

// SubmitJobsResponse.results = 1, SubmitJobResult.job = 1, SubmitJobResponse.job_id = 1 and state = 2.
const resultsTag = (1 << 3) | 2;
const jobTag = (1 << 3) | 2;
const jobIdTag = (1 << 3) | 2;
const stateTag = 2 << 3;

/** A SubmitJobsResponse. Jobs that are new, whole and without a warning are written by hand. */
function encodeResults(
  writer: WireWriter,
  jobs: BulkJobs,
  results: readonly Result<JobReply>[],
  warnings: readonly Warning[][],
): Buffer {
  // What an answer left behind that could not be written is not part of this one.
  writer.cut(0);
  const refusedMax = Math.floor(refusalBytes / jobs.count);
  let next = 0;
  for (let item = 0; item < jobs.count; item++) {
    const refusal = jobs.refusals.get(item);
    if (refusal !== undefined) {
      writeResult(writer, refused(refusal, refusedMax));
      continue;
    }
    const at = next++;
    const result = results[at];
    assert(result !== undefined, "a bulk submit has fewer results than jobs");
    const warned = warnings[at] ?? [];
    if (!result.ok) {
      writeResult(writer, refused(refusalOf(result.rejection), refusedMax));
    } else if (result.reply.created && warned.length === 0 && result.reply.state === "running") {
      writeNewJob(writer, result.reply.jobId);
    } else {
      const value = encodeSubmitted(result.reply, warned);
      writeResult(writer, { result: { $case: "job", value } });
    }
  }
  return writer.take();
}

function writeNewJob(writer: WireWriter, jobId: string): void {
  const length = 2 + jobId.length + 2;
  writer.key(resultsTag, 2 + length);
  writer.key(jobTag, length);
  writer.ascii(jobIdTag, jobId);
  writer.uint32(stateTag, JobState.JOB_STATE_RUNNING);
}

function writeResult(writer: WireWriter, result: SubmitJobResult): void {
  writer.bytes(resultsTag, SubmitJobResults.encode(result).finish());
}

function refused(refusal: Refusal, bytesMax: number): SubmitJobResult {
  return { result: { $case: "error", value: detailsOf(refusal, bytesMax) } };
}
