import { Job } from "@capstan/proto/capstan/v1/job.js";
import type {
  ListJobsRequest,
  ListJobsResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import type { JobFilter, JobView } from "../../core/index.js";
import { isFinished, queries } from "../../core/index.js";
import type { JobsPage } from "../../history/history.js";
import { unary } from "../call.js";
import { encodeJob } from "../codec/encode-job.js";
import { encodeCursor, tokenOf } from "../codec/page-token.js";
import { fitPage } from "../codec/page.js";
import { decodeListJobs } from "../codec/reads.js";
import type { HandlerDeps } from "./deps.js";

/** Lists jobs, the newest first: those in the core and those that left it, by their numbers. */
export function listJobs({ engine, log, history }: HandlerDeps) {
  /** Looks at as many jobs, from a number down, as one turn of the core and one step of the history may. */
  async function look(filter: JobFilter, from: number, limit: number): Promise<JobsPage> {
    const live = await engine.read((state) => queries.listJobs(state, filter, from, limit));
    // Asked after the core: what has left it by then is found here, and what leaves later, in both.
    const past = mayBePast(filter)
      ? await history?.jobs(filter, from, live.next ?? 0, limit)
      : undefined;
    return past === undefined ? live : merge(live, past, limit);
  }

  return unary<ListJobsRequest, ListJobsResponse>(log, async (request, _, isOver) => {
    const { filter, from, limit, hash } = decodeListJobs(request);
    const jobs: JobView[] = [];
    let next: number | undefined = from;
    // Between two that are asked for there may be any number of others, or of such that are gone.
    while (next !== undefined && jobs.length < limit && !isOver()) {
      const found: JobsPage = await look(filter, next, limit - jobs.length);
      jobs.push(...found.jobs);
      next = found.next;
    }
    const page = fitPage(jobs, (view) => encodeJob(view, "list"), Job);
    const last = jobs[page.length - 1];
    const goesOn = page.length < jobs.length ? last?.no : next;
    const nextPageToken = goesOn === undefined ? "" : tokenOf(encodeCursor(hash, [goesOn]));
    return { jobs: page, nextPageToken };
  });
}

/** Only jobs that have ended leave. */
function mayBePast({ states }: JobFilter): boolean {
  return states.length === 0 || states.some(isFinished);
}

/**
 * One page of two. Each was looked through from the same number down, as far as its `next` says: what
 * lies below the higher of the two is left to the next page.
 */
export function merge(live: JobsPage, past: JobsPage, limit: number): JobsPage {
  const floor = Math.max(live.next ?? 0, past.next ?? 0);
  const byNo = new Map<number, JobView>();
  // A job that is in both is shown as the core has it.
  for (const job of [...past.jobs, ...live.jobs]) if (job.no >= floor) byNo.set(job.no, job);
  const all = [...byNo.values()].sort((a, b) => b.no - a.no);
  const jobs = all.slice(0, limit);
  const isCut = all.length > limit;
  const isMore = isCut || live.next !== undefined || past.next !== undefined;
  if (!isMore) return { jobs, next: undefined };
  return { jobs, next: isCut ? jobs[jobs.length - 1]?.no : floor };
}
