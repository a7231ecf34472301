import { Job } from "@capstan/proto/capstan/v1/job.js";
import type {
  ListJobsRequest,
  ListJobsResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeJob } from "../codec/encode-job.js";
import { encodeCursor, tokenOf } from "../codec/page-token.js";
import { fitPage } from "../codec/page.js";
import { decodeListJobs } from "../codec/reads.js";
import type { HandlerDeps } from "./deps.js";

/** Lists jobs, the newest first. */
export function listJobs({ engine, log }: HandlerDeps) {
  return unary<ListJobsRequest, ListJobsResponse>(log, async (request) => {
    const { filter, from, limit, hash } = decodeListJobs(request);
    const { jobs, next } = await engine.read((state) =>
      queries.listJobs(state, filter, from, limit),
    );
    const page = fitPage(jobs, (view) => encodeJob(view, "list"), Job);
    const last = jobs[page.length - 1];
    const goesOn = page.length < jobs.length ? last?.no : next;
    const nextPageToken = goesOn === undefined ? "" : tokenOf(encodeCursor(hash, [goesOn]));
    return { jobs: page, nextPageToken };
  });
}
