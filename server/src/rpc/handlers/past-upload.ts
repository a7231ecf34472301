import { notUploading, type Rejection } from "../../core/index.js";
import type { History } from "../../history/history.js";

/**
 * Why a part of an upload is refused. Of a job that left the core, what the core would have said while it was
 * there: it ended, whether by lapsing or otherwise.
 *
 * @param rejection what the core said
 */
export async function refusalOfUpload(
  rejection: Rejection,
  history: History | undefined,
  namespace: string,
  jobId: string,
): Promise<Rejection> {
  if (rejection.kind !== "job_not_found") return rejection;
  const past = await history?.job(namespace, jobId);
  return past === undefined ? rejection : notUploading(past).rejection;
}
