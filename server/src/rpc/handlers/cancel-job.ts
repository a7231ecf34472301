import type {
  CancelJobRequest,
  CancelJobResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeJobState } from "../codec/encode-job.js";
import { decodeCancelJob } from "../codec/uploads.js";
import { RejectedError } from "../errors.js";
import type { HandlerDeps } from "./deps.js";

/** Cancels a job in whatever state it is. */
export function cancelJob({ engine, log, history }: HandlerDeps) {
  return unary<CancelJobRequest, CancelJobResponse>(log, async (request) => {
    const command = decodeCancelJob(request);
    const { namespace, jobId } = command;
    const [result, stillRunning] = await Promise.all([
      engine.submit<"cancel_job">(command),
      engine.read((state) => queries.startedLeases(state, namespace, jobId)),
    ]);
    const past = result.ok ? undefined : await history?.job(namespace, jobId);
    if (past !== undefined) return { state: encodeJobState(past.state), stillRunning: 0 };
    if (!result.ok) throw new RejectedError(result.rejection, { job_id: jobId });
    return { state: encodeJobState(result.reply.state), stillRunning };
  });
}
