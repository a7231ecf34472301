import type { Rejection } from "../../core/index.js";
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
  if (past === undefined) return rejection;
  if (past.cancelCause === "upload_lapsed") {
    const message = `the upload of job ${jobId} stood still for too long`;
    return { kind: "upload_lapsed", message };
  }
  const message = `job ${jobId} is ${past.state}`;
  return { kind: "job_not_uploading", message, metadata: { state: past.state } };
}
