import type { SubmitJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { Warning } from "@capstan/proto/capstan/v1/job.js";
import type { JobReply } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeJobState } from "../codec/encode-job.js";
import type { SubmitRequest } from "../codec/job-request.js";
import { LastHead, SubmitDecoder } from "../codec/submit-job.js";
import { RejectedError } from "../errors.js";
import { kindsOf, warningsOf } from "../warnings.js";
import { type HandlerDeps, traced } from "./deps.js";

/** Submits a job, or opens an upload. */
export function submitJob({ engine, log, traceOfSubmit }: HandlerDeps) {
  const lastHead = new LastHead();
  return unary<SubmitRequest, SubmitJobResponse>(log, async ({ namespace, item, bytes }) => {
    const decoder = new SubmitDecoder("SubmitJob", namespace, bytes, lastHead);
    const { command: decoded, blobs } = decoder.decode(item);
    const command = traced(decoded, traceOfSubmit);
    const kinds = kindsOf(command);
    // Asked for in the same turn: the answer is not later for them.
    const [result, warnings] = await Promise.all([
      engine.submit<"submit_job">(command, blobs),
      engine.read((state, { now }) => warningsOf(state, command.spec.namespace, kinds, now)),
    ]);
    if (!result.ok) throw new RejectedError(result.rejection);
    return encodeSubmitted(result.reply, warnings);
  });
}

export function encodeSubmitted(reply: JobReply, warnings: Warning[]): SubmitJobResponse {
  const nextIndexes =
    reply.state === "uploading"
      ? reply.nextIndexes.map(({ stage, nextIndex }) => ({ stage, count: nextIndex }))
      : [];
  return {
    jobId: reply.jobId,
    state: encodeJobState(reply.state),
    existing: !reply.created,
    nextIndexes,
    warnings,
  };
}
