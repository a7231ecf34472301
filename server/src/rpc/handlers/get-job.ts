import type { GetJobRequest, GetJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeJob } from "../codec/encode-job.js";
import { decodeJobAddress } from "../codec/reads.js";
import { jobNotFound } from "../errors.js";
import { limits } from "../limits.js";
import { payloadOf } from "../payloads.js";
import { lossesOf, warningsOf } from "../warnings.js";
import type { HandlerDeps } from "./deps.js";

/** Reads a job. */
export function getJob({ engine, log, history }: HandlerDeps) {
  return unary<GetJobRequest, GetJobResponse>(log, async (request) => {
    const { namespace, jobId } = decodeJobAddress("GetJob", request);
    const [live, warnings] = await engine.read((state, { now }) => [
      queries.getJob(state, namespace, jobId),
      [
        ...warningsOf(state, namespace, queries.openKinds(state, namespace, jobId), now),
        ...lossesOf(state, namespace, jobId),
      ].slice(0, limits.warnings),
    ]);
    const view = live ?? (await history?.job(namespace, jobId));
    if (view === undefined) throw jobNotFound(jobId);
    const body = view.failure?.facts.body ?? 0;
    const failure = body === 0 ? undefined : await payloadOf({ engine, history }, body);
    return { job: { ...encodeJob(view, "whole", failure), warnings } };
  });
}
