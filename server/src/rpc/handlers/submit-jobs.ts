import type {
  SubmitJobResult,
  SubmitJobsResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import type { Warning } from "@capstan/proto/capstan/v1/job.js";
import type { JobReply, JobSpec, State, SubmitJob } from "../../core/index.js";
import { assert } from "../../core/index.js";
import type { Result } from "../../engine/engine-port.js";
import { unary } from "../call.js";
import { Checker } from "../codec/checker.js";
import type { BulkRequest, JobRequest } from "../codec/job-request.js";
import type { Decoded } from "../codec/submit-job.js";
import { SubmitDecoder } from "../codec/submit-job.js";
import { LimitExceededError } from "../errors.js";
import { limits } from "../limits.js";
import type { Log } from "../log.js";
import { refusalOf, toRefusal } from "../status.js";
import type { Refusal } from "../status-details.js";
import { detailsOf } from "../status-details.js";
import { kindsOf, warningsOf } from "../warnings.js";
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
  return unary<BulkRequest, SubmitJobsResponse>(log, async (request) => {
    checkEnvelope(request);
    const decoder = new SubmitDecoder("SubmitJobs", request.namespace, request.bytes);
    const items = request.items.map((item) => decodeItem(decoder, item, log));
    const jobs = items.flatMap((item) => (item.kind === "job" ? [item.decoded] : []));
    const submissions = jobs.map(({ command, blobs }) => ({
      command: traced(command, traceOfSubmit),
      blobs,
    }));
    const [results, warnings] = await Promise.all([
      submissions.length === 0 ? [] : engine.submitMany(submissions),
      engine.read((state) => warningsOfAll(state, jobs)),
    ]);
    return { results: encodeResults(items, results as readonly Result<JobReply>[], warnings) };
  });
}

/** Jobs that share a spec and have no other kinds of tasks have the same warnings. */
function warningsOfAll(state: State, jobs: readonly Decoded<SubmitJob>[]): Warning[][] {
  const known = new Map<JobSpec, Warning[]>();
  let left = warningsMax;
  return jobs.map(({ command }) => {
    const { spec, tasks } = command;
    const isPlain = tasks.every((stage) => stage.tasks.every(({ kind }) => kind === undefined));
    let found = isPlain ? known.get(spec) : undefined;
    found ??= warningsOf(state, spec.namespace, kindsOf(command));
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

function encodeResults(
  items: readonly Item[],
  results: readonly Result<JobReply>[],
  warnings: readonly Warning[][],
): SubmitJobResult[] {
  const refusedMax = Math.floor(refusalBytes / items.length);
  let next = 0;
  return items.map((item) => {
    if (item.kind === "refused") return encodeRefused(item.refusal, refusedMax);
    const at = next++;
    const result = results[at];
    assert(result !== undefined, "a bulk submit has fewer results than jobs");
    if (!result.ok) return encodeRefused(refusalOf(result.rejection), refusedMax);
    const value = encodeSubmitted(result.reply, warnings[at] ?? []);
    return { result: { $case: "job", value } };
  });
}

function encodeRefused(refusal: Refusal, bytesMax: number): SubmitJobResult {
  return { result: { $case: "error", value: detailsOf(refusal, bytesMax) } };
}
