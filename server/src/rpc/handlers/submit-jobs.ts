import type { SubmitJobResult } from "@capstan/proto/capstan/v1/master_service.js";
import { SubmitJobResult as SubmitJobResults } from "@capstan/proto/capstan/v1/master_service.js";
import type { Warning } from "@capstan/proto/capstan/v1/job.js";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import type { JobReply, JobSpec, State, SubmitJob } from "../../core/index.js";
import { assert } from "../../core/index.js";
import type { Result } from "../../engine/engine-port.js";
import { unary } from "../call.js";
import { Checker } from "../codec/checker.js";
import type { BulkRequest, JobRequest } from "../codec/job-request.js";
import type { Decoded } from "../codec/submit-job.js";
import { LastHead, SubmitDecoder } from "../codec/submit-job.js";
import { LimitExceededError } from "../errors.js";
import { limits } from "../limits.js";
import type { Log } from "../log.js";
import { refusalOf, toRefusal } from "../status.js";
import type { Refusal } from "../status-details.js";
import { detailsOf } from "../status-details.js";
import { kindsOf, warningsOf } from "../warnings.js";
import { WireWriter } from "../wire/wire-writer.js";
import { type HandlerDeps, traced } from "./deps.js";
import { encodeSubmitted } from "./submit-job.js";

/** What all refusals together may take of the answer, and all warnings. */
const refusalBytes = 640 * 1_024;
const warningsMax = 1_024;

type Item =
  | { readonly kind: "job"; readonly decoded: Decoded<SubmitJob> }
  | { readonly kind: "refused"; readonly refusal: Refusal };

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
    const items = request.items.map((item) => decodeItem(decoder, item, log));
    const jobs = items.flatMap((item) => (item.kind === "job" ? [item.decoded] : []));
    const submissions = jobs.map(({ command, blobs }) => ({
      command: traced(command, traceOfSubmit),
      blobs,
    }));
    const [results, warnings] = await Promise.all([
      submissions.length === 0 ? [] : engine.submitMany(submissions),
      engine.read((state, { now }) => warningsOfAll(state, jobs, now)),
    ]);
    return encodeResults(writer, items, results as readonly Result<JobReply>[], warnings);
  });
}

/** Jobs that share a spec and have no other kinds of tasks have the same warnings. */
function warningsOfAll(
  state: State,
  jobs: readonly Decoded<SubmitJob>[],
  now: number,
): Warning[][] {
  const known = new Map<JobSpec, Warning[]>();
  let left = warningsMax;
  return jobs.map(({ command }) => {
    const { spec, tasks } = command;
    const isPlain = tasks.every((stage) => stage.tasks.every(({ kind }) => kind === undefined));
    let found = isPlain ? known.get(spec) : undefined;
    found ??= warningsOf(state, spec.namespace, kindsOf(command), now);
    if (isPlain) known.set(spec, found);
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

function decodeItem(decoder: SubmitDecoder, item: JobRequest, log: Log): Item {
  try {
    return { kind: "job", decoded: decoder.decode(item) };
  } catch (error) {
    return { kind: "refused", refusal: toRefusal(error, log) };
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
  items: readonly Item[],
  results: readonly Result<JobReply>[],
  warnings: readonly Warning[][],
): Buffer {
  // What an answer left behind that could not be written is not part of this one.
  writer.cut(0);
  const refusedMax = Math.floor(refusalBytes / items.length);
  let next = 0;
  for (const item of items) {
    if (item.kind === "refused") {
      writeResult(writer, refused(item.refusal, refusedMax));
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
